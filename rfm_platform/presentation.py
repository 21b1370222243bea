"""How a table of the catalogue and its rows appear in the Dagster UI."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any

import dagster as dg
import sqlalchemy as sa

OWNERS = ["team:data-engineering"]
GROUP = "customers"
BI_GROUP = "bi_database"
BI_OWNERS = ["team:platform-engineering"]
PERSONAL_DATA = "personal_data"
ROW_COUNT = "dagster/partition_row_count"
FINGERPRINT = "fingerprint"
LAKE_VERSION = "lake_version"  # of a day: what its files in the lake are known by
SEGMENTS_VERSION = "segments_version"  # of the segment file that a snapshot was made with
SUMMARY = "summary_of_days"  # marks a verdict whose days have verdicts of their own
DAY_LOOKED_AT = "day"  # of a verdict whose check has no partitions, and looks at the newest day
IS_NEWS = "has_happened"  # of a verdict that fails once, when something has changed
PARTS = "parts"  # of a verdict: what fails, of several things that its check looks at
_POSTGRES = sa.create_mock_engine("postgresql://", lambda *_: None).dialect


def column_schema(table: sa.Table) -> dg.TableSchema:
    """Names, types and comments of a table's columns."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.type.compile(_POSTGRES),
                description=column.comment,
            )
            for column in table.columns
        ]
    )


def describe(table: sa.Table) -> dict[str, Any]:
    """Metadata of an asset's definition: column schema and where the rows are published."""
    metadata: dict[str, Any] = {"dagster/column_schema": column_schema(table)}
    if table.schema:
        metadata["dagster/table_name"] = f"{table.schema}.{table.name}"
    return metadata


@lru_cache(maxsize=1)
def _lineage() -> dict[str, dict[str, list[list[str]]]]:
    file = resources.files("rfm_platform.customers").joinpath("lineage.json")
    lineage: dict[str, dict[str, list[list[str]]]] = json.loads(file.read_text(encoding="utf-8"))
    return lineage


def column_lineage(asset: str) -> dict[str, Any]:
    """Metadata of a materialization: from which column of which asset each column comes."""
    dependencies = {
        column: [
            dg.TableColumnDep(asset_key=dg.AssetKey(upstream), column_name=name)
            for upstream, name in sources
        ]
        for column, sources in _lineage()[asset].items()
    }
    return {"dagster/column_lineage": dg.TableColumnLineage(deps_by_column=dependencies)}


def table_of(rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """Rows as a table in the UI; values that JSON does not know as text."""
    records = [dg.TableRecord({key: _plain(value) for key, value in row.items()}) for row in rows]
    columns = [dg.TableColumn(name=name) for name in (rows[0] if rows else ())]
    return dg.MetadataValue.table(records, schema=dg.TableSchema(columns=columns))


def _plain(value: object) -> str | int | float | bool | None:
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)
