"""How long a table's earlier versions can be read, and what is removed after that."""

from deltalake import CommitProperties, DeltaTable

from rfm_platform.lake.table import LakeTable

_PROPERTIES = ("delta.deletedFileRetentionDuration", "delta.logRetentionDuration")


def vacuum(table: LakeTable, days: int) -> int:
    """Removes files that no version of the last days names, those of killed writers too.

    Returns:
        How many; where another writer came between, only those of the last attempt.

    Raises:
        StoreError: the object store cannot be written, or others wrote all the time.
    """
    if table.version() is None:
        return 0

    def remove(opened: DeltaTable | None) -> int:
        if opened is None:  # removed since
            return 0
        _keep_versions(opened, days, table.store.commit_properties)
        opened.create_checkpoint()
        removed = opened.vacuum(
            retention_hours=days * 24,
            dry_run=False,
            enforce_retention_duration=False,
            full=True,
        )
        return len(removed)

    return table.write(remove)


def _keep_versions(opened: DeltaTable, days: int, commit: CommitProperties | None) -> None:
    """Lets a table keep its versions for so many days, at least one.

    Delta's own are 7 days for files and 30 for the log: with each checkpoint it forgets what is
    older, whatever a vacuum is asked for.
    """
    wanted = dict.fromkeys(_PROPERTIES, f"interval {max(days, 1)} days")
    if not wanted.items() <= opened.metadata().configuration.items():
        opened.alter.set_table_properties(wanted, commit_properties=commit)
