"""Whether days and snapshots are like the ones before: warnings with figures and pictures."""

import base64
import datetime as dt
from collections.abc import Collection, Sequence

import dagster as dg

from rfm_platform.checks.per_day import Verdict, judge_days, report
from rfm_platform.partitions import days_of
from rfm_platform.presentation import table_of
from rfm_platform.reconcile.drift import Judgement, Limits, Unusual, days_to_read, judge
from rfm_platform.reconcile.history import (
    figures_of_days,
    first_days_of_marketplaces,
    shape_of_snapshot,
)
from rfm_platform.reconcile.season import load_season
from rfm_platform.reconcile.stability import (
    history_growth,
    moved_thresholds,
    population_stability,
)
from rfm_platform.settings import Settings
from rfm_platform.verdicts import judged
from rfm_platform.wiring import Platform

WARN = dg.AssetCheckSeverity.WARN
# A first morning, one after an outage, and a changed zone read months at once: told of each unusual
# day in them, nobody would find the one of today.
NOT_JUDGED = Verdict(
    True,
    "Not judged: the run did this day beside its own, and no run has judged it before.",
    WARN,
    looked_at=False,
)
NOT_KEPT = Verdict(True, "Not compared: retention removes snapshots of such days.", WARN)
SENTENCES = 3
ROWS_SHOWN = 30
PICTURES = 3
DAYS = "days_are_as_usual"
SEGMENTS = "segments_are_stable"
WIDTH, HEIGHT = 240, 60


def drift_checks(daily: dg.DailyPartitionsDefinition) -> list[dg.AssetChecksDefinition]:
    """Both checks."""

    @dg.asset_check(
        asset="aggregated_monthly",
        name=DAYS,
        partitions_def=daily,
        description="Orders, revenue, average order value, cancellations, returns, unknown and "
        "null shares and new customers of the day, in all, per marketplace and per shop, are like "
        "those of earlier days of the same weekday. Of special days only that there is no order at "
        "all is told. Days beside the run's own are judged where they had been before. Warns.",
    )
    def days_are_as_usual(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        own = days_of(context.op_execution_context)
        days = days_of(context.op_execution_context, "aggregated_monthly")
        again = judged(
            context.instance,
            dg.AssetCheckKey(dg.AssetKey("aggregated_monthly"), DAYS),
            [day for day in days if day not in own],
        )
        found = find_unusual(platform, [*own, *again])
        verdicts = {
            day: _day_verdict(day, found[day]) if day in found else NOT_JUDGED for day in days
        }
        return report(context, "aggregated_monthly", DAYS, verdicts)

    @dg.asset_check(
        asset="rfm_scores",
        name=SEGMENTS,
        partitions_def=daily,
        description="The shares of the segments and the thresholds of the scores are like those "
        "at the end of the month before (population stability index). Thresholds may grow as the "
        "history does. Warns.",
    )
    def segments_are_stable(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        return judge_days(
            context,
            platform.lake.rfm_scores,
            SEGMENTS,
            lambda day: _snapshot_verdict(platform, day),
            without_rows=NOT_KEPT,
            keep_days=platform.settings.keep_days,
            customers=platform.lake.final_user_analysis,
        )

    return [days_are_as_usual, segments_are_stable]


def find_unusual(platform: Platform, days: Sequence[dt.date]) -> dict[dt.date, Judgement]:
    """What is unusual on each of the days, or why nothing was looked for."""
    first, last = days_to_read(min(days)), max(days)
    figures = figures_of_days(platform.lake, platform.engine, first, last)
    season = load_season(platform.settings.season_file)
    return judge(figures, days, season, _limits(platform.settings))


def _limits(settings: Settings) -> Limits:
    return Limits(
        spread=settings.drift_spread,
        change=settings.drift_change,
        points=settings.drift_points,
        history=settings.drift_history,
        orders=settings.drift_orders,
    )


def _day_verdict(day: dt.date, judgement: Judgement) -> Verdict:
    found = judgement.unusual
    if not found:
        said = f"is {judgement.not_compared}" if judgement.not_compared else "has nothing unusual"
        return Verdict(True, f"{day} {said}.", WARN)
    more = f" and {len(found) - SENTENCES} more figures" if len(found) > SENTENCES else ""
    said = "; ".join(each.sentence for each in found[:SENTENCES])
    shown = (
        f" The first {ROWS_SHOWN} of {len(found)} are listed." if len(found) > ROWS_SHOWN else ""
    )
    pictures = [f"{each.sentence}\n\n{picture(each)}" for each in found[:PICTURES]]
    return Verdict(
        False,
        f"{day} is unusual: {said}{more}.{shown}",
        WARN,
        {
            "figures": table_of([each.row() for each in found[:ROWS_SHOWN]]),
            "pictures": dg.MetadataValue.md("\n\n".join(pictures)),
        },
    )


def picture(found: Unusual) -> str:
    """The earlier days as a line, their median dashed, the day as a dot: Markdown with an SVG."""
    values = [*found.earlier, found.value]
    low, high = min(*values, 0.0), max(values)
    reach = (high - low) or 1.0

    def y(value: float) -> float:
        return round(HEIGHT - 6 - (value - low) / reach * (HEIGHT - 12), 1)

    step = (WIDTH - 12) / max(len(values) - 1, 1)
    points = [(round(6 + n * step, 1), y(value)) for n, value in enumerate(values)]
    line = " ".join(f"{x},{height}" for x, height in points[:-1])
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}">'
        f'<line x1="6" x2="{WIDTH - 6}" y1="{y(found.usual)}" y2="{y(found.usual)}" '
        'stroke="#999" stroke-dasharray="4"/>'
        f'<polyline points="{line}" fill="none" stroke="#446" stroke-width="2"/>'
        f'<circle cx="{points[-1][0]}" cy="{points[-1][1]}" r="4" fill="#c22"/></svg>'
    )
    encoded = base64.b64encode(svg.encode()).decode()
    return f"![{found.figure}](data:image/svg+xml;base64,{encoded})"


def _snapshot_verdict(platform: Platform, day: dt.date) -> Verdict:
    month_end = day.replace(day=1) - dt.timedelta(days=1)
    segments = platform.segments()
    before, now = (
        shape_of_snapshot(platform.lake, platform.engine, each, segments)
        for each in (month_end, day)
    )
    if not before.segments:
        return Verdict(True, f"Not compared: there is no snapshot as of {month_end}.", WARN)
    if not now.segments:
        there_were = f"as of {month_end} there were {sum(before.segments.values())}"
        return Verdict(False, f"No customer is left as of {day}; {there_were}.", WARN)
    settings = platform.settings
    index = population_stability(before.segments, now.segments)
    problems = [f"segments have shifted (index {index:.2f})"] if index > settings.stability else []
    problems += moved_thresholds(
        before.thresholds,
        now.thresholds,
        settings.drift_change,
        growth=_growth(platform, {row["scope"] for row in now.thresholds}, month_end, day),
    )
    rows = [
        {
            "segment": name,
            str(month_end): before.segments.get(name, 0),
            str(day): now.segments.get(name, 0),
        }
        for name in sorted(before.segments.keys() | now.segments.keys(), key=str)
    ]
    return Verdict(
        not problems,
        f"Against {month_end}: {'; '.join(problems) or f'stable (index {index:.2f})'}.",
        WARN,
        {"population_stability_index": index, "segments": table_of(rows)},
    )


def _growth(
    platform: Platform, scopes: Collection[str | None], before: dt.date, now: dt.date
) -> dict[str | None, float]:
    """By how much the history of each scope of thresholds grew: all, or each marketplace."""
    loaded = platform.lake.source_orders.partitions()
    first = min((partition.value for partition in loaded), default=before)
    own = (
        {}
        if {*scopes} == {"all"}
        else first_days_of_marketplaces(platform.lake, platform.engine, now)
    )
    return {scope: history_growth(own.get(scope, first), before, now) for scope in scopes}
