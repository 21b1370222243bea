"""The figures of a day that drift is judged by, and how much chance alone moves each of them.

Shares of what went wrong are looked at on one side only: the newest day's orders have had the least
time to be cancelled or returned.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

DayFigures = Mapping[str, Any]  # a row of day_figures.sql

AMOUNT_VARIATION = 1.5  # standard deviation of an order's amount ÷ its mean, on the safe side
CLUSTERING = 2.5  # what goes wrong, goes wrong for whole orders: variance ÷ that of single lines
DAY_VARIATION = 0.05  # even large counts differ so much between two ordinary days


@dataclass(frozen=True)
class Figure:
    """How to take a figure, and how much chance moves it.

    Attributes:
        value: from a day's figures; None: it has none.
        noise: the standard deviation that chance gives it, from its median and the median of the
            count that it is taken over.
        over: that count.
        only_above: whether a low value is no news.
        is_share: whether it lies between 0 and 1.
    """

    value: Callable[[DayFigures], float | None]
    noise: Callable[[float, float], float]
    over: str
    only_above: bool = False
    is_share: bool = False


def _share(part: str, of: str, *, only_above: bool = True, clustering: float = 1) -> Figure:
    def value(figures: DayFigures) -> float | None:
        return figures[part] / figures[of] if figures[of] and figures[part] is not None else None

    def noise(share: float, count: float) -> float:
        # One more than there was: a share that was always 0 has no variance to speak of.
        likely = min(max(share, clustering / (count + 1)), 0.5)
        return math.sqrt(clustering * likely * (1 - likely) / max(count, 1))

    return Figure(value, noise, of, only_above=only_above, is_share=True)


def _count(name: str) -> Figure:
    return Figure(
        lambda figures: figures[name],
        lambda median, _: max(math.sqrt(max(median, 1)), DAY_VARIATION * median),
        name,
    )


FIGURES: dict[str, Figure] = {
    "orders": _count("orders"),
    "revenue": Figure(
        lambda figures: figures["gmv_base"],
        lambda median, orders: (
            abs(median) * max(AMOUNT_VARIATION / math.sqrt(max(orders, 1)), DAY_VARIATION)
        ),
        "valid_orders",
    ),
    "average order value": Figure(
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
