"""The catalogue's columns as Spark calls them."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    DateType,
    DecimalType,
    DoubleType,
    IntegerType,
    LongType,
    ShortType,
    StringType,
    StructField,
    StructType,
    TimestampNTZType,
)

_TYPES: dict[type[sa.types.TypeEngine[Any]], DataType] = {
    sa.Text: StringType(),
    sa.BigInteger: LongType(),
    sa.SmallInteger: ShortType(),
    sa.Integer: IntegerType(),
    sa.DateTime: TimestampNTZType(),
    sa.Date: DateType(),
    sa.Boolean: BooleanType(),
    sa.Float: DoubleType(),
}


def spark_type(column: sa.Column[Any]) -> DataType:
    """Spark's type for a catalogue column's."""
    if isinstance(column.type, sa.ARRAY):
        return ArrayType(StringType())
    if isinstance(column.type, sa.Numeric) and not isinstance(column.type, sa.Float):
        return DecimalType(column.type.precision or 38, column.type.scale or 0)
    return _TYPES[type(column.type)]


def spark_schema(columns: Iterable[sa.Column[Any]]) -> StructType:
    """Likewise for several."""
    return StructType([StructField(column.name, spark_type(column)) for column in columns])
