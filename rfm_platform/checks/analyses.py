"""Whether segments, moves and retention by slice add up to the tables they were made from."""

import datetime as dt

import dagster as dg

from rfm_platform.checks.per_day import Verdict, adds_up, judge_days
from rfm_platform.checks.snapshots import segments_used
from rfm_platform.reconcile.analyses import (
    campaign_violations,
    campaigns_without_list,
    migration_violations,
    retention_violations,
    segment_violations,
)
from rfm_platform.wiring import Platform

# Moves and campaigns may have no rows for good reason: the first month, no calendar. Segments and
# retention have some wherever there is a customer, and a row also where a slice is withheld.
NOTHING = Verdict(
    True,
    "Nothing to compare: no rows, no snapshot of the month before, or not kept.",
    dg.AssetCheckSeverity.WARN,
)


def analysis_checks(daily: dg.DailyPartitionsDefinition) -> list[dg.AssetChecksDefinition]:
    """The checks of the analyses over the given days."""

    @dg.asset_check(
        asset="rfm_segments",
        partitions_def=daily,
        description="Segments, grid and concentration are what the published scores give, of shops "
        "what their customers give; actions are the segment file's.",
    )
    def segments_add_up(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        segments = segments_used(context, platform, platform.lake.rfm_segments)
        return judge_days(
            context,
            platform.lake.rfm_segments,
            "segments_add_up",
            lambda day: adds_up(segment_violations(platform.warehouse, day, segments.get(day))),
            without_rows=NOTHING,
            keep_days=platform.settings.keep_days,
            customers=platform.lake.final_user_analysis,
        )

    @dg.asset_check(
        asset="rfm_migration",
        partitions_def=daily,
        description="Moves and their causes are what the scores and thresholds of both published "
        "snapshots give, of shops what their customers give.",
    )
    def moves_add_up_to_both_snapshots(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        segments = platform.segments()
        return judge_days(
            context,
            platform.lake.rfm_migration,
            "moves_add_up_to_both_snapshots",
            lambda day: adds_up(
                migration_violations(
                    platform.warehouse, day, day.replace(day=1) - dt.timedelta(days=1), segments
                )
            ),
            without_rows=NOTHING,
        )

    @dg.asset_check(
        asset="cohort_retention",
        partitions_def=daily,
        description="Retention by slice is the cohort matrix, and shops add up to their customers.",
    )
    def retention_adds_up(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        return judge_days(
            context,
            platform.lake.cohort_retention,
            "retention_adds_up",
            lambda day: adds_up(retention_violations(platform.warehouse, day)),
            without_rows=NOTHING,
            keep_days=platform.settings.keep_days,
            customers=platform.lake.final_user_analysis,
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
        return judge_days(
            context,
            platform.lake.campaign_effect,
            "campaigns_add_up",
            lambda day: adds_up(campaign_violations(platform.warehouse, day)),
            without_rows=NOTHING,
        )

    @dg.asset_check(
        asset="campaign_effect",
        partitions_def=daily,
        description="The lists of customers by which a campaign that is over is judged could be "
        "read, at least once. Warns.",
    )
    def campaigns_have_their_lists(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        def verdict_of(day: dt.date) -> Verdict:
            gone = campaigns_without_list(platform.warehouse, day)
            said = f"Without an answer: {'; '.join(gone)}." if gone else "Every list was read."
            return Verdict(not gone, said, dg.AssetCheckSeverity.WARN)

        return judge_days(
            context,
            platform.lake.campaign_effect,
            "campaigns_have_their_lists",
            verdict_of,
            without_rows=NOTHING,
        )

    return [
        segments_add_up,
        moves_add_up_to_both_snapshots,
        retention_adds_up,
        campaigns_add_up,
        campaigns_have_their_lists,
    ]
