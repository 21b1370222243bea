"""What tables have in common: where they are, and the columns that several begin with."""

from typing import Any

from sqlalchemy import Column, Date, Index, MetaData, Text

SCHEMA = "rfm"

SOURCE = MetaData()
WAREHOUSE = MetaData(schema=SCHEMA)
LAKE = MetaData()
# Files beside the lake's tables.
FILES = MetaData()

GROUP_COLUMNS = ("marketplace", "shop_id", "shop_name", "user_id", "magpie_region_code")


def group_columns() -> list[Column[str]]:
    """What a line and a row of a month have in common."""
    return [
        Column("marketplace", Text, comment="E-commerce platform."),
        Column("shop_id", Text, comment="Shop, as the marketplace numbers it."),
        Column("shop_name", Text, comment="Shop, as people call it."),
        Column("user_id", Text, comment="Customer, unique within a marketplace."),
        Column("magpie_region_code", Text, comment="Region of the shop: ID, MY …"),
    ]


def as_of_columns(table: str) -> list[Column[Any] | Index]:
    """A snapshot's day, and the index that finds it."""
    return [
        Column("as_of_date", Date, nullable=False, comment="Lines up to this day count."),
        Index(f"{table}_as_of_date", "as_of_date"),
    ]


def slice_columns(*, names: bool = True) -> list[Column[Any]]:
    """All customers, a marketplace or a shop; with the shop's name unless told otherwise."""
    columns: list[Column[Any]] = [
        Column("scope", Text, comment="The slice: `all` customers, a `marketplace`, or a `shop`."),
        Column("marketplace", Text, comment="The slice's marketplace; null for all."),
        Column("shop_id", Text, comment="The slice's shop; null but for a shop."),
    ]
    if names:
        columns.append(Column("shop_name", Text, comment="Shop, as people call it."))
    return columns
