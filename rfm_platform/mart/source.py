"""The data mart: what it calls things, what it must look like, and how a snapshot is opened.

Every read happens in a read-only transaction with a statement timeout that sees one snapshot of
both tables. Column and table names are the deployment's; session settings are pinned, so that
text forms do not depend on how a server is configured. What the rows mean is not decided here.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import psycopg
import sqlalchemy as sa
from psycopg import sql

from rfm_platform.catalog import flatten_order_marketplace, order_marketplace
from rfm_platform.mart.contract import AWARE, PADDED, ContractError, FoundTable, violations
from rfm_platform.mart.snapshot import MartSnapshot, read_statement
from rfm_platform.postgres import Database
from rfm_platform.postgres.limits import IDLE_LIMITS

_PINNED = {
    "DateStyle": "ISO, YMD",
    "TimeZone": "UTC",
    "standard_conforming_strings": "on",
    "row_security": "off",  # an error rather than some of the rows, also of what lies behind a view
    # A snapshot waits while what it has given is joined and written; each statement has its time.
    **dict.fromkeys(IDLE_LIMITS, "0"),
}


@dataclass(frozen=True)
class SourceNames:
    """What the mart calls its two tables and their columns.

    Attributes:
        columns: the mart's name by ours, `order_id`, of both tables that have it, or by table and
            name, `order_marketplace.order_id`, of one.
    """

    schema: str = "public"
    lines: str = flatten_order_marketplace.name
    orders: str = order_marketplace.name
    columns: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = [*flatten_order_marketplace.columns, *order_marketplace.columns]
        known = {name for column in columns for name in (column.name, str(column))}
        if unknown := sorted(set(self.columns) - known):
            raise ContractError(
                f"RFM_SOURCE_COLUMNS names {', '.join(unknown)}: the platform has no such column"
            )

    def of(self, table: sa.Table) -> dict[str, str]:
        """The mart's name of each column of a table."""
        named = self.columns
        return {
            column.name: named.get(str(column), named.get(column.name, column.name))
            for column in table.columns
        }


@dataclass(frozen=True)
class Mart:
    """The data mart.

    Attributes:
        database: where it is.
        names: what it calls things.
        timezone: the zone into which aware timestamps are converted.
        timeout_seconds: for each statement.
        connections: readers of one snapshot at once.
    """

    database: Database
    names: SourceNames
    timezone: str
    timeout_seconds: int
    connections: int = 1

    @contextmanager
    def snapshot(self) -> Iterator[MartSnapshot]:
        """Opens a snapshot, after a look at the contract.

        Raises:
            ContractError: a table, a column or a type is not what it should be.
            DatabaseError: the mart cannot be reached.
        """
        with ExitStack() as open_until_then:

            def join(exported: str | None = None) -> psycopg.Connection:
                return open_until_then.enter_context(self._transaction(exported))

            connection = join()
            encoding, lines, orders = self._found(connection)
            # Each connection has a snapshot of its own of another server's tables.
            readers = 1 if lines.has_remote else self.connections
            if problems := self._violations(lines, orders):
                raise ContractError(f"{self.database.label}: {'; '.join(problems)}")
            identifiers = self._identifiers(encoding, lines.types, orders.types)
            yield MartSnapshot(connection, identifiers, join, readers)

    @contextmanager
    def _transaction(self, exported: str | None) -> Iterator[psycopg.Connection]:
        with self.database.connect(
            read_only=True,
            statement_timeout_seconds=self.timeout_seconds,
            exported_snapshot=exported,
        ) as connection:
            # Not all servers have all of them.
            connection.execute(
                "SELECT set_config(name, pinned.value, true) "
                "FROM UNNEST(%s::text[], %s::text[]) AS pinned (name, value) "
                "JOIN pg_settings USING (name) "
                # The server's own functions before those of their names in anybody's schema.
                "UNION ALL SELECT set_config('search_path', CONCAT_WS(', ', 'pg_catalog', "
                "NULLIF(current_setting('search_path'), '')), true)",
                [list(_PINNED), list(_PINNED.values())],
            )
            yield connection

    def contract_violations(self) -> list[str]:
        """What is wrong with the source tables, a sentence each."""
        with self.database.connect(
            read_only=True, statement_timeout_seconds=self.timeout_seconds
        ) as connection:
            _, lines, orders = self._found(connection)
            return self._violations(lines, orders)

    def columns(self) -> dict[str, str]:
        """The type of every column of both source tables that we may read, as ``table.column``."""
        with self.database.connect(
            read_only=True, statement_timeout_seconds=self.timeout_seconds
        ) as connection:
            _, lines, orders = self._found(connection)
        return {f"{self.names.lines}.{name}": kind for name, kind in lines.types.items()} | {
            f"{self.names.orders}.{name}": kind for name, kind in orders.types.items()
        }

    def _found(self, connection: psycopg.Connection) -> tuple[str, FoundTable, FoundTable]:
        """The mart's encoding, and its two tables."""

        def found(table: str) -> FoundTable:
            wanted = {"schema": self.names.schema, "name": table}
            rows = connection.execute(read_statement("columns"), wanted).fetchall()
            return FoundTable(
                f"{self.names.schema}.{table}",
                {name: kind for name, kind, is_open, *_ in rows if is_open},
                {name for name, _, is_open, *_ in rows if not is_open},
                is_filtered=any(is_filtered for *_, is_filtered, _ in rows),
                has_remote=any(has_remote for *_, has_remote in rows),
            )

        encoding = connection.info.parameter_status("server_encoding") or ""
        return encoding, found(self.names.lines), found(self.names.orders)

    def _violations(self, lines: FoundTable, orders: FoundTable) -> list[str]:
        return [
            *violations(flatten_order_marketplace, self.names.of(flatten_order_marketplace), lines),
            *violations(order_marketplace, self.names.of(order_marketplace), orders),
        ]

    def _identifiers(
        self, encoding: str, lines: Mapping[str, str], orders: Mapping[str, str]
    ) -> dict[str, sql.Composable]:
        identifiers: dict[str, sql.Composable] = {
            "lines": _identifier(self.names.schema, self.names.lines),
            "orders": _identifier(self.names.schema, self.names.orders),
        }
        identifiers |= {
            name: _column("l", mart, lines[mart])
            for name, mart in self.names.of(flatten_order_marketplace).items()
        }
        identifiers |= {
            f"orders_{name}": _column("o", mart, orders[mart])
            for name, mart in self.names.of(order_marketplace).items()
        }
        identifiers |= self._moments(identifiers["create_timestamp"], lines)
        identifiers |= {
            name: read_statement("flag").format(flag=identifiers[f"{name}_flag"])
            for name in ("cancelled", "returned")
        }
        identifiers["orders_name"] = sql.Literal(identifiers["orders"].as_string(None))
        identifiers |= _of_texts(encoding, identifiers)
        for name in ("digest", "line_hash", "name_hash"):
            identifiers[name] = read_statement(name).format(**identifiers)
        return identifiers

    def _moments(
        self, created: sql.Composable, lines: Mapping[str, str]
    ) -> dict[str, sql.Composable]:
        """A line's moment, and the bounds of days that statements have.

        A bound stays on the column's own side of the conversion, so that an index serves. Where
        clocks change at midnight it may be off by as much as they change: midnight comes twice, or
        never. No zone ever changed by more than a day, so a bound is moved by one, and which lines
        are a day's is left to the local date: ``first`` and ``after`` leave out no line of the days
        between them, ``first_later`` and ``after_earlier`` no line outside.
        """
        aware = lines[self.names.of(flatten_order_marketplace)["create_timestamp"]] == AWARE
        zone = sql.SQL(" AT TIME ZONE {}").format(sql.Literal(self.timezone))

        def bound(parameter: str, moved: str) -> sql.Composable:
            if not aware:
                return sql.SQL(f"(%({parameter})s::timestamp)")
            return sql.SQL(f"((%({parameter})s::timestamp {moved} INTERVAL '1 day'){{}})").format(
                zone
            )

        return {
            "created": created,
            "created_local": sql.SQL("({}{})").format(created, zone if aware else sql.SQL("")),
            "first": bound("first", "-"),
            "after": bound("after", "+"),
            "first_later": bound("first", "+"),
            "after_earlier": bound("after", "-"),
        }


def _of_texts(
    encoding: str, identifiers: Mapping[str, sql.Composable]
) -> dict[str, sql.Composable]:
    """What is made of texts, and is the same in whatever encoding the mart has them."""
    told = read_statement("told_of_bytes" if encoding == "SQL_ASCII" else "told")
    texts: dict[str, sql.Composable] = {
        column.name: identifiers[column.name]
        for column in flatten_order_marketplace.columns
        if isinstance(column.type, sa.Text)
    }
    # totals_days tells an order of a day, too, which it has grouped under this name.
    texts["order_of_day"] = sql.SQL("d.order_id")
    same_order = encoding in ("UTF8", "SQL_ASCII")
    recipient = read_statement("recipient" if same_order else "recipient_recoded")
    made: dict[str, sql.Composable] = {"recipient": recipient.format(**identifiers)}
    return made | {f"{name}_told": told.format(text=text) for name, text in texts.items()}


def _column(table: str, name: str, kind: str) -> sql.Composable:
    identifier = _identifier(table, name)
    # Of char(n) COPY writes blanks up to n, which functions of text and comparisons do not see.
    return sql.SQL("{}::text").format(identifier) if kind == PADDED else identifier


def _identifier(*names: str) -> sql.Identifier:
    # Statements have parameters, and a parameter begins with a per cent sign.
    return sql.Identifier(*(name.replace("%", "%%") for name in names))
