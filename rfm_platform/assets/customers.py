"""The main chain: source_orders → aggregated_monthly → final_user_analysis → rfm_scores and
cohort_matrix, by day.

Each asset computes its partitions in the lake and publishes them to the warehouse. One run serves
a day or a range of days. What a number means is written at its column, in the catalogue.
"""

import datetime as dt

import dagster as dg

from rfm_platform import catalog
from rfm_platform.customers.overviews import retention_table, segment_table
from rfm_platform.lake import LakeTable
from rfm_platform.partitions import BACKFILL, days_of
from rfm_platform.presentation import (
    FINGERPRINT,
    GROUP,
    OWNERS,
    PERSONAL_DATA,
    ROW_COUNT,
    column_lineage,
    describe,
    table_of,
)
from rfm_platform.reconcile.sides import fingerprint, lake_days
from rfm_platform.wiring import Platform

POOL = "rfm"

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


def customer_assets(
    daily: dg.DailyPartitionsDefinition,
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The chain's assets and the two source tables, over the given days."""

    @dg.asset(
        partitions_def=daily,
        backfill_policy=BACKFILL,
        pool=POOL,
        deps=[lines_table, orders_table],
        group_name=GROUP,
        owners=OWNERS,
        kinds={"duckdb", "deltalake"},
        tags={PERSONAL_DATA: "true"},
        code_version="1",
        description="The day's order lines with their order's recipient, as the mart holds them. "
        "Loading a day again replaces it, whole.",
        metadata=describe(catalog.source_orders),
    )
    def source_orders(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult:
        days = days_of(context)
        platform.transforms.extract(
            platform.mart,
            days[0],
            days[-1],
            progress=lambda day: context.log.info(f"read up to {day}"),
        )
        totals = lake_days(platform.lake, platform.engine, days[0], days[-1])
        for day in days:
            mine = [row for row in totals if row["day"] == day]
            context.add_asset_metadata(
                {
                    ROW_COUNT: sum(row["lines"] for row in mine),
                    "orders": sum(row["orders"] for row in mine),
                    FINGERPRINT: fingerprint(totals, day),
                },
                partition_key=day.isoformat(),
            )
        return dg.MaterializeResult(metadata=column_lineage("source_orders"))

    @dg.asset(
        partitions_def=daily,
        backfill_policy=BACKFILL,
        pool=POOL,
        deps=[source_orders],
        group_name=GROUP,
        owners=OWNERS,
        kinds={"duckdb", "deltalake", "postgres"},
        tags={PERSONAL_DATA: "true"},
        code_version="1",
        description="Folds the day into its month: one row per shop, customer, region and month, "
        "from all days of the month that are loaded.",
        metadata=describe(catalog.aggregated_monthly),
    )
    def aggregated_monthly(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult:
        days = days_of(context)
        platform.transforms.fold_months(
            days[0],
            days[-1],
            progress=lambda month: context.log.info(f"{month:%Y-%m} computed"),
        )
        platform.publisher.publish_months(
            days[0],
            days[-1],
            progress=lambda month: context.log.info(f"{month:%Y-%m} published"),
        )
        rows = _rows(platform.lake.aggregated_monthly)
        for day in days:
            month = day.replace(day=1)
            context.add_asset_metadata(
                {ROW_COUNT: rows.get(month, 0), "month": f"{month:%Y-%m}"},
                partition_key=day.isoformat(),
            )
        return dg.MaterializeResult(metadata=column_lineage("aggregated_monthly"))

    @dg.asset(
        partitions_def=daily,
        backfill_policy=BACKFILL,
        pool=POOL,
        deps=[aggregated_monthly],
        group_name=GROUP,
        owners=OWNERS,
        kinds={"duckdb", "deltalake", "postgres"},
        tags={PERSONAL_DATA: "true"},
        code_version="1",
        description="Each customer's whole life in a shop and region, as of the day.",
        metadata=describe(catalog.final_user_analysis_snapshots),
    )
    def final_user_analysis(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult:
        for day in days_of(context):
            platform.transforms.analyse_customers(day)
            kept = platform.publisher.publish_customers(day)
            _report_snapshot(context, day, platform.lake.final_user_analysis, kept=kept)
        return dg.MaterializeResult(metadata=column_lineage("final_user_analysis"))

    @dg.asset(
        partitions_def=daily,
        backfill_policy=BACKFILL,
        pool=POOL,
        deps=[final_user_analysis],
        group_name=GROUP,
        owners=OWNERS,
        kinds={"duckdb", "deltalake", "postgres"},
        code_version="1",
        description="Recency, frequency and monetary value of each customer, scored 1 to 3 by "
        "quartiles, with segment and tier, as of the day.",
        metadata=describe(catalog.rfm_scores_snapshots),
    )
    def rfm_scores(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult:
        segments = platform.segments()
        for day in days_of(context):
            platform.transforms.score(
                day, segments, per_marketplace=platform.settings.quartiles == "marketplace"
            )
            overview = segment_table(platform.lake, platform.engine, segments, day)
            kept = platform.publisher.publish_scores(day)
            _report_snapshot(
                context,
                day,
                platform.lake.rfm_scores,
                kept=kept,
                rows=sum(row["customers"] for row in overview.segments),
                segments=table_of(overview.segments),
                revenue_share_of_top_20_percent=overview.revenue_share_of_top_20_percent,
                segments_version=segments.version,
            )
        return dg.MaterializeResult(metadata=column_lineage("rfm_scores"))

    @dg.asset(
        partitions_def=daily,
        backfill_policy=BACKFILL,
        pool=POOL,
        deps=[final_user_analysis],
        group_name=GROUP,
        owners=OWNERS,
        kinds={"duckdb", "deltalake", "postgres"},
        code_version="1",
        description="Retention by month of first order: how many of a cohort's customers bought "
        "in each month since, as of the day.",
        metadata=describe(catalog.cohort_matrix_snapshots),
    )
    def cohort_matrix(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult:
        for day in days_of(context):
            platform.transforms.build_cohorts(day)
            kept = platform.publisher.publish_cohorts(day)
            _report_snapshot(
                context,
                day,
                platform.lake.cohort_matrix,
                kept=kept,
                retention=table_of(retention_table(platform.lake, platform.engine, day)),
            )
        return dg.MaterializeResult(metadata=column_lineage("cohort_matrix"))

    return [
        lines_table,
        orders_table,
        source_orders,
        aggregated_monthly,
        final_user_analysis,
        rfm_scores,
        cohort_matrix,
    ]


def _rows(
    table: LakeTable, first: dt.date | None = None, last: dt.date | None = None
) -> dict[dt.date, int]:
    return {partition.value: partition.rows for partition in table.partitions(first, last)}


def _report_snapshot(
    context: dg.AssetExecutionContext,
    day: dt.date,
    table: LakeTable,
    *,
    kept: bool,
    rows: int | None = None,
    **metadata: object,
) -> None:
    if rows is None:
        rows = _rows(table, day, day).get(day, 0)
    context.add_asset_metadata(
        {ROW_COUNT: rows, "kept_by_retention": kept, **metadata}, partition_key=day.isoformat()
    )
    context.log.info(f"{table.name} as of {day}: {rows} rows")
