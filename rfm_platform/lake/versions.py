"""How long a Delta table's earlier versions can be read: a property of the table."""

from deltalake import CommitProperties, DeltaTable

_PROPERTIES = ("delta.deletedFileRetentionDuration", "delta.logRetentionDuration")


def keep_versions(table: DeltaTable, days: int, commit: CommitProperties | None) -> None:
    """Lets a table keep its versions for so many days, at least one.

    Delta's own are 7 days for files and 30 for the log: with each checkpoint it forgets what is
    older, whatever a vacuum is asked for.
    """
    wanted = dict.fromkeys(_PROPERTIES, f"interval {max(days, 1)} days")
    if not wanted.items() <= table.metadata().configuration.items():
        table.alter.set_table_properties(wanted, commit_properties=commit)
