"""What analysts and marketers look at, by day: segments, moves between them, retention by slice,
and the report that shows them.

Small aggregates of the snapshots; what a number means is written at its column, in the catalogue.
"""

from collections.abc import Sequence

import dagster as dg

from rfm_platform import catalog
from rfm_platform.assets.definition import (
    customer_asset,
    days_with_snapshot,
    report_snapshot,
    rows_of,
)
from rfm_platform.dashboards.picture import retention_picture
from rfm_platform.outcomes import check_lines
from rfm_platform.partitions import days_of
from rfm_platform.presentation import ROW_COUNT, column_lineage, describe, table_of
from rfm_platform.wiring import Platform

KINDS = {"duckdb", "deltalake", "postgres"}


def analysis_assets(
    daily: dg.DailyPartitionsDefinition, checks: Sequence[dg.AssetCheckSpec]
) -> list[dg.AssetsDefinition]:
    """The analyses over the given days.

    Args:
        checks: those that the report tells of.
    """

    @customer_asset(
        daily,
        deps=["rfm_scores", "final_user_analysis"],
        kinds=KINDS,
        description="Segments of all customers, of each marketplace and of each shop, with their "
        "action, the R×F×M grid and the concentration of revenue, as of the day.",
        metadata=describe(catalog.rfm_segments_snapshots),
    )
    def rfm_segments(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        for day in days_with_snapshot(context, platform.transforms, platform.lake.rfm_segments):
            segments = platform.segments()
            platform.analyses.segment(day, segments)
            kept = platform.publisher.publish_analyses(
                day, "rfm_segments", "rfm_cells", "rfm_concentration"
            )
            report_snapshot(
                context,
                day,
                platform.lake.rfm_segments,
                kept=kept,
                segments=table_of(platform.analyses.overview(day)),
                segments_version=segments.version,
            )
        return dg.MaterializeResult(metadata=column_lineage("rfm_segments"))

    @customer_asset(
        daily,
        deps=["rfm_scores", "final_user_analysis"],
        kinds=KINDS,
        description="Who moved from which segment to which since the end of the month before, and "
        "why: a new order, a cancellation, a correction, time passing, or thresholds that moved.",
        metadata=describe(catalog.rfm_migration_snapshots),
    )
    def rfm_migration(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        for day in days_with_snapshot(context, platform.transforms, platform.lake.rfm_migration):
            from_date = platform.analyses.migrate(day, platform.segments())
            kept = platform.publisher.publish_analyses(day, "rfm_migration")
            report_snapshot(
                context,
                day,
                platform.lake.rfm_migration,
                kept=kept,
                from_date=str(from_date or "no snapshot at the end of the month before"),
            )
        return dg.MaterializeResult(metadata=column_lineage("rfm_migration"))

    @customer_asset(
        daily,
        deps=["cohort_matrix", "aggregated_monthly", "final_user_analysis"],
        kinds=KINDS,
        description="Retention by customers, orders and revenue, of all customers, of each "
        "marketplace and of each shop, as of the day.",
        metadata=describe(catalog.cohort_retention_snapshots),
    )
    def cohort_retention(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        for day in days_of(context):
            platform.analyses.retain(day)
            kept = platform.publisher.publish_analyses(day, "cohort_retention")
            report_snapshot(
                context,
                day,
                platform.lake.cohort_retention,
                kept=kept,
                retention=dg.MetadataValue.md(retention_picture(platform.analyses.retention(day))),
            )
        return dg.MaterializeResult(metadata=column_lineage("cohort_retention"))

    @customer_asset(
        daily,
        deps=[
            rfm_segments,
            rfm_migration,
            cohort_retention,
            "campaign_effect",
            "next_purchase_backtest",
        ],
        kinds={"html"},
        description="The page that marketers read: one self-contained HTML file for the day, "
        "aggregates only, small counts hidden.",
        metadata=describe(catalog.customer_report),
    )
    def customer_report(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        lines = check_lines(context.instance, checks)
        for day in days_of(context):
            if not rows_of(platform.lake.rfm_segments, day):
                said = "none: no customer yet, or retention has removed the day's snapshot"
                context.add_asset_metadata(
                    {ROW_COUNT: 0, "report": said}, partition_key=day.isoformat()
                )
                continue
            segments = platform.segments()
            report = platform.reports.write(day, segments, lines)
            table = platform.analyses.overview(day)
            context.add_asset_metadata(
                {
                    ROW_COUNT: 1,
                    "report": dg.MetadataValue.path(report.path.resolve()),
                    "open": dg.MetadataValue.url(report.path.resolve().as_uri()),
                    "megabytes": round(report.size / 1e6, 2),
                    "slices": report.slices,
                    "preview": dg.MetadataValue.md(
                        retention_picture(platform.analyses.retention(day))
                    ),
                    "segments": table_of(table),
                },
                partition_key=day.isoformat(),
            )
            context.log.info(f"report as of {day}: {report.path}")
        return dg.MaterializeResult(metadata=column_lineage("customer_report"))

    return [rfm_segments, rfm_migration, cohort_retention, customer_report]
