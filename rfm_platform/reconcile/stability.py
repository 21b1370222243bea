"""Whether a snapshot is like an earlier one: its segments' shares and its scores' thresholds."""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any


def population_stability(before: Mapping[str, int], now: Mapping[str, int]) -> float:
    """The population stability index of two distributions over the same classes.

    Σ (p − q) · ln(p ÷ q), with p and q the shares of a class before and now (Siddiqi 2006): below
    0.1 little has changed, above 0.25 much. An empty class counts as half a customer.
    """
    classes = before.keys() | now.keys()
    totals = [sum(side.values()) or 1 for side in (before, now)]
    index = 0.0
    for name in classes:
        p, q = (
            (side.get(name) or 0.5) / total
            for side, total in zip((before, now), totals, strict=True)
        )
        index += (p - q) * math.log(p / q)
    return index


def moved_thresholds(
    before: Sequence[Mapping[str, Any]],
    now: Sequence[Mapping[str, Any]],
    least: float,
    *,
    growth: Mapping[str | None, float],
) -> list[str]:
    """The quartiles that are not near what they were, a sentence each.

    All three metrics are of customers' whole lives. In a steady business they lengthen with the
    history, at most in proportion: of those who bought once, on any day of it, recency's quartiles
    are a quarter and three quarters of its length. So that is as near as what they were.

    Args:
        before: rows of rfm_thresholds, of the earlier snapshot.
        now: of the later one.
        least: smaller changes are ignored, as a share of what it was; and changes up to 1.
        growth: of each scope of the later snapshot, days of history that it has then, over those
            that it had as of the earlier one: a marketplace may be younger than the company.
    """
    earlier = {(row["scope"], row["metric"]): row for row in before}
    return [
        f"{quartile.upper()} of {row['metric']} ({row['scope']}) is {row[quartile]:,.6g}, "
        f"was {was[quartile]:,.6g}"
        for row in now
        if (was := earlier.get((row["scope"], row["metric"]))) is not None
        for quartile in ("q1", "q3")
        if _distance(row[quartile], was[quartile], growth[row["scope"]])
        > max(least * abs(was[quartile]), 1)
    ]


def _distance(now: float, was: float, growth: float) -> float:
    """How far a quartile lies from what it was or would have grown to."""
    # Recency counts from 0, where nothing is in proportion.
    grown = (was + 1) * growth - 1
    return max(was - now, now - max(was, grown))


def history_growth(first: dt.date, before: dt.date, now: dt.date) -> float:
    """Days of history as of a day, over those as of an earlier one; 1 where that had none.

    Args:
        first: the first day with an order.
        before: the earlier day.
        now: the later one.
    """
    days_before, days_now = ((day - first).days + 1 for day in (before, now))
    return days_now / days_before if days_before > 0 else 1.0
