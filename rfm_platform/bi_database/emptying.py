"""What the database that a dump is restored into holds, and emptying it.

Only what the role may remove counts: an administrator's extensions stay, with what they brought
along, and the dump that comes takes them as they are.
"""

from collections.abc import Collection
from typing import Any

import psycopg
from psycopg import sql

from rfm_platform.bi_database.limits import lift_limits
from rfm_platform.bi_database.state import read_sql
from rfm_platform.postgres import Database

PUBLICATIONS_SINCE = 100000


def empty(target: Database, needed: Collection[str] = ()) -> None:
    """Removes everything that a database holds, and leaves the database and its schema public.

    Extensions stay that we may not drop, or are needed and could not be created again.

    Args:
        target: the database.
        needed: extensions of the dump that comes into it.

    Raises:
        DatabaseError: something cannot be removed, for example because another role owns it.
    """
    with target.connect() as connection:
        connection.autocommit = True
        lift_limits(connection)
        kept = kept_extensions(connection, needed)
        # An object may go with another one that is dropped before it.
        for _ in range(3):
            statements = _publications(connection)
            statements += [row["statement"] for row in rows_of(connection, "removals", kept=kept)]
            if not statements:
                return
            for statement in statements:
                connection.execute(statement.encode())


def contents(target: Database, needed: Collection[str] = ()) -> dict[str, int]:
    """How much a database holds, by kind; nothing where there is nothing to remove.

    Args:
        target: the database.
        needed: extensions that may be there, as the dump that comes into it has them.
    """
    with target.connect(read_only=True) as connection:
        found = held(connection, {*kept_extensions(connection, needed), *needed})
    return {kind: count for kind, count in found.items() if count}


def already_there(target: Database) -> list[str]:
    """Entries of an archive, as pg_restore lists them, that an emptied database would refuse."""
    with target.connect(read_only=True) as connection:
        return [row["entry"] for row in rows_of(connection, "already_there")]


def held(connection: psycopg.Connection, beside: Collection[str]) -> dict[str, int]:
    """How much there is by kind, beside some extensions."""
    found = one_row(connection, "contents", beside=beside)
    return found | {"publications": len(_publications(connection))}


def kept_extensions(connection: psycopg.Connection, needed: Collection[str]) -> list[str]:
    """The extensions that emptying leaves there."""
    return [row["name"] for row in rows_of(connection, "kept_extensions", needed=needed)]


def _publications(connection: psycopg.Connection) -> list[str]:
    if connection.info.server_version < PUBLICATIONS_SINCE:
        return []
    return [row["statement"] for row in rows_of(connection, "publications")]


def one_row(connection: psycopg.Connection, name: str, **names: Collection[str]) -> dict[str, Any]:
    """The row of sql/<name>.sql."""
    (row,) = rows_of(connection, name, **names)
    return row


def rows_of(
    connection: psycopg.Connection, name: str, **names: Collection[str]
) -> list[dict[str, Any]]:
    """The rows of sql/<name>.sql, in which lists of names are put."""
    arrays = {key: sql.Literal(sorted(each)).as_string(None) for key, each in names.items()}
    query = read_sql(name).format(**{key: f"{text}::text[]" for key, text in arrays.items()})
    with connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return cursor.execute(query.encode()).fetchall()
