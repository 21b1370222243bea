"""What all assets of the chain have in common."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import dagster as dg

from rfm_platform.lake import LakeTable
from rfm_platform.partitions import BACKFILL
from rfm_platform.presentation import GROUP, OWNERS, ROW_COUNT

Decorator = Callable[[Callable[..., dg.MaterializeResult[None]]], dg.AssetsDefinition]
POOL = "rfm"  # one writer at a time
READ, FOLDED = dg.AssetKey("source_orders"), dg.AssetKey("aggregated_monthly")


def customer_asset(daily: dg.DailyPartitionsDefinition, **arguments: Any) -> Decorator:
    """`dagster.asset` by day, one run for a range, one run at a time.

    Args:
        daily: the partitions.
        arguments: as for `dagster.asset`.
    """
    decorator: Decorator = dg.asset(
        partitions_def=daily,
        backfill_policy=BACKFILL,
        pool=POOL,
        group_name=GROUP,
        owners=OWNERS,
        code_version="1",
        **arguments,
    )
    return decorator


def report_snapshot(
    context: dg.AssetExecutionContext,
    day: dt.date,
    table: LakeTable,
    *,
    kept: bool,
    rows: int | None = None,
    **metadata: object,
) -> None:
    """Tells what a day's snapshot is, on its page and in the log.

    Args:
        kept: False: it was published, and retention removed it at once.
        rows: how many it had; None: as many as the lake still holds.
        metadata: what else is told.
    """
    if rows is None:
        rows = rows_of(table, day)
    context.add_asset_metadata(
        {ROW_COUNT: rows, "kept_by_retention": kept, **metadata}, partition_key=day.isoformat()
    )
    context.log.info(f"{table.name} as of {day}: {rows} rows")


def rows_of(table: LakeTable, day: dt.date) -> int:
    """Rows of a day in the lake."""
    return sum(partition.rows for partition in table.partitions(day, day))
