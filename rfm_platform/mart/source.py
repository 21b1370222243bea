"""Reading the data mart: a day's rows by COPY, and independent totals to hold them against.

Every read happens in a read-only transaction with a statement timeout that sees one snapshot of
both tables. Column and table names are the deployment's; session settings are pinned, so that
text forms do not depend on how a server is configured. What the rows mean is not decided here.
"""

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql
from psycopg.rows import dict_row

from rfm_platform.catalog import flatten_order_marketplace, order_marketplace
from rfm_platform.mart.contract import AWARE, ContractError, violations
from rfm_platform.postgres import Database

COPY_BUFFER_BYTES = 1 << 18
_COLUMN_TYPES = """
    SELECT a.attname, format_type(a.atttypid, NULL)
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped
      AND has_column_privilege(a.attrelid, a.attnum, 'SELECT')
"""
_PINNED = {
    "DateStyle": "ISO, YMD",
    "TimeZone": "UTC",
    "standard_conforming_strings": "on",
}


@dataclass(frozen=True)
class SourceNames:
    """What the mart calls its two tables and their columns."""

    schema: str = "public"
    lines: str = flatten_order_marketplace.name
    orders: str = order_marketplace.name
    columns: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = {c.name for t in (flatten_order_marketplace, order_marketplace) for c in t.columns}
        if unknown := sorted(set(self.columns) - known):
            raise ContractError(
                f"RFM_SOURCE_COLUMNS names {', '.join(unknown)}: the platform has no such column"
            )

    def of(self, table: sa.Table) -> dict[str, str]:
        """The mart's name of each column of a table."""
        return {column.name: self.columns.get(column.name, column.name) for column in table.columns}


class MartSnapshot:
    """One consistent view of both tables, as long as its transaction lasts."""

    def __init__(
        self, connection: psycopg.Connection, identifiers: Mapping[str, sql.Composable]
    ) -> None:
        self._connection = connection
        self._identifiers = identifiers

    def _statement(self, name: str, **parts: sql.Composable) -> sql.Composed:
        return _read_sql(name).format(**self._identifiers, **parts)

    def copy(
        self,
        name: str,
        days: Collection[dt.date],
        write: Callable[[bytes | memoryview], object],
        **parts: sql.Composable,
    ) -> None:
        r"""Streams the rows of ``sql/copy_<name>.sql`` as CSV, NULL as ``\N``, to `write`."""
        buffer = bytearray()
        with (
            self._connection.cursor() as cursor,
            cursor.copy(self._statement(f"copy_{name}", **parts), _on(days)) as rows,
        ):
            for row in rows:
                buffer += row
                if len(buffer) >= COPY_BUFFER_BYTES:
                    write(bytes(buffer))
                    buffer.clear()
        write(bytes(buffer))

    def copy_names(
        self, days: Collection[dt.date], write: Callable[[bytes | memoryview], object]
    ) -> None:
        """Streams the recipients of at least the orders that have a line on some days.

        Of all orders where most are wanted: looking for each would cost more.
        """
        most = self._connection.execute(self._statement("most_orders"), _on(days)).fetchone()
        wanted = sql.SQL("TRUE") if most == (True,) else self._statement("has_line")
        self.copy("names", days, write, wanted=wanted)

    def fingerprints(self, days: Collection[dt.date]) -> dict[dt.date, str]:
        """A fingerprint of each day that has lines: equal as long as its rows are.

        Comparable between fingerprints of one PostgreSQL release, at least 14, and with those
        that are added up from the hashes of the lines and names that `copy` gives.
        """
        if not days:
            return {}
        statement = self._statement("fingerprints")
        rows = self._connection.execute(statement, _on(days)).fetchall()
        found: dict[dt.date, str] = dict(rows)
        return found

    def totals(self, name: str, days: Collection[dt.date]) -> list[dict[str, Any]]:
        """The rows of ``sql/totals_<name>.sql``, about some days."""
        return self._records(f"totals_{name}", _on(days)) if days else []

    def order_digests(self, day: dt.date, marketplace: str | None) -> dict[str, str]:
        """A digest of each order of a day, by its number; equal as long as its lines are."""
        rows = self._records("order_digests", _on([day]) | {"marketplace": marketplace})
        return {row["order_id"]: row["digest"] for row in rows}

    def order_lines(
        self, day: dt.date, marketplace: str | None, orders: Collection[str]
    ) -> list[dict[str, Any]]:
        """The lines of some orders of a day, flags as they are understood."""
        chosen = {"marketplace": marketplace, "orders": list(orders)}
        return self._records("order_lines", _on([day]) | chosen)

    def _records(self, name: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(self._statement(name), parameters)
            return cursor.fetchall()


@dataclass(frozen=True)
class Mart:
    """The data mart.

    Attributes:
        database: where it is.
        names: what it calls things.
        timezone: the zone into which aware timestamps are converted.
        timeout_seconds: for each statement.
    """

    database: Database
    names: SourceNames
    timezone: str
    timeout_seconds: int

    @contextmanager
    def snapshot(self) -> Iterator[MartSnapshot]:
        """Opens a snapshot, after a look at the contract.

        Raises:
            ContractError: a table, a column or a type is not what it should be.
            DatabaseError: the mart cannot be reached.
        """
        with self.database.connect(
            read_only=True, statement_timeout_seconds=self.timeout_seconds
        ) as connection:
            for setting, value in _PINNED.items():
                connection.execute("SELECT set_config(%s, %s, false)", [setting, value])
            lines, orders = self._columns(connection)
            if problems := self._violations(lines, orders):
                raise ContractError(f"{self.database.label}: {'; '.join(problems)}")
            yield MartSnapshot(connection, self._identifiers(lines))

    def contract_violations(self) -> list[str]:
        """What is wrong with the source tables, a sentence each."""
        with self.database.connect(
            read_only=True, statement_timeout_seconds=self.timeout_seconds
        ) as connection:
            return self._violations(*self._columns(connection))

    def columns(self) -> dict[str, str]:
        """The type of every column of both source tables, as ``table.column``."""
        with self.database.connect(
            read_only=True, statement_timeout_seconds=self.timeout_seconds
        ) as connection:
            lines, orders = self._columns(connection)
        return {f"{self.names.lines}.{name}": kind for name, kind in lines.items()} | {
            f"{self.names.orders}.{name}": kind for name, kind in orders.items()
        }

    def _columns(self, connection: psycopg.Connection) -> tuple[dict[str, str], dict[str, str]]:
        def types(table: str) -> dict[str, str]:
            rows = connection.execute(_COLUMN_TYPES, [self.names.schema, table]).fetchall()
            return {name: kind for name, kind in rows}  # noqa: C416 - dict() loses the types

        return types(self.names.lines), types(self.names.orders)

    def _violations(self, lines: Mapping[str, str], orders: Mapping[str, str]) -> list[str]:
        return [
            *violations(flatten_order_marketplace, self.names.of(flatten_order_marketplace), lines),
            *violations(order_marketplace, self.names.of(order_marketplace), orders),
        ]

    def _identifiers(self, lines: Mapping[str, str]) -> dict[str, sql.Composable]:
        column = self.names.of(flatten_order_marketplace)
        created: sql.Composable = _identifier("l", column["create_timestamp"])
        zone: sql.Composable = sql.SQL("")
        if lines[column["create_timestamp"]] == AWARE:
            zone = sql.SQL(" AT TIME ZONE {}").format(sql.Literal(self.timezone))
        identifiers: dict[str, sql.Composable] = {
            "lines": _identifier(self.names.schema, self.names.lines),
            "orders": _identifier(self.names.schema, self.names.orders),
            # A bound stays on the column's own side of the conversion, so that an index serves.
            "created": created,
            "created_local": sql.SQL("({}{})").format(created, zone),
            "first": sql.SQL("(%(first)s::timestamp{})").format(zone),
            "after": sql.SQL("(%(after)s::timestamp{})").format(zone),
        }
        identifiers |= {
            name: _read_sql("flag").format(flag=_identifier("l", column[f"{name}_flag"]))
            for name in ("cancelled", "returned")
        }
        identifiers |= {name: _identifier("l", mart) for name, mart in column.items()}
        identifiers |= {
            f"orders_{name}": _identifier("o", mart)
            for name, mart in self.names.of(order_marketplace).items()
        }
        identifiers["orders_name"] = sql.Literal(identifiers["orders"].as_string(None))
        for name in ("digest", "line_hash", "name_hash"):
            identifiers[name] = _read_sql(name).format(**identifiers)
        return identifiers


def _on(days: Collection[dt.date]) -> dict[str, object]:
    """A statement's parameters: the days, and bounds around them, which an index serves."""
    after = max(days) + dt.timedelta(days=1)
    return {"first": min(days), "after": after, "days": sorted(days)}


def _identifier(*names: str) -> sql.Identifier:
    # Statements have parameters, and a parameter begins with a per cent sign.
    return sql.Identifier(*(name.replace("%", "%%") for name in names))


def _read_sql(name: str) -> sql.SQL:
    text = resources.files(__package__).joinpath("sql", f"{name}.sql").read_text("utf-8")
    return sql.SQL(text)
