"""Whether a snapshot is like an earlier one: its segments' shares and its scores' thresholds."""

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
    before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]], least: float
) -> list[str]:
    """The quartiles that are not near what they were, a sentence each.

    Args:
        before: rows of rfm_thresholds, of the earlier snapshot.
        now: of the later one.
        least: smaller changes are ignored, as a share of what it was; and changes up to 1.
    """
    earlier = {(row["scope"], row["metric"]): row for row in before}
    return [
        f"{quartile.upper()} of {row['metric']} ({row['scope']}) is {row[quartile]:,.6g}, "
        f"was {was[quartile]:,.6g}"
        for row in now
        if (was := earlier.get((row["scope"], row["metric"]))) is not None
        for quartile in ("q1", "q3")
        if abs(row[quartile] - was[quartile]) > max(least * abs(was[quartile]), 1)
    ]
