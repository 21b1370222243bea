"""Whether a peer's tables hold what ours hold: each column of each row, in bounded memory.

Of each column the hashes of (the row's key, the value) are added up. Equal sums are equal columns
but for a chance of 1 in 10^19; where a sum differs, its column is named. Left out is what says
when and by whom a row was written: customer_key, as_of_date, load_timestamp, etl_batch_time.
"""

from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa

from rfm_platform import catalog
from rfm_platform.engine import DuckDBEngine, read_sql
from rfm_platform.engine.sql import duckdb_type
from rfm_platform.lake import LakeTable
from rfm_platform.wiring import Platform

_KEYS = {
    catalog.aggregated_monthly: (*catalog.GROUP_COLUMNS, "month_of_order"),
    catalog.final_user_analysis_snapshots: catalog.GROUP_COLUMNS,
    catalog.rfm_scores_snapshots: ("marketplace", "user_id"),
    catalog.cohort_matrix_snapshots: ("marketplace", "cohort_month", "months"),
}
_LEFT_OUT = ("customer_key", "as_of_date", "load_timestamp", "etl_batch_time")
# Table → rows, and each column's sum of hashes.
Fingerprints = dict[str, dict[str, int]]


def name_of(shape: sa.Table) -> str:
    """The result's name, as peers name its file."""
    return shape.name.removesuffix("_snapshots")


def our_fingerprints(platform: Platform) -> Fingerprints:
    """Of the published form of what lies in our lake."""
    lake = platform.lake
    tables: dict[str, LakeTable] = {table.name: table for table in lake.tables}
    found: Fingerprints = {}
    with platform.engine.session() as session:
        for shape in _KEYS:
            name = name_of(shape)
            session.view(tables[name])
            session.define("published", read_sql("rfm_platform.customers", f"publish_{name}"))
            found[name] = session.records(_query(shape))[0]
    return found


def fingerprints(engine: DuckDBEngine, results: Path) -> Fingerprints:
    """Of the Parquet files that a peer left."""
    found: Fingerprints = {}
    with engine.session() as session:
        for shape in _KEYS:
            name = name_of(shape)
            session.define("published", f"FROM '{results / name}.parquet'")
            found[name] = session.records(_query(shape))[0]
    return found


def differences(
    ours: Mapping[str, Mapping[str, int]], theirs: Mapping[str, Mapping[str, int]]
) -> list[str]:
    """What a peer computed otherwise: ``table.column``; nothing where all is equal."""
    return [
        f"{table}.{column}"
        for table, columns in ours.items()
        for column, value in columns.items()
        if theirs[table][column] != value
    ]


def _query(shape: sa.Table) -> str:
    key, columns = _KEYS[shape], shape.columns
    types = {c.name: duckdb_type(c) for c in columns if c.name not in _LEFT_OUT}
    cast = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in types.items())
    keys = ", ".join(key)
    sums = ", ".join(f"SUM(CAST(HASH({keys}, {name}) AS HUGEINT)) AS {name}" for name in types)
    return f"SELECT COUNT(*) AS rows, {sums} FROM (SELECT {cast} FROM published)"
