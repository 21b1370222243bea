"""What the two source tables must look like before a row is read.

A mart changes without asking: a column is renamed, an amount becomes text. Read on regardless and
the numbers are wrong in silence, so every difference is named and nothing is loaded.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from rfm_platform.catalog import flatten_order_marketplace, order_marketplace
from rfm_platform.errors import PlatformError

PADDED = "character"
TEXT = ("text", "character varying", PADDED)
SMALL_INTEGER = ("smallint", "integer")
INTEGER = (*SMALL_INTEGER, "bigint")
TIMESTAMP = ("timestamp without time zone", "timestamp with time zone")
AWARE = "timestamp with time zone"
_GRANT = "grant SELECT on it and USAGE on its schema"


class ContractError(PlatformError):
    """The source is not what the platform was told to read: table, column, what to do."""


def accepted_types(column: sa.Column[object]) -> tuple[str, ...]:
    """PostgreSQL's names of the types in which a source column may come, the expected one last."""
    if isinstance(column.type, sa.Text):
        return TEXT
    if isinstance(column.type, sa.BigInteger):
        return INTEGER
    return SMALL_INTEGER if isinstance(column.type, sa.Integer) else TIMESTAMP


def _in_settings(column: sa.Column[object]) -> str:
    """What a column is called in RFM_SOURCE_COLUMNS: both tables have some of the names."""
    tables = (flatten_order_marketplace, order_marketplace)
    return str(column) if all(column.name in table.columns for table in tables) else column.name


@dataclass(frozen=True)
class FoundTable:
    """What the mart's own catalogue says of a source table.

    Attributes:
        name: its schema and name there.
        types: PostgreSQL's type of each column that we may read.
        closed: columns that we may not read. Neither these nor those: no such table.
        is_filtered: whether row-level security shows us some of its rows only.
        has_remote: whether the mart has tables of another server, of which a view may be made.
    """

    name: str
    types: Mapping[str, str]
    closed: Collection[str]
    is_filtered: bool = False
    has_remote: bool = False


def violations(table: sa.Table, names: Mapping[str, str], found: FoundTable) -> list[str]:
    """What is wrong with a source table, a sentence each; empty when it is as expected.

    Args:
        table: the table as the catalogue has it.
        names: the mart's name for each of its columns.
        found: the table as the mart has it.
    """
    if not found.types and not found.closed:
        return [
            f"table {found.name} is not there: set RFM_SOURCE_SCHEMA, RFM_SOURCE_LINES_TABLE or "
            "RFM_SOURCE_ORDERS_TABLE to where it is"
        ]
    if not found.types:
        return [f"table {found.name} may not be read: {_GRANT}"]
    problems = []
    if found.is_filtered:
        problems.append(
            f"{found.name} shows this role some of its rows only, by row-level security: let a "
            "role read it that has BYPASSRLS"
        )
    for column in table.columns:
        name = names[column.name]
        if name in found.closed:
            problems.append(f"{found.name}.{name} may not be read: {_GRANT}")
        elif name not in found.types:
            problems.append(
                f"{found.name} has no column {name}: if the mart calls it otherwise, say so in "
                f'RFM_SOURCE_COLUMNS={{"{_in_settings(column)}": "…"}}'
            )
        elif found.types[name] not in accepted_types(column):
            expected = " or ".join(accepted_types(column))
            problems.append(f"{found.name}.{name} is {found.types[name]}, expected {expected}")
    return problems
