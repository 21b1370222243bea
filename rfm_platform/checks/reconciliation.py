"""The platform against its source, tolerance zero, by queries that share no code with it.

A day that does not equal its source blocks everything downstream. One exception: the source may
have moved on since the day was read, as orders are cancelled at any hour. Then the day is right as
of its reading, which is proved by reading it once more in the same snapshot as the totals; the
check says so as a warning, and the day wants to be loaded again.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import dagster as dg

from rfm_platform.calendar import last_day
from rfm_platform.checks.per_day import Verdict, report
from rfm_platform.materializations import FOLDED, READ, look_at_the_newest, recorded
from rfm_platform.partitions import days_of
from rfm_platform.presentation import FINGERPRINT, table_of
from rfm_platform.reconcile.bisection import explain_days
from rfm_platform.reconcile.sides import (
    Months,
    fingerprint,
    reads_faithfully,
    reconcile_days,
    reconcile_months,
)
from rfm_platform.reconcile.totals import Difference
from rfm_platform.verdicts import EQUALS_THE_SOURCE
from rfm_platform.wiring import Platform

MONTH_CHECK = "months_equal_the_source"
LOOKS = 2  # at what is wrong: between them another run may have come to its end
ROWS_SHOWN = 50
DAYS_EXPLAINED = 3  # of a run, down to their orders; `rfm explain` does the others


_OVERTAKEN = Verdict(
    False,
    "Not judged: another run has read days of the month since. It publishes and judges it again.",
    dg.AssetCheckSeverity.WARN,
)


def reconciliation_checks(
    daily: dg.DailyPartitionsDefinition,
) -> list[dg.AssetChecksDefinition]:
    """source_orders and aggregated_monthly against the mart."""

    @dg.asset_check(
        asset="source_orders",
        name=EQUALS_THE_SOURCE,
        blocking=True,
        partitions_def=daily,
        description="The day's lines, orders, amounts, units, customers and timestamps per "
        "marketplace, and a fingerprint of every row, are the mart's. Blocks.",
    )
    def source_orders_equals_the_source(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        days = days_of(context.op_execution_context, "source_orders")
        (found, written), readings = look_at_the_newest(
            context.instance,
            READ,
            days,
            lambda: (
                reconcile_days(platform.mart, platform.lake, platform.engine, days),
                recorded(context.instance, READ, days, FINGERPRINT),
            ),
        )
        verdicts = {}
        for day in days:
            differences = [d for d in found.differences if d.period == day]
            moved = (
                bool(differences)
                and written.get(day) == fingerprint(found.platform, day)
                and reads_faithfully(platform.mart, platform.engine, day)
            )
            verdicts[day] = _verdict(differences, str(day), moved=moved)
        unlike = [day for day in days if not verdicts[day].passed][:DAYS_EXPLAINED]
        for day in unlike:
            verdicts[day] = _explain(platform, verdicts[day], found.differences, day)
        return report(
            context,
            "source_orders",
            EQUALS_THE_SOURCE,
            verdicts,
            blocking=True,
            looked_at=readings,
        )

    @dg.asset_check(
        asset="aggregated_monthly",
        name=MONTH_CHECK,
        blocking=True,
        partitions_def=daily,
        description="The published month's rows, orders, amounts, units and customers per "
        "marketplace are the mart's for the days that are loaded. Blocks.",
    )
    def aggregated_monthly_equals_the_source(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        days = days_of(context.op_execution_context, "aggregated_monthly")
        months = sorted({day.replace(day=1) for day in days})
        (found, overtaken), foldings = look_at_the_newest(
            context.instance,
            FOLDED,
            days,
            lambda: _look_at_months(context.instance, platform, months),
        )
        verdicts = {
            month: _OVERTAKEN
            if month in overtaken
            else _verdict(
                [d for d in found.differences if d.period == month],
                f"{month:%Y-%m}",
                moved=month not in found.inconsistent,
            )
            for month in months
        }
        return report(
            context,
            "aggregated_monthly",
            MONTH_CHECK,
            {day: verdicts[day.replace(day=1)] for day in days},
            blocking=True,
            looked_at=foldings,
        )

    return [source_orders_equals_the_source, aggregated_monthly_equals_the_source]


def _look_at_months(
    instance: dg.DagsterInstance, platform: Platform, months: Sequence[dt.date]
) -> tuple[Months, set[dt.date]]:
    """Published months against the mart, and those of which another run has read days since.

    What they are published from is not what the lake holds: that run folds and judges them again.
    """
    end = last_day(max(months))
    for _ in range(LOOKS):
        # A day without a line is loaded, and not in the lake.
        loaded = instance.get_materialized_partitions(READ)
        found = reconcile_months(
            platform.mart,
            platform.lake,
            platform.engine,
            platform.warehouse,
            months,
            loaded=[dt.date.fromisoformat(key) for key in loaded],
        )
        overtaken: set[dt.date] = set()
        if found.inconsistent:
            built = platform.checked_transforms.outdated_months(end)
            published = platform.publisher.outdated_months(end)
            overtaken = {*found.inconsistent} & {*built, *published}
        if overtaken == found.inconsistent:
            break
    return found, overtaken


def _explain(
    platform: Platform, verdict: Verdict, differences: Sequence[Difference], day: dt.date
) -> Verdict:
    """The verdict with the orders that differ, and why."""
    explained = explain_days(
        platform.mart,
        platform.lake,
        platform.engine,
        [difference for difference in differences if difference.period == day],
    )
    rows = [explanation.row() for explanation in explained.explanations]
    return replace(
        verdict,
        summary=f"{verdict.summary} {explained.summary}{_cut(len(rows), 'explanations')}",
        metadata={**verdict.metadata, "orders": table_of(rows[:ROWS_SHOWN])},
    )


def _verdict(differences: Sequence[Difference], period: str, *, moved: bool) -> Verdict:
    if not differences:
        return Verdict(True, f"{period} equals the mart.")
    measures = sorted({difference.measure for difference in differences})
    marketplaces = sorted({str(difference.marketplace) for difference in differences})
    where = f"{', '.join(marketplaces)}: {', '.join(measures)}"
    if moved:
        summary = (
            f"{period}: the mart has changed since it was read ({where}). "
            f"Materialize source_orders for it again."
        )
    else:
        summary = f"{period} is not what the mart holds ({where})."
    summary += _cut(len(differences), "differences")
    return Verdict(
        passed=False,
        summary=summary,
        severity=dg.AssetCheckSeverity.WARN if moved else dg.AssetCheckSeverity.ERROR,
        metadata={"differences": table_of([d.row() for d in differences[:ROWS_SHOWN]])},
    )


def _cut(rows: int, what: str) -> str:
    """What a summary says of a table that is too long to be shown."""
    return f" The first {ROWS_SHOWN} of {rows} {what} are listed." if rows > ROWS_SHOWN else ""
