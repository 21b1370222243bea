"""What is known of a table as a whole, beside its rows: texts among its properties.

A note is a commit of its own, and a writer may die between it and its rows: it notes before them
what no longer holds, and after them what does.
"""

from deltalake import DeltaTable

from rfm_platform.lake.table import LakeTable

_OURS = "rfm."


def noted(table: LakeTable, name: str) -> str | None:
    """A note; None: there is none."""
    opened = table.open()
    return None if opened is None else opened.metadata().configuration.get(_OURS + name)


def note(table: LakeTable, name: str, value: str) -> None:
    """Notes something of a table, in the place of what was noted. Of one never written: nothing.

    Raises:
        StoreError: the object store cannot be written, or others wrote all the time.
    """
    if table.version() is None:
        return

    def set_property(opened: DeltaTable | None) -> None:
        if opened is not None:
            opened.alter.set_table_properties(
                {_OURS + name: value},
                raise_if_not_exists=False,
                commit_properties=table.store.commit_properties,
            )

    table.write(set_property)
