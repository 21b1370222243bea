"""From the mart into the lake: the two source tables, and source_orders, a day's lines.

The mart changes days that are long loaded. A run that is asked to look for such late changes reads
them again, from the same snapshot of the mart as its own day, and reports a materialization of
each: what was added, removed and altered, and from which status to which. Days that an earlier run
read and did not bring to its end are read again by whichever run comes next.
"""

import datetime as dt
from collections.abc import Collection
from typing import Any

import dagster as dg

from rfm_platform import catalog
from rfm_platform.assets.definition import customer_asset
from rfm_platform.assets.stopped import days_to_read_again, versions_held
from rfm_platform.calendar import days_between, last_day
from rfm_platform.customers.extraction import DayChange
from rfm_platform.lake import note, noted
from rfm_platform.mart import MartSnapshot
from rfm_platform.partitions import LateChanges, also_did, days_of
from rfm_platform.presentation import (
    FINGERPRINT,
    LAKE_VERSION,
    OWNERS,
    PERSONAL_DATA,
    ROW_COUNT,
    column_lineage,
    describe,
    table_of,
)
from rfm_platform.reconcile.sides import fingerprint, totals_read
from rfm_platform.wiring import Platform

ZONE = "timezone"  # noted of source_orders: whose midnight separates its days
SEVERAL = "several"

lines_table = dg.AssetSpec(
    catalog.flatten_order_marketplace.name,
    description=catalog.flatten_order_marketplace.comment,
    group_name="data_mart",
    kinds={"postgres"},
    owners=OWNERS,
    metadata=describe(catalog.flatten_order_marketplace),
)
orders_table = dg.AssetSpec(
    catalog.order_marketplace.name,
    description=catalog.order_marketplace.comment,
    group_name="data_mart",
    kinds={"postgres"},
    owners=OWNERS,
    tags={PERSONAL_DATA: "true"},
    metadata=describe(catalog.order_marketplace),
)


class SourceOrdersConfig(dg.Config):
    """`late_changes`: NONE, the WINDOW of RFM_LOOKBACK_DAYS, or ALL days since the first."""

    late_changes: LateChanges = LateChanges.NONE


def source_assets(daily: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The two source tables and the asset that reads them, over the given days."""

    @customer_asset(
        daily,
        deps=[lines_table, orders_table],
        kinds={"duckdb", "deltalake"},
        tags={PERSONAL_DATA: "true"},
        description="The day's order lines with their order's recipient, as the mart holds them. "
        "Loading a day again replaces it, whole.",
        metadata=describe(catalog.source_orders),
    )
    def source_orders(
        context: dg.AssetExecutionContext,
        config: SourceOrdersConfig,
        platform: dg.ResourceParam[Platform],
    ) -> dg.MaterializeResult[None]:
        days = days_of(context)
        totals: list[dict[str, Any]] = []
        before = {
            partition.value: partition for partition in platform.lake.source_orders.partitions()
        }
        zone = platform.settings.timezone
        moved = noted(platform.lake.source_orders, ZONE) != zone
        if moved:  # until all have been looked at, also by a run that dies
            note(platform.lake.source_orders, ZONE, SEVERAL)
        with platform.mart.snapshot() as snapshot:
            late = _late_days(
                context,
                platform,
                snapshot,
                days,
                config.late_changes,
                of_another_zone=before if moved else (),
            )
            platform.extraction.extract(
                snapshot,
                [*days, *late],
                progress=lambda day: context.log.info(f"read up to {day}"),
                observe=lambda session: totals.extend(totals_read(session)),
            )
        if moved and (not before or config.late_changes is not LateChanges.NONE):
            note(platform.lake.source_orders, ZONE, zone)
        changes = platform.extraction.changes(before, [d for d in [*days, *late] if d in before])
        versions = versions_held(platform.lake, [*days, *late])
        described = {
            day: {**_describe_day(totals, day, changes.get(day)), LAKE_VERSION: versions[day]}
            for day in [*days, *late]
        }
        for day in days:
            context.add_asset_metadata(described[day], partition_key=day.isoformat())
        also_did(context, "source_orders", {day: described[day] for day in late})
        return dg.MaterializeResult(metadata=column_lineage("source_orders"))

    return [lines_table, orders_table, source_orders]


def _late_days(
    context: dg.AssetExecutionContext,
    platform: Platform,
    snapshot: MartSnapshot,
    days: list[dt.date],
    late_changes: LateChanges,
    *,
    of_another_zone: Collection[dt.date],
) -> list[dt.date]:
    """Days beside the run's own that are read with them.

    If the run looks for late changes: earlier days that the mart does not hold as they were read,
    or that nobody has read yet. In any case those that a run has read and not brought to its end.

    Args:
        of_another_zone: days that were read when midnight may have been another: they are all
            looked at, later ones too.
    """
    others = days_between(platform.settings.start_date, last_day(days[-1]))
    stopped = days_to_read_again(context.instance, platform, {*others} - {*days})
    if late_changes is LateChanges.NONE:
        return stopped
    settings, extraction = platform.settings, platform.extraction
    looked_at = extraction.days_to_look_at(
        settings.start_date,
        days[0] - dt.timedelta(days=1),
        settings.lookback_days
        if late_changes is LateChanges.WINDOW and not of_another_zone
        else None,
    )
    if of_another_zone:
        looked_at += [day for day in of_another_zone if day > days[-1]]
        context.log.info("RFM_TIMEZONE may have been another one: looking at all loaded days")
    context.log.info(f"looking for late changes on {len(looked_at)} days")
    drifted = extraction.drifted(snapshot, looked_at)
    # A day without orders has nothing to differ in, and has to be seen as loaded all the same.
    known = context.instance.get_materialized_partitions(context.asset_key)
    unseen = [day for day in looked_at if day.isoformat() not in known]
    return sorted({*stopped, *drifted, *unseen})


def _describe_day(
    totals: list[dict[str, Any]], day: dt.date, change: DayChange | None
) -> dict[str, Any]:
    mine = [row for row in totals if row["day"] == day]
    metadata: dict[str, Any] = {
        ROW_COUNT: sum(row["lines"] for row in mine),
        "orders": sum(row["orders"] for row in mine),
        FINGERPRINT: fingerprint(totals, day),
    }
    if change is not None:
        metadata |= {
            "lines_added": change.added,
            "lines_removed": change.removed,
            "lines_altered": change.altered,
        }
        if change.statuses:
            metadata["status_changes"] = table_of(
                [{"from": old, "to": new, "lines": lines} for old, new, lines in change.statuses]
            )
    return metadata
