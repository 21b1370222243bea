"""What must hold inside a snapshot of customers, scores and cohorts."""

import datetime as dt
from typing import Any

import dagster as dg

from rfm_platform.calendar import days_between
from rfm_platform.checks.per_day import Verdict, adds_up, judge_days, report
from rfm_platform.customers.segments import SCORES, Segments
from rfm_platform.lake import LakeTable
from rfm_platform.materializations import newest, recorded
from rfm_platform.partitions import days_of
from rfm_platform.presentation import SEGMENTS_VERSION, table_of
from rfm_platform.reconcile.history import customers_of_scores
from rfm_platform.reconcile.snapshots import cohort_violations, score_violations, sums_violations
from rfm_platform.wiring import Platform

WARN = dg.AssetCheckSeverity.WARN
DAYS_NAMED = 10
FOR_EVER = 1_000_000  # days that cohorts are kept
NOT_CHECKED = Verdict(False, "Not checked: retention removes snapshots of such days.", WARN)


def snapshot_checks(daily: dg.DailyPartitionsDefinition) -> list[dg.AssetChecksDefinition]:
    """Checks of final_user_analysis, rfm_scores and cohort_matrix."""

    @dg.asset_check(
        asset="final_user_analysis",
        blocking=True,
        partitions_def=daily,
        description="Orders, amounts, units and customers per marketplace are those of the months. "
        "Blocks.",
    )
    def sums_equal_the_months(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        return judge_days(
            context,
            platform.lake.final_user_analysis,
            "sums_equal_the_months",
            lambda day: adds_up(
                sums_violations(
                    platform.checked_transforms, platform.warehouse, day, "final_user_analysis"
                )
            ),
            without_rows=NOT_CHECKED,
            keep_days=platform.settings.keep_days,
            blocking=True,
        )

    @dg.asset_check(
        asset="final_user_analysis",
        partitions_def=daily,
        description="Every day from the first partition to this one is loaded.",
    )
    def history_is_complete(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        days = days_of(context.op_execution_context)
        loaded = context.instance.get_materialized_partitions(dg.AssetKey("source_orders"))
        start = dt.date.fromisoformat(daily.get_first_partition_key() or days[0].isoformat())
        missing = [d for d in days_between(start, days[-1]) if d.isoformat() not in loaded]
        verdicts = {day: _history([m for m in missing if m <= day], start) for day in days}
        return report(context, "final_user_analysis", "history_is_complete", verdicts)

    @dg.asset_check(
        asset="rfm_scores",
        partitions_def=daily,
        description="Customers, orders and amounts per marketplace are those of the months.",
    )
    def score_sums_equal_the_months(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        return judge_days(
            context,
            platform.lake.rfm_scores,
            "score_sums_equal_the_months",
            lambda day: adds_up(
                sums_violations(platform.checked_transforms, platform.warehouse, day, "rfm_scores")
            ),
            without_rows=NOT_CHECKED,
            keep_days=platform.settings.keep_days,
        )

    @dg.asset_check(
        asset="rfm_scores",
        partitions_def=daily,
        description="Every customer once; scores, outliers, tiers and thresholds as PostgreSQL's "
        "own quartiles of the published metrics give them; of each cell the segment that the file "
        "has, or one, where a snapshot may have been scored with an earlier file.",
    )
    def scores_follow_the_quartiles(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        segments = segments_used(context, platform, platform.lake.rfm_scores)
        return judge_days(
            context,
            platform.lake.rfm_scores,
            "scores_follow_the_quartiles",
            lambda day: adds_up(
                score_violations(
                    platform.warehouse,
                    day,
                    segments.get(day),
                    per_marketplace=platform.settings.quartiles_per_marketplace,
                )
            ),
            without_rows=NOT_CHECKED,
            keep_days=platform.settings.keep_days,
        )

    @dg.asset_check(
        asset="rfm_scores",
        partitions_def=daily,
        description="Q1 and Q3 of each metric differ and every score has customers. Where most "
        "buyers bought once, they do not: scores then tell less, and nothing is rebinned. "
        "Warns with the customers of each score.",
    )
    def quartiles_are_not_degenerate(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        days = days_of(context.op_execution_context)
        verdicts = {day: _quartiles(platform, day) for day in days}
        return report(context, "rfm_scores", "quartiles_are_not_degenerate", verdicts)

    @dg.asset_check(
        asset="cohort_matrix",
        partitions_def=daily,
        description="Cohort sizes, orders and amounts add up to the months', month 0 is the whole "
        "cohort, and each calendar month's customers are its active customers.",
    )
    def cohorts_add_up(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        return judge_days(
            context,
            platform.lake.cohort_matrix,
            "cohorts_add_up",
            lambda day: adds_up(
                [
                    *sums_violations(
                        platform.checked_transforms, platform.warehouse, day, "cohort_matrix"
                    ),
                    *cohort_violations(platform.checked_transforms, day),
                ]
            ),
            without_rows=NOT_CHECKED,
            keep_days=FOR_EVER,
        )

    return [
        sums_equal_the_months,
        history_is_complete,
        score_sums_equal_the_months,
        scores_follow_the_quartiles,
        quartiles_are_not_degenerate,
        cohorts_add_up,
    ]


def _history(missing: list[dt.date], start: dt.date) -> Verdict:
    if not missing:
        return Verdict(True, f"Every day since {start} is loaded.")
    named = ", ".join(map(str, missing[:DAYS_NAMED]))
    more = f" and {len(missing) - DAYS_NAMED} more" if len(missing) > DAYS_NAMED else ""
    return Verdict(
        False,
        f"{len(missing)} days since {start} are not loaded: {named}{more}. The snapshot counts "
        "only what is loaded.",
        WARN,
        {"missing_days": len(missing)},
    )


def segments_used(
    context: dg.AssetCheckExecutionContext, platform: Platform, table: LakeTable
) -> dict[dt.date, Segments]:
    """The segment file, for those of the run's days of a table that were made with it as it is now.

    Known of what this run has made. The newest snapshot is taken to be of this file as well,
    unless it was made with another version.
    """
    key = dg.AssetKey(table.name)
    days = days_of(context.op_execution_context)
    snapshots = table.partitions(days[0])
    segments = platform.segments()
    versions = recorded(context.instance, key, days, SEGMENTS_VERSION)
    made_now = {
        dt.date.fromisoformat(record.partition_key or "")
        for record in newest(context.instance, key, days)
        if record.run_id == context.run.run_id
    }
    return {
        day: segments
        for day in days
        if (day in made_now and versions.get(day) == segments.version)
        or (
            snapshots
            and day == snapshots[-1].value
            and versions.get(day, segments.version) == segments.version
        )
    }


def _quartiles(platform: Platform, day: dt.date) -> Verdict:
    rows = customers_of_scores(platform.lake, platform.engine, day)
    if not rows:
        return Verdict(False, "There is no customer to take quartiles over.", WARN)
    found = [row for row in rows if row["is_degenerate"]]
    said = "Three classes for each metric."
    if found:
        named = [f"{row['metric']} of {row['scope']}" for row in found]
        # Thresholds are kept for ever, scores are not.
        is_kept = all(row["with_score_1"] is not None for row in found)
        said = _with_counts(named, found) if is_kept else _without_counts(named)
    return Verdict(not found, said, WARN, {"thresholds": table_of(rows)})


def _with_counts(named: list[str], found: list[dict[str, Any]]) -> str:
    counts = [" / ".join(str(row[f"with_score_{score}"]) for score in SCORES) for row in found]
    listed = ", ".join(f"{name} ({count})" for name, count in zip(named, counts, strict=True))
    return f"Degenerate (customers with score 1 / 2 / 3): {listed}."


def _without_counts(named: list[str]) -> str:
    return (
        f"Degenerate: {', '.join(named)}. How many customers have each score is not known: "
        "retention removes scores of such days."
    )
