"""Whether a day is like the days before it: plain functions over each day's figures.

A figure is held against the same figure on earlier days of the same weekday (or of the same kind
of special day): it is unusual when it lies further from their median than `Limits.spread` robust
standard deviations and the change is worth a look. The interquartile range over 1.349 estimates a
standard deviation that one odd day does not move (Rousseeuw & Croux 1993); a handful of days
estimate it badly, so it is never taken as smaller than what chance alone does to counts of that
size. Shares of what went wrong are looked at on one side only: the newest day's orders have had
the least time to be cancelled or returned.
"""

import datetime as dt
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rfm_platform.reconcile.season import Season

Figures = Mapping[str, Any]

WEEKS = 12  # a month of special days still leaves enough ordinary ones
QUARTILES_TO_DEVIATION = 1.349  # of a normal distribution: IQR ÷ standard deviation
AMOUNT_VARIATION = 1.5  # standard deviation of an order's amount ÷ its mean, on the safe side
CLUSTERING = 2.5  # what goes wrong, goes wrong for whole orders: variance ÷ that of single lines
MOST_DEVIATIONS = 1000.0  # told, also of what never varied: infinity is no JSON
DAY_VARIATION = 0.05  # even large counts differ so much between two ordinary days


@dataclass(frozen=True)
class Limits:
    """When a figure is unusual.

    Attributes:
        spread: robust standard deviations from the median.
        change: the least change of an amount or a count, as a share of the median.
        points: the least change of a share.
        history: days to compare with, at least.
        orders: a day that a shop or a marketplace usually has, at least: below it, chance rules.
    """

    spread: float = 5.0
    change: float = 0.3
    points: float = 0.03
    history: int = 4
    orders: int = 50


@dataclass(frozen=True)
class Unusual:
    """A figure that is not as it usually is.

    Attributes:
        scope: marketplace, or marketplace and shop; empty: all together.
        usual: the median of the earlier days.
        earlier: their values, oldest first.
        deviations: robust standard deviations from the median, with its sign.
    """

    day: dt.date
    scope: str
    figure: str
    value: float
    usual: float
    earlier: tuple[float, ...]
    deviations: float

    def row(self) -> dict[str, object]:
        """For a table that a person reads."""
        return {
            "scope": self.scope or "all",
            "figure": self.figure,
            "value": round(self.value, 4),
            "usually": round(self.usual, 4),
            "deviations": round(self.deviations, 1),
            "days_compared": len(self.earlier),
        }

    @property
    def sentence(self) -> str:
        """For a summary."""
        shown = [f"{v:,.0f}" if abs(v) >= 10 else f"{v:.3f}" for v in (self.value, self.usual)]
        scope = f" of {self.scope}" if self.scope else ""
        return f"{self.figure}{scope} {shown[0]}, usually {shown[1]}"


@dataclass(frozen=True)
class _Figure:
    """How to take a figure, and how much chance moves it.

    Attributes:
        value: from a day's figures; None: it has none.
        noise: the standard deviation that chance gives it, from its median and the median of the
            count that it is taken over.
        over: that count.
        only_above: whether a low value is no news.
        is_share: whether it lies between 0 and 1.
    """

    value: Callable[[Figures], float | None]
    noise: Callable[[float, float], float]
    over: str
    only_above: bool = False
    is_share: bool = False


def _share(part: str, of: str, *, only_above: bool = True, clustering: float = 1) -> _Figure:
    def value(figures: Figures) -> float | None:
        return figures[part] / figures[of] if figures[of] and figures[part] is not None else None

    def noise(share: float, count: float) -> float:
        # One more than there was: a share that was always 0 has no variance to speak of.
        likely = min(max(share, clustering / (count + 1)), 0.5)
        return math.sqrt(clustering * likely * (1 - likely) / max(count, 1))

    return _Figure(value, noise, of, only_above=only_above, is_share=True)


def _count(name: str) -> _Figure:
    return _Figure(
        lambda figures: figures[name],
        lambda median, _: max(math.sqrt(max(median, 1)), DAY_VARIATION * median),
        name,
    )


FIGURES: dict[str, _Figure] = {
    "orders": _count("orders"),
    "revenue": _Figure(
        lambda figures: figures["gmv_base"],
        lambda median, orders: (
            abs(median) * max(AMOUNT_VARIATION / math.sqrt(max(orders, 1)), DAY_VARIATION)
        ),
        "valid_orders",
    ),
    "average order value": _Figure(
        lambda figures: (
            figures["gmv_base"] / figures["valid_orders"] if figures["valid_orders"] else None
        ),
        lambda median, orders: (
            abs(median) * max(AMOUNT_VARIATION / math.sqrt(max(orders, 1)), DAY_VARIATION)
        ),
        "valid_orders",
    ),
    "cancellation rate": _share("cancelled", "orders"),
    "return rate": _share("returned", "orders"),
    "share of lines with an unknown flag": _share("unknown", "lines", clustering=CLUSTERING),
    "share of lines without a customer": _share("without_customer", "lines", clustering=CLUSTERING),
    "share of new customers": _share("new_customers", "customers", only_above=False),
}


def unusual(
    rows: Sequence[Figures], days: Sequence[dt.date], season: Season, limits: Limits
) -> dict[dt.date, list[Unusual]]:
    """What is unusual on each day, most unusual first; of a day with too little history, nothing.

    Args:
        rows: of ``day_figures.sql``, of the days and of `WEEKS` weeks before them.
        days: to judge.
        season: which days are special.
        limits: when a figure is unusual.
    """
    scopes: dict[str, dict[dt.date, Figures]] = {}
    for row in rows:
        scopes.setdefault(_scope(row), {})[row["day"]] = row
    marketplaces = {row["marketplace"] for row in rows if not row["is_all"]}
    if len(marketplaces) == 1:
        scopes.pop("", None)  # one marketplace is all there is: it is not told twice
    all_days = sorted({day for by_day in scopes.values() for day in by_day})
    found: dict[dt.date, list[Unusual]] = {day: [] for day in days}
    for day in days:
        if season.is_excused(day):
            continue
        oldest = day - dt.timedelta(weeks=WEEKS)
        alike = [d for d in all_days if oldest <= d < day and season.are_alike(day, d)]
        for scope, by_day in scopes.items():
            earlier = [by_day[other] for other in alike if other in by_day]
            if len(earlier) < limits.history:
                continue
            if statistics.median(row["orders"] for row in earlier) >= limits.orders:
                today = by_day.get(day) or _nothing(earlier[-1])
                found[day] += _judge(day, scope, today, earlier, limits)
        found[day].sort(key=lambda each: -abs(each.deviations))
    return found


def days_to_read(first: dt.date) -> dt.date:
    """The oldest day that judging a day needs."""
    return first - dt.timedelta(weeks=WEEKS)


def _judge(
    day: dt.date, scope: str, today: Figures, earlier: Sequence[Figures], limits: Limits
) -> list[Unusual]:
    found = []
    for name, figure in FIGURES.items():
        value = figure.value(today)
        values = [each for each in map(figure.value, earlier) if each is not None]
        if value is None or len(values) < limits.history:
            continue
        median = statistics.median(values)
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
        count = statistics.median(row[figure.over] for row in earlier)
        if figure.is_share:
            count = min(count, today[figure.over])  # both sides are as uncertain as the smaller one
        spread = max((high - low) / QUARTILES_TO_DEVIATION, figure.noise(median, count))
        change = value - median
        least = limits.points if figure.is_share else limits.change * abs(median)
        if (
            change != 0
            and abs(change) >= limits.spread * spread
            and abs(change) >= least
            and not (figure.only_above and change < 0)
        ):
            times = min(abs(change) / spread, MOST_DEVIATIONS) if spread else MOST_DEVIATIONS
            deviations = math.copysign(times, change)
            found.append(Unusual(day, scope, name, value, median, tuple(values), deviations))
    return found


def _scope(row: Figures) -> str:
    if row["is_all"]:
        return ""
    if row["is_all_shops"]:
        return str(row["marketplace"])
    return f"{row['marketplace']} shop {row['shop_id']}"


def _nothing(like: Figures) -> dict[str, Any]:
    """The figures of a day on which a scope had no line."""
    return {
        name: 0 if isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in like.items()
    }
