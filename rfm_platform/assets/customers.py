"""The chain behind source_orders: aggregated_monthly → final_user_analysis → rfm_scores and
cohort_matrix, by day.

Each asset computes its partitions in the lake and publishes them to the warehouse. One run serves
a day or a range of days. What a number means is written at its column, in the catalogue.
"""

import datetime as dt
from collections.abc import Collection, Iterable
from typing import Any

import dagster as dg

from rfm_platform import catalog
from rfm_platform.assets.definition import customer_asset, days_with_snapshot, report_snapshot
from rfm_platform.assets.stopped import refuse_stopped_days
from rfm_platform.calendar import days_between, last_day
from rfm_platform.customers.overviews import retention_table, segment_table
from rfm_platform.materializations import FOLDED, READ, behind
from rfm_platform.partitions import also_did, days_of
from rfm_platform.presentation import (
    PERSONAL_DATA,
    ROW_COUNT,
    column_lineage,
    describe,
    table_of,
)
from rfm_platform.wiring import Platform


def customer_assets(daily: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The chain's assets over the given days."""

    @customer_asset(
        daily,
        deps=["source_orders"],
        kinds={"duckdb", "deltalake", "postgres"},
        tags={PERSONAL_DATA: "true"},
        description="Folds the day into its month: one row per shop, customer, region and month, "
        "from all days of the month that are loaded.",
        metadata=describe(catalog.aggregated_monthly),
    )
    def aggregated_monthly(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        days = days_of(context)
        refuse_stopped_days(context, platform, last_day(days[-1]))
        # Looked up before months are built: what is loaded meanwhile is not in them.
        loaded = [
            dt.date.fromisoformat(key) for key in context.instance.get_materialized_partitions(READ)
        ]
        months = sorted(
            {day.replace(day=1) for day in days} | {*platform.transforms.outdated_months(days[-1])}
        )
        platform.transforms.fold_months(
            months, progress=lambda month: context.log.info(f"{month:%Y-%m} computed")
        )
        months = sorted({*months, *platform.publisher.outdated_months(days[-1])})
        read = [d for m in months for d in days_between(m, min(last_day(m), days[-1]))]
        late = [day for day in behind(context.instance, FOLDED, READ, read) if day not in days]
        # So that a month is judged which was published again for another reason, a new release say.
        late += _newest_days(loaded, {*months} - {day.replace(day=1) for day in [*days, *late]})
        restated = platform.publisher.publish_months(
            months,
            context.run.run_id,
            progress=lambda month: context.log.info(f"{month:%Y-%m} published"),
            loaded=loaded,
        )
        if restated:
            context.log.info(f"{restated} published figures restated: see rfm.restatements")
        rows = {month.value: month.rows for month in platform.lake.aggregated_monthly.partitions()}
        described: dict[dt.date, dict[str, Any]] = {
            day: {ROW_COUNT: rows.get(day.replace(day=1), 0), "month": f"{day:%Y-%m}"}
            for day in [*days, *late]
        }
        for day in days:
            context.add_asset_metadata(described[day], partition_key=day.isoformat())
        also_did(context, "aggregated_monthly", {day: described[day] for day in late})
        return dg.MaterializeResult(metadata=column_lineage("aggregated_monthly"))

    @customer_asset(
        daily,
        deps=[aggregated_monthly],
        kinds={"duckdb", "deltalake", "postgres"},
        tags={PERSONAL_DATA: "true"},
        description="Each customer's whole life in a shop and region, as of the day.",
        metadata=describe(catalog.final_user_analysis_snapshots),
    )
    def final_user_analysis(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        refuse_stopped_days(context, platform, days_of(context)[-1])
        for day in days_of(context):
            computed = platform.transforms.analyse_customers(day)
            kept = platform.publisher.publish_customers(day)
            report_snapshot(
                context,
                day,
                platform.lake.final_user_analysis,
                kept=kept,
                customers_computed="all" if computed is None else computed,
            )
        return dg.MaterializeResult(metadata=column_lineage("final_user_analysis"))

    @customer_asset(
        daily,
        deps=[final_user_analysis],
        kinds={"duckdb", "deltalake", "postgres"},
        description="Recency, frequency and monetary value of each customer, scored 1 to 3 by "
        "quartiles, with segment and tier, as of the day.",
        metadata=describe(catalog.rfm_scores_snapshots),
    )
    def rfm_scores(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        segments = platform.segments()
        for day in days_with_snapshot(context, platform.transforms, platform.lake.rfm_scores):
            platform.transforms.score(
                day, segments, per_marketplace=platform.settings.quartiles_per_marketplace
            )
            overview = segment_table(platform.lake, platform.engine, segments, day)
            kept = platform.publisher.publish_scores(day)
            report_snapshot(
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

    @customer_asset(
        daily,
        deps=[final_user_analysis],
        kinds={"duckdb", "deltalake", "postgres"},
        description="Retention by month of first order: how many of a cohort's customers bought "
        "in each month since, as of the day.",
        metadata=describe(catalog.cohort_matrix_snapshots),
    )
    def cohort_matrix(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        for day in days_of(context):
            platform.transforms.build_cohorts(day)
            kept = platform.publisher.publish_cohorts(day)
            report_snapshot(
                context,
                day,
                platform.lake.cohort_matrix,
                kept=kept,
                retention=table_of(retention_table(platform.lake, platform.engine, day)),
            )
        return dg.MaterializeResult(metadata=column_lineage("cohort_matrix"))

    return [
        aggregated_monthly,
        final_user_analysis,
        rfm_scores,
        cohort_matrix,
    ]


def _newest_days(days: Iterable[dt.date], months: Collection[dt.date]) -> list[dt.date]:
    """The newest of some days in each of some months that has any."""
    newest = {day.replace(day=1): day for day in sorted(days)}
    return [newest[month] for month in sorted(months) if month in newest]
