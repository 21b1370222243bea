"""The published tables: made from the catalogue with their comments, asked, and published to."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql
from psycopg.rows import dict_row
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateSchema, CreateTable
from sqlalchemy.sql.ddl import DDLElement

from rfm_platform.catalog import CURRENT_VIEWS, SCHEMA, WAREHOUSE, newest_snapshots
from rfm_platform.postgres import Database
from rfm_platform.warehouse.aside import Aside
from rfm_platform.warehouse.inspection import POSTGRES, look_at, refuse_what_is_in_the_way
from rfm_platform.warehouse.publication import LOCKS, Publication

# Of a table that an older release published, nobody has noted the day.
_CURRENT_VIEW = (
    "CREATE OR REPLACE VIEW {view} AS SELECT * FROM {table} WHERE as_of_date = GREATEST("
    "(SELECT MAX(as_of_date) FROM {table}), "
    "(SELECT as_of_date FROM {noted} WHERE table_name = {name}))"
)


@dataclass(frozen=True)
class Warehouse:
    """The published tables."""

    database: Database

    def prepare(self) -> None:
        """Creates schema, tables, indexes, views and comments, when they are not these already.

        A column that an older release's table lacks is added to it, if it may be null.

        Looked at once by each object: a run asks before each publication.

        Raises:
            DatabaseError: the database's encoding or a column's type is not what rows are sent in,
                or something of another role's or of another kind is in the way.
        """
        _ = self._prepared

    @cached_property
    def _prepared(self) -> bool:
        """The schema's comment says which catalogue it was made from, so that a run costs one query
        here and takes no lock that a reader would feel.
        """
        marker = f"Customers: who they are and whether they come back. Catalogue {_fingerprint()}."
        with self.database.connect() as connection:
            if look_at(connection, self.database.label) == [marker]:
                return True
            connection.execute("SELECT pg_advisory_xact_lock(%s, 0)", [LOCKS])
            refuse_what_is_in_the_way(connection, self.database.label)
            if not look_at(connection, self.database.label):
                # IF NOT EXISTS asks for the right to create one also where it has nothing to do.
                _execute(connection, CreateSchema(SCHEMA))
            there = _columns(connection)
            with connection.pipeline():  # hundreds of comments, and nothing to wait for
                connection.execute("SET LOCAL client_min_messages = warning")
                for table in WAREHOUSE.sorted_tables:
                    _execute(connection, CreateTable(table, if_not_exists=True))
                    _add_columns(connection, table, there.get(table.name))
                    for index in table.indexes:
                        _execute(connection, CreateIndex(index, if_not_exists=True))
                    _comment(connection, "TABLE", table.name, table.comment, table.columns)
                for name, table in CURRENT_VIEWS.items():
                    connection.execute(
                        sql.SQL(_CURRENT_VIEW).format(
                            view=sql.Identifier(SCHEMA, name),
                            table=sql.Identifier(SCHEMA, table.name),
                            noted=sql.Identifier(SCHEMA, newest_snapshots.name),
                            name=sql.Literal(table.name),
                        )
                    )
                    comment = f"Newest snapshot of {table.name}. {table.comment}"
                    _comment(connection, "VIEW", name, comment, table.columns)
                connection.execute(
                    sql.SQL("COMMENT ON SCHEMA {} IS {}").format(
                        sql.Identifier(SCHEMA), sql.Literal(marker)
                    )
                )
        return True

    @contextmanager
    def publication(self) -> Iterator[Publication]:
        """One transaction: committed at the end of the block, rolled back on an error."""
        with self.database.connect() as connection:
            yield Publication(connection)

    @contextmanager
    def aside(self) -> Iterator[Aside]:
        """A session to compare rows with published ones in."""
        with self.database.connect() as connection:
            look_at(connection, self.database.label)
            yield Aside(connection)

    def rows(
        self, statement: str, parameters: Mapping[str, object] | None = None
    ) -> list[dict[str, Any]]:
        """The rows of a query of ours."""
        with (
            self.database.connect(read_only=True) as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            cursor.execute(statement.encode(), parameters)
            return cursor.fetchall()


@cache
def _fingerprint() -> str:
    """Changes with every table, column, type, index and comment of the catalogue, and the views."""
    described = [
        (t.name, t.comment, [(c.name, repr(c.type), c.comment) for c in t.columns], len(t.indexes))
        for t in WAREHOUSE.sorted_tables
    ]
    return hashlib.md5(
        repr((described, _CURRENT_VIEW)).encode(), usedforsecurity=False
    ).hexdigest()[:12]


def _columns(connection: psycopg.Connection) -> dict[str, list[str]]:
    """The columns of each table that is there."""
    rows = connection.execute(
        "SELECT table_name::text, ARRAY_AGG(column_name::text) FROM information_schema.columns "
        "WHERE table_schema = %s GROUP BY table_name",
        [SCHEMA],
    ).fetchall()
    return dict(rows)


def _add_columns(
    connection: psycopg.Connection, table: sa.Table, there: Sequence[str] | None
) -> None:
    """Adds columns that a table of an older release lacks; its rows have nothing in them.

    Only those: even with IF NOT EXISTS, ALTER TABLE would wait for readers, and others for it.
    """
    for column in table.columns:
        if there is not None and column.nullable and column.name not in there:
            name = POSTGRES.identifier_preparer.format_table(table)
            definition = CreateColumn(column).compile(dialect=POSTGRES)
            connection.execute(f"ALTER TABLE {name} ADD COLUMN {definition}".encode())


def _execute(connection: psycopg.Connection, statement: DDLElement) -> None:
    text = str(statement.compile(dialect=POSTGRES))
    connection.execute(text.encode())


def _comment(
    connection: psycopg.Connection,
    kind: str,
    name: str,
    comment: str | None,
    columns: Any,
) -> None:
    connection.execute(
        sql.SQL("COMMENT ON {} {} IS {}").format(
            sql.SQL(kind),
            sql.Identifier(SCHEMA, name),
            sql.Literal(comment),
        )
    )
    for column in columns:
        connection.execute(
            sql.SQL("COMMENT ON COLUMN {} IS {}").format(
                sql.Identifier(SCHEMA, name, column.name), sql.Literal(column.comment)
            )
        )
