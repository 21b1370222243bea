"""Whether the newest day is published: looked at when it should be, not when it was."""

import datetime as dt
from zoneinfo import ZoneInfo

import dagster as dg

from rfm_platform.presentation import DAY_LOOKED_AT
from rfm_platform.wiring import Platform

ASSET = "rfm_scores"
CHECK = "is_published_by_the_deadline"
NEEDED = ("final_user_analysis", "rfm_scores", "cohort_matrix")


def deadline_check(daily: dg.DailyPartitionsDefinition) -> dg.AssetChecksDefinition:
    """A check without days, run by a schedule of its own: it is about what did not run."""

    @dg.asset_check(
        asset=ASSET,
        name=CHECK,
        description="Customers, scores and cohorts as of the newest day are published. Looked at "
        "by RFM_DEADLINE every morning; before it, of the day before.",
    )
    def is_published_by_the_deadline(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        settings = platform.settings
        due = _newest_due(settings.deadline, settings.timezone)
        # Somebody materializes scores at night, and Dagster looks at all their checks.
        newest = min(daily.get_last_partition_key() or "", due.isoformat())
        if newest < settings.start_date.isoformat():
            return dg.AssetCheckResult(passed=True, description="No day is due yet.")
        missing = [
            asset
            for asset in NEEDED
            if newest not in context.instance.get_materialized_partitions(dg.AssetKey(asset))
        ]
        return dg.AssetCheckResult(
            passed=not missing,
            description=f"{', '.join(missing)} as of {newest} is not there at "
            f"{settings.deadline:%H:%M}: look at the runs of `daily`, or start "
            f"`rfm refresh --as-of {newest}`."
            if missing
            else f"Everything as of {newest} is published.",
            metadata={DAY_LOOKED_AT: newest},
        )

    return is_published_by_the_deadline


def _newest_due(deadline: dt.time, timezone: str) -> dt.date:
    """The newest day on whose next morning the deadline is over."""
    now = dt.datetime.now(ZoneInfo(timezone))
    return now.date() - dt.timedelta(days=1 if now.time() >= deadline else 2)
