"""The catalogue's columns as Delta calls them."""

from typing import Any

import sqlalchemy as sa
from deltalake import Field, Schema
from deltalake.schema import ArrayType, PrimitiveType

_TYPES: dict[type[sa.types.TypeEngine[Any]], str] = {
    sa.Text: "string",
    sa.BigInteger: "long",
    sa.SmallInteger: "short",
    sa.Integer: "integer",
    sa.DateTime: "timestamp_ntz",
    sa.Date: "date",
    sa.Boolean: "boolean",
    sa.Float: "double",
}


def delta_schema(shape: sa.Table) -> Schema:
    """A Delta table's schema, the columns in the shape's order."""
    return Schema([Field(column.name, _type(column)) for column in shape.columns])


def _type(column: sa.Column[Any]) -> PrimitiveType | ArrayType:
    if isinstance(column.type, sa.ARRAY):
        return ArrayType(PrimitiveType("string"), contains_null=True)
    if isinstance(column.type, sa.Numeric) and not isinstance(column.type, sa.Float):
        return PrimitiveType(f"decimal({column.type.precision},{column.type.scale})")
    return PrimitiveType(_TYPES[type(column.type)])
