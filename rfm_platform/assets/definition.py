"""What all assets of the chain have in common."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg

from rfm_platform.customers.transforms import Transforms
from rfm_platform.lake import LakeTable
from rfm_platform.partitions import BACKFILL, days_of
from rfm_platform.presentation import GROUP, OWNERS, ROW_COUNT

Decorator = Callable[[Callable[..., dg.MaterializeResult[None]]], dg.AssetsDefinition]
POOL = "rfm"  # one writer at a time


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
        kept: False: retention removed it as soon as it was published, or what it is made from.
        rows: how many it had; None: as many as the lake still holds.
        metadata: what else is told.
    """
    if rows is None:
        rows = rows_of(table, day)
    context.add_asset_metadata(
        {ROW_COUNT: rows, "kept_by_retention": kept, **metadata}, partition_key=day.isoformat()
    )
    context.log.info(f"{table.name} as of {day}: {rows} rows")


def days_with_snapshot(
    context: dg.AssetExecutionContext, transforms: Transforms, table: LakeTable
) -> Iterator[dt.date]:
    """The run's days but for those whose customers retention has removed.

    What was made of these stays as it is, and the table is reported as not kept.
    """
    for day in days_of(context):
        if transforms.lacks_snapshot(day):
            report_snapshot(context, day, table, kept=False)
        else:
            yield day


def rows_of(table: LakeTable, day: dt.date) -> int:
    """Rows of a day in the lake."""
    return sum(partition.rows for partition in table.partitions(day, day))
