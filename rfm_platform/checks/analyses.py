"""Whether segments, moves and retention by slice add up to the tables they were made from."""

import datetime as dt
from collections.abc import Callable

import dagster as dg

from rfm_platform.checks.per_day import Verdict, report
from rfm_platform.lake import LakeTable
from rfm_platform.partitions import days_of
from rfm_platform.reconcile.analyses import (
    campaign_violations,
    migration_violations,
    retention_violations,
    segment_violations,
)
from rfm_platform.wiring import Platform

WARN = dg.AssetCheckSeverity.WARN


def analysis_checks(daily: dg.DailyPartitionsDefinition) -> list[dg.AssetChecksDefinition]:
    """The checks of the analyses over the given days."""

    @dg.asset_check(
        asset="rfm_segments",
        partitions_def=daily,
        description="Segments, grid and concentration add up to the scores, shops to their "
        "customers.",
    )
    def segments_add_up(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        return _judge(
            context,
            platform.lake.rfm_segments,
            "segments_add_up",
            lambda day: segment_violations(platform.warehouse, day),
        )

    @dg.asset_check(
        asset="rfm_migration",
        partitions_def=daily,
        description="Moves add up to both snapshots: rows to the earlier, columns to the later.",
    )
    def moves_add_up_to_both_snapshots(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        segments = platform.segments()
        return _judge(
            context,
            platform.lake.rfm_migration,
            "moves_add_up_to_both_snapshots",
            lambda day: migration_violations(
                platform.warehouse, day, day.replace(day=1) - dt.timedelta(days=1), segments
            ),
        )

    @dg.asset_check(
        asset="cohort_retention",
        partitions_def=daily,
        description="Retention by slice is the cohort matrix, and shops add up to their customers.",
    )
    def retention_adds_up(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        return _judge(
            context,
            platform.lake.cohort_retention,
            "retention_adds_up",
            lambda day: retention_violations(platform.warehouse, day),
        )

    @dg.asset_check(
        asset="campaign_effect",
        partitions_def=daily,
        description="Cohorts and segments of a campaign add up to all its customers, and no side "
        "matches more customers than it has.",
    )
    def campaigns_add_up(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        return _judge(
            context,
            platform.lake.campaign_effect,
            "campaigns_add_up",
            lambda day: campaign_violations(platform.warehouse, day),
        )

    return [
        segments_add_up,
        moves_add_up_to_both_snapshots,
        retention_adds_up,
        campaigns_add_up,
    ]


def _judge(
    context: dg.AssetCheckExecutionContext,
    table: LakeTable,
    check_name: str,
    violations: Callable[[dt.date], list[str]],
) -> dg.AssetCheckResult:
    days = days_of(context.op_execution_context)
    there = {partition.value for partition in table.partitions(days[0], days[-1])}
    verdicts = {}
    for day in days:
        if day not in there:
            said = "Nothing to compare: no rows, no snapshot of the month before, or not kept."
            verdicts[day] = Verdict(True, said, WARN)
            continue
        problems = violations(day)
        verdicts[day] = Verdict(not problems, "; ".join(problems) or "Everything adds up.")
    return report(context, table.name, check_name, verdicts)
