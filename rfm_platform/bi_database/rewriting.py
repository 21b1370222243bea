"""Views' definitions as another release writes them.

Servers write a view out from its parsed form, and since 16 without the tables' names where there
is one table only. So the target is asked to read the source's text and to write it out itself: as
a temporary view, in a transaction that is taken back.
"""

import psycopg

from rfm_platform.bi_database.endpoint import pin_settings
from rfm_platform.bi_database.state import DatabaseState
from rfm_platform.postgres import Database

_KIND = ": "  # between what a view is and its text, as sql/views.sql writes it


def as_target_writes(source: DatabaseState, target: Database) -> DatabaseState:
    """A source's state, its views written as the target's release does.

    A view that the target cannot read stays as it is, and differs.
    """
    views = {}
    with target.connect() as connection:
        pin_settings(connection)
        for name, definition in source.sections["views"].items():
            kind, text = definition.split(_KIND, 1)
            views[name] = kind + _KIND + _rewritten(connection, text)
        connection.rollback()
    return source.model_copy(update={"sections": {**source.sections, "views": views}})


def _rewritten(connection: psycopg.Connection, text: str) -> str:
    try:
        with connection.transaction():
            connection.execute(f"CREATE TEMPORARY VIEW rfm_rewritten AS {text}".encode())
            row = connection.execute(
                "SELECT pg_get_viewdef('pg_temp.rfm_rewritten'::regclass)"
            ).fetchone()
            connection.execute("DROP VIEW pg_temp.rfm_rewritten")
    except psycopg.Error:
        return text
    return str(row[0]) if row else text
