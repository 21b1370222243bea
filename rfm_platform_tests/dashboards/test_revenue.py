"""Invented customers of several shops become a page, and somebody works on its revenue.

Each line's amount is in one shop, segment, cell and month, so revenue adds up in every direction.
So it does along the curve of its concentration, up to the slice's whole revenue, and orders since
the forecast's date do by tenth of customers and by month.
The attacker solves all of that at once, with an unknown for each figure that is not on the page.
"""

import datetime as dt
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from rfm_platform.dashboards.figures import Figures, Slice
from rfm_platform.dashboards.outlook import forecast_of
from rfm_platform.dashboards.payload import CELLS, slices_of

MINIMUM = 5
MONTHS = [dt.date(2024, n, 1) for n in (1, 2, 3, 4)]
AS_OF = dt.date(2024, 4, 30)
FORECAST_DATE = dt.date(2024, 1, 31)
ACROSS = {"total", "segment", "cell", "month"}
PERCENTS = (1, 2, 5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90, 100)
SEGMENTS = ["Champions", "Loyal", "New"]
SEGMENT_OF = {score: SEGMENTS[n % 3] for n, score in enumerate(CELLS)}
LEFT: Slice = ("left", "out")
Name = tuple[str, Slice, Any]


class _World:
    """Orders, and how much of them is in each slice: customers and revenue, by name."""

    def __init__(self, seed: int, shops: int, visible: int, withheld: bool) -> None:
        chance = random.Random(seed)  # noqa: S311 - the same orders each time
        self.people: dict[Name, set[int]] = defaultdict(set)
        self.revenue: Counter[Name] = Counter()
        self.spent: dict[Slice, Counter[int]] = defaultdict(Counter)
        self.later: Counter[int] = Counter()
        self.figures = Figures(AS_OF, None, slices={})
        weights = [1 / (n + 1) ** 2 for n in range(shops)]
        scores = [1 / (n + 1) for n in range(len(CELLS))]
        for customer in range(chance.choice((120, 250, 400))):
            score = chance.choices(CELLS, scores)[0]
            mall = ("a", "b")[customer % 3 == 0]
            bought: dict[str, list[tuple[dt.date, int]]] = defaultdict(list)
            for _ in range(chance.choice((1, 1, 2, 4))):
                (shop,) = chance.choices([f"{mall}{n}" for n in range(shops)], weights)
                bought[shop].append((chance.choice(MONTHS), chance.randrange(1, 10**6)))
            whole = [each for found in bought.values() for each in found]
            self._buy(customer, (), score, whole)
            self._buy(customer, (mall,), score, whole)
            for shop, found in bought.items():
                key = (mall, shop)
                self._buy(customer, key, score, found)
                if int(shop[1:]) >= visible:
                    self._buy(customer, (mall, *LEFT), score, found)
        self._fill(visible)
        for one in self.figures.left_out if withheld else ():
            del self.figures.segments[one], self.figures.cells[one]

    def _buy(self, customer: int, one: Slice, score: Any, found: list[tuple[dt.date, int]]) -> None:
        cohort = min(month for month, _ in found)
        for month, amount in found:
            self.spent[one][customer] += amount
            if not one and cohort == MONTHS[0] < month:
                self.later[customer] += amount
            for name in (
                ("total", one, None),
                ("segment", one, SEGMENT_OF[score]),
                ("cell", one, score),
                ("month", one, month),
                ("cohort", one, (cohort, month)),
            ):
                self.people[name].add(customer)
                self.revenue[name] += amount

    def _fill(self, visible: int) -> None:
        """The world's figures as the warehouse would have them."""
        figures = self.figures
        for one in sorted({one for _, one, _ in self.people if len(one) < 3}):
            shown = len(one) < 2 or int(str(one[1])[1:]) < visible
            found = figures.slices if shown else figures.left_out
            found[one] = self._row(("total", one, None)) | {
                "scope": ("all", "marketplace", "shop")[len(one)],
                "shop_name": None,
                "withheld": None,
            }
            figures.segments[one] = [
                {"segment": name, "median_recency": 1} | self._row(("segment", one, name))
                for name in self._names("segment", one)
            ]
            figures.cells[one] = [
                dict(zip(("r_score", "f_score", "m_score"), score, strict=True))
                | {"segment": SEGMENT_OF[score]}
                | self._row(("cell", one, score))
                for score in self._names("cell", one)
            ]
            figures.cohorts[one] = [
                {
                    "cohort_month": cohort,
                    "months": month.month - cohort.month,
                    "is_partial": False,
                    "is_left_truncated": False,
                }
                | self._row(("cohort", one, (cohort, month)))
                for cohort in sorted({cohort for cohort, _ in self._names("cohort", one)})
                for month in MONTHS
                if cohort <= month
            ]
            figures.curve[one] = [*self._curve(one)]
        figures.forecast.extend(self._tenths())

    def _curve(self, one: Slice) -> Iterator[dict[str, Any]]:
        """What the largest customers bring, and each tier of them between two points."""
        ranked = [customer for customer, _ in self.spent[one].most_common()]
        before = 0
        for percent in PERCENTS:
            place = -(-len(ranked) * percent // 100)
            top = ("top", one, place)
            if place > before:
                self._add(top, one, ranked[:place])
                self._add(("tier", one, (before, place)), one, ranked[before:place])
            before = place
            yield {"percent": percent, "customers": place, "revenue": self.revenue[top]}

    def _tenths(self) -> Iterator[dict[str, Any]]:
        """The forecast of January's end, of those whose revenue is largest as most promising.

        An order for each unit of money, so that orders add up as revenue does.
        """
        january = ("cohort", (), (MONTHS[0], MONTHS[0]))
        known = [each for each, _ in self.spent[()].most_common() if each in self.people[january]]
        later = [("cohort", (), (MONTHS[0], month)) for month in MONTHS[1:]]
        active = set[int]().union(*(self.people[name] for name in later))
        for n in range(10):
            some = {*known[len(known) * n // 10 : len(known) * (n + 1) // 10]}
            tenth = ("tenth", (), n + 1)
            self.people[tenth] = some & active
            self.revenue[tenth] = sum(self.later[customer] for customer in some)
            yield {
                "forecast_date": FORECAST_DATE,
                "decile": n + 1,
                "customers": len(some),
                "forecast_orders": 1.0,
                "actual_orders": self.revenue[tenth],
                "actual_active_share": len(some & active) / len(some),
            }
        self.people["later", (), None] = active
        self.revenue["later", (), None] = sum(self.later.values())

    def _add(self, name: Name, one: Slice, customers: list[int]) -> None:
        self.people[name] = {*customers}
        self.revenue[name] = sum(self.spent[one][customer] for customer in customers)

    def _names(self, kind: str, one: Slice) -> list[Any]:
        return [name for what, where, name in self.people if (what, where) == (kind, one)]

    def _row(self, name: Name) -> dict[str, Any]:
        customers = len(self.people[name]) if name in self.people else 0
        return {"customers": customers, "orders": customers, "revenue": self.revenue[name]}

    def equations(self) -> Iterator[tuple[Name, list[Name]]]:
        """Totals and their parts."""
        names = list(self.revenue)
        for total in names:
            kind, one, name = total
            if kind == "total":
                for part in ("segment", "month", "cell"):
                    yield total, [n for n in names if n[:2] == (part, one)]
            elif kind == "segment":
                yield (
                    total,
                    [n for n in names if n[:2] == ("cell", one) and SEGMENT_OF[n[2]] == name],
                )
            elif kind == "month":
                yield total, [n for n in names if n[:2] == ("cohort", one) and n[2][1] == name]
            elif kind == "tier":
                before, place = name
                yield ("top", one, place), [total, ("top", one, before)][: 1 + (before > 0)]
                if place == len(self.spent[one]):
                    yield ("total", one, None), [("top", one, place)]
            elif kind == "later":
                yield total, [n for n in names if n[0] == "tenth"]
                yield total, [("cohort", (), (MONTHS[0], month)) for month in MONTHS[1:]]
            across = kind in ACROSS or (kind == "cohort" and not one)
            if len(one) < 2 and across:
                yield total, [n for n in names if n[::2] == (kind, name) and self._in(n[1], one)]

    def _in(self, one: Slice, parent: Slice) -> bool:
        if not parent:
            return len(one) == 1
        return (
            one[:1] == parent and (one in self.figures.slices or one[1:] == LEFT) and one != parent
        )


def _visible(world: _World) -> set[Name]:
    """What revenue the page shows."""
    seen = set[Name]()
    page = slices_of(world.figures, SEGMENTS, MINIMUM)
    forecast = forecast_of(world.figures.forecast, MINIMUM, page[0]["cohorts"])
    seen |= {("tenth", (), row["decile"]) for row in forecast if row["actual"] is not None}
    for one, shown in zip(world.figures.slices, page, strict=True):
        if shown["revenue"] is not None:
            seen.add(("total", one, None))
        seen |= {("top", one, place) for _, place, _ in shown["curve"]}
        seen |= {
            ("segment", one, s["segment"]) for s in shown["segments"] if s["revenue"] is not None
        }
        cells = zip(CELLS, shown["cells"], strict=True)
        seen |= {("cell", one, score) for score, (_, revenue) in cells if revenue is not None}
        for month, found in zip(MONTHS[::-1], shown["months"], strict=False):
            if found["revenue"] is not None:
                seen.add(("month", one, month))
        for cohort in shown["cohorts"]:
            first = dt.date.fromisoformat(f"{cohort['month']}-01")
            for n, cell in enumerate(cohort["cells"]):
                if cell is not None:
                    seen.add(("cohort", one, (first, dt.date(2024, first.month + n, 1))))
    return seen


@pytest.mark.parametrize(
    ("shops", "visible", "withheld"),
    [(2, 2, False), (3, 3, False), (3, 1, False), (5, 4, False), (3, 1, True)],
    ids=["two shops", "three shops", "most left out", "one left out", "left out for their size"],
)
@pytest.mark.parametrize("seed", [*range(8), 12])
def test_revenue_of_a_few_customers_follows_from_nothing_on_the_page(
    seed: int, shops: int, visible: int, withheld: bool
) -> None:
    world = _World(seed, shops, visible, withheld)
    unknown = sorted({*world.revenue} - _visible(world), key=repr)
    index = {name: n for n, name in enumerate(unknown)}
    rows = []
    for total, parts in world.equations():
        assert world.revenue[total] == sum(world.revenue[part] for part in parts), total
        row = np.zeros(len(unknown))
        for name, sign in [(total, -1), *((part, 1) for part in parts)]:
            if name in index:
                row[index[name]] = sign
        rows.append(row)
    _, sizes, directions = np.linalg.svd(np.array(rows))
    free = directions[(sizes > 1e-9).sum() :]
    told = {name for n, name in enumerate(unknown) if np.abs(free[:, n]).max(initial=0) < 1e-9}
    few = {name for name in unknown if 0 < len(world.people[name]) < MINIMUM}
    assert few, "nothing was small enough to prove anything"
    assert not {(name, len(world.people[name])) for name in told & few}
