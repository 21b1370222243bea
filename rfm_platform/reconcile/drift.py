"""Whether a day is like the days before it: plain functions over each day's figures.

A figure is held against the same figure on earlier days of the same weekday (or of the same kind
of special day): it is unusual when it lies further from their median than `Limits.spread` robust
standard deviations and the change is worth a look. The interquartile range over 1.349 estimates a
standard deviation that one odd day does not move (Rousseeuw & Croux 1993); a handful of days
estimate it badly, so it is never taken as smaller than what chance alone does to counts of that
size. A day that is like no other is held against nothing, but that orders have stopped is told of
it too.
"""

import datetime as dt
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rfm_platform.morning_settings import WEEKS_COMPARED
from rfm_platform.reconcile.figures import FIGURES, DayFigures
from rfm_platform.reconcile.season import Season

QUARTILES_TO_DEVIATION = 1.349  # of a normal distribution: IQR ÷ standard deviation
MOST_DEVIATIONS = 1000.0  # told, also of what never varied: infinity is no JSON


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
        spread: the robust standard deviation of the figure.
    """

    day: dt.date
    scope: str
    figure: str
    value: float
    usual: float
    earlier: tuple[float, ...]
    spread: float

    @property
    def deviations(self) -> float:
        """How many spreads it lies from the median, with the sign."""
        change = self.value - self.usual
        times = min(abs(change) / self.spread, MOST_DEVIATIONS) if self.spread else MOST_DEVIATIONS
        return math.copysign(times, change)

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
class Judgement:
    """What is said of a day.

    Attributes:
        unusual: what is not as it usually is, most unusual first.
        not_compared: why its figures were held against nothing; None: they were.
    """

    unusual: tuple[Unusual, ...]
    not_compared: str | None


def judge(
    rows: Sequence[DayFigures], days: Sequence[dt.date], season: Season, limits: Limits
) -> dict[dt.date, Judgement]:
    """Holds each day against the days before it.

    Args:
        rows: of ``day_figures.sql``, of the days and of `WEEKS_COMPARED` weeks before them.
        days: to judge.
        season: which days are special.
        limits: when a figure is unusual.
    """
    scopes = _scopes(rows)
    loaded = sorted({row["day"] for row in rows})
    return {day: _judge_day(day, scopes, loaded, season, limits) for day in days}


def days_to_read(first: dt.date) -> dt.date:
    """The oldest day that judging a day needs."""
    return first - dt.timedelta(weeks=WEEKS_COMPARED)


class _Scope:
    """What is judged together: everything, a marketplace, or a shop."""

    def __init__(self, row: DayFigures) -> None:
        self.name = ""
        if not row["is_all"]:
            shop = "" if row["is_all_shops"] else f" shop {row['shop_id']}"
            # Names are the mart's: one with a line break must not begin a line of its own.
            self.name = " ".join(f"{row['marketplace']}{shop}".split())
        self.nothing = _nothing(row)
        self.by_day: dict[dt.date, DayFigures] = {}

    def on(self, day: dt.date) -> DayFigures:
        return self.by_day.get(day, self.nothing)

    def on_each(self, days: Sequence[dt.date], since: dt.date) -> list[DayFigures]:
        """Its figures on days, from the first one on which it had any since a date: days without
        an order count as such, so that a shop that has closed becomes one that sells nothing.
        """
        first = min((day for day in self.by_day if day >= since), default=None)
        return [self.on(day) for day in days if first is not None and day >= first]


def _scopes(rows: Iterable[DayFigures]) -> list[_Scope]:
    scopes: dict[tuple[Any, ...], _Scope] = {}
    for row in rows:
        key = (row["is_all"], row["is_all_shops"], row["marketplace"], row["shop_id"])
        if key not in scopes:
            scopes[key] = _Scope(row)
        scopes[key].by_day[row["day"]] = row
    marketplaces = {marketplace for is_all, _, marketplace, _ in scopes if not is_all}
    # One marketplace is all there is: it is not told twice.
    return [each for key, each in scopes.items() if len(marketplaces) != 1 or not key[0]]


def _judge_day(
    day: dt.date,
    scopes: Sequence[_Scope],
    loaded: Sequence[dt.date],
    season: Season,
    limits: Limits,
) -> Judgement:
    oldest = days_to_read(day)
    before = [other for other in loaded if oldest <= other < day]
    alike = [other for other in before if season.are_alike(day, other)]
    same_weekday = [other for other in before if other.weekday() == day.weekday()]
    excused = season.is_excused(day)
    found: list[Unusual] = []
    longest, is_compared = 0, False
    for scope in scopes:
        earlier = [] if excused else scope.on_each(alike, oldest)
        longest = max(longest, len(earlier))
        if len(earlier) < limits.history:
            recent = scope.on_each(same_weekday[-limits.history :], oldest)
            found += _silence(day, scope, recent, limits)
        elif statistics.median(row["orders"] for row in earlier) >= limits.orders:
            is_compared = True
            found += _judge(day, scope, earlier, limits)
    why = None
    if excused:
        why = f"not compared: {season.kind(day)}"
    elif not is_compared:
        small = "" if longest < limits.history else f", usually below {limits.orders} orders"
        why = f"not judged: {longest} comparable days{small}"
    return Judgement(tuple(sorted(found, key=lambda each: -abs(each.deviations))), why)


def _silence(
    day: dt.date, scope: _Scope, recent: Sequence[DayFigures], limits: Limits
) -> list[Unusual]:
    """That there is no order at all, which no sale and no holiday explains.

    Asked of a day that is like no other: the last days of its weekday are what there is, of
    whatever kind they are. What is closed on Sundays, or sells every second one, is so on these.
    """
    if len(recent) < limits.history or scope.on(day)["orders"]:
        return []
    orders = [row["orders"] for row in recent]
    usual = statistics.median(orders)
    if not all(orders) or usual < limits.orders:
        return []
    return [_unusual(day, scope, "orders", 0, earlier=orders, count=usual)]


def _judge(
    day: dt.date, scope: _Scope, earlier: Sequence[DayFigures], limits: Limits
) -> list[Unusual]:
    compared = [_compare(name, day, scope, earlier, limits) for name in FIGURES]
    return [each for each in compared if each is not None]


def _compare(
    name: str, day: dt.date, scope: _Scope, earlier: Sequence[DayFigures], limits: Limits
) -> Unusual | None:
    figure, today = FIGURES[name], scope.on(day)
    value = figure.value(today)
    having = [(row, v) for row in earlier if (v := figure.value(row)) is not None]
    values = [each for _, each in having]
    if value is None or len(values) < limits.history:
        return None
    count = statistics.median(row[figure.over] for row, _ in having)
    if figure.is_share:
        count = min(count, today[figure.over])  # both sides are as uncertain as the smaller one
    found = _unusual(day, scope, name, value, earlier=values, count=count)
    change = found.value - found.usual
    least = limits.points if figure.is_share else limits.change * abs(found.usual)
    is_news = change > 0 or (change < 0 and not figure.only_above)
    return found if is_news and abs(change) >= max(limits.spread * found.spread, least) else None


def _unusual(
    day: dt.date, scope: _Scope, name: str, value: float, *, earlier: Sequence[float], count: float
) -> Unusual:
    median = statistics.median(earlier)
    low, _, high = statistics.quantiles(earlier, n=4, method="inclusive")
    spread = max((high - low) / QUARTILES_TO_DEVIATION, FIGURES[name].noise(median, count))
    return Unusual(day, scope.name, name, value, median, tuple(earlier), spread)


def _nothing(like: DayFigures) -> dict[str, Any]:
    """The figures of a day on which a scope had no line."""
    return {
        name: 0 if isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in like.items()
    }
