"""What SQL is made of here: texts of files, and the catalogue's columns as DuckDB calls them."""

from functools import cache
from importlib import resources
from typing import Any

import sqlalchemy as sa

_TYPES: dict[type[sa.types.TypeEngine[Any]], str] = {
    sa.Text: "VARCHAR",
    sa.BigInteger: "BIGINT",
    sa.SmallInteger: "SMALLINT",
    sa.Integer: "INTEGER",
    sa.DateTime: "TIMESTAMP",
    sa.Date: "DATE",
    sa.Boolean: "BOOLEAN",
    sa.Float: "DOUBLE",
}


def duckdb_type(column: sa.Column[Any]) -> str:
    """DuckDB's name for a catalogue column's type."""
    if isinstance(column.type, sa.ARRAY):
        return "VARCHAR[]"
    if isinstance(column.type, sa.Numeric) and not isinstance(column.type, sa.Float):
        return f"DECIMAL({column.type.precision},{column.type.scale})"
    return _TYPES[type(column.type)]


@cache
def read_sql(package: str, name: str) -> str:
    """The text of ``sql/<name>.sql`` of a package."""
    return resources.files(package).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


# A list of text as PostgreSQL writes an array.
_PG_ARRAY = (
    "'{{' || ARRAY_TO_STRING(LIST_TRANSFORM(\"{0}\", LAMBDA x: "
    """'"' || REPLACE(REPLACE(x, '\\', '\\\\'), '"', '\\"') || '"'), ',') || '}}'"""
)


def as_postgres_reads(column: sa.Column[Any]) -> str:
    """A column's values as PostgreSQL's COPY takes them from CSV."""
    if isinstance(column.type, sa.ARRAY):
        return f'{_PG_ARRAY.format(column.name)} AS "{column.name}"'
    return f'"{column.name}"'
