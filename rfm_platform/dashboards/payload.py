"""From figures to what the page gets as JSON: small counts hidden, everything else as it is.

``None`` is a hidden figure. Whoever reads the page's source finds nothing else there either.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from rfm_platform.customers.segments import Segments
from rfm_platform.dashboards.counts import counts_of, month_of, this_month_of, unseen_of
from rfm_platform.dashboards.figures import Figures, Slice
from rfm_platform.dashboards.sums import sums_of, worth
from rfm_platform.dashboards.suppression import Key, hide

CELLS = [(r, f, m) for r in (3, 2, 1) for f in (1, 2, 3) for m in (1, 2, 3)]


def slices_of(figures: Figures, segments: Sequence[str], minimum: int) -> list[dict[str, Any]]:
    """Each slice with its figures, hidden ones as None; the whole first.

    Args:
        segments: names in the order in which they are shown, all that are stored among them.
        minimum: the smallest count of customers that is shown.
    """
    counts = counts_of(figures, minimum)
    hidden = hide(counts, sums_of(figures, counts), minimum, worth, unseen_of(counts))
    page = _Page(figures, segments, counts, hidden, minimum)
    return [page.slice(key) for key in figures.slices]


def stored_segments(figures: Figures) -> set[str]:
    """Names that customers have in either snapshot; the segment file may have others by now."""
    names = {row["segment"] for rows in figures.segments.values() for row in rows}
    moves = [row for rows in figures.moves.values() for row in rows]
    names |= {row[side] for row in moves for side in ("from_segment", "to_segment")}
    return names - {None}


def scores_of(figures: Figures, segments: Segments) -> list[list[Any]]:
    """Each cell's scores and segment: the snapshot's own, the file's where it has no customer."""
    stored = {
        (row["r_score"], row["f_score"], row["m_score"]): row["segment"]
        for rows in figures.cells.values()
        for row in rows
    }
    return [[*score, stored.get(score, segments.cells[score])] for score in CELLS]


class _Page:
    def __init__(
        self,
        figures: Figures,
        segments: Sequence[str],
        counts: Mapping[Key, int],
        hidden: set[Key],
        minimum: int,
    ) -> None:
        self._figures = figures
        self._segments = segments
        self._counts = counts
        self._hidden = hidden
        self._minimum = minimum

    def slice(self, key: Slice) -> dict[str, Any]:
        row = self._figures.slices[key]
        shown = ("customers", key) not in self._hidden
        ordered = shown and ("orders", key) not in self._hidden
        return {
            "scope": row["scope"],
            "marketplace": key[0] if key else None,
            "shop": key[1] if len(key) == 2 else None,
            "name": row["shop_name"],
            "withheld": row["withheld"],
            "customers": row["customers"] if shown else None,
            "customers_before": self._shown(("all before", key)),
            "orders": row["orders"] if ordered else None,
            "revenue": row["revenue"] if ordered else None,
            "months": self._months(key),
            "segments": self._segment_rows(key),
            "cells": self._cell_rows(key),
            "curve": self._curve(key) if ordered else [],  # it ends at the slice's revenue
            "flows": self._flows(key),
            "cohorts": self._cohorts(key),
        }

    def _shown(self, key: Key) -> int | None:
        return None if key in self._hidden else self._counts.get(key, 0)

    def _months(self, key: Slice) -> list[dict[str, Any]]:
        """This month and the one before: active customers, new ones, orders, revenue."""
        months = []
        this_month = this_month_of(self._figures)
        for ago in (0, 1):
            cells = [
                row
                for row in self._figures.cohorts.get(key, ())
                if this_month - month_of(row) == ago
            ]
            if not cells:
                continue
            first = min(cells, key=lambda row: int(row["months"]))
            new = ("cohort", key, first["cohort_month"], 0) if first["months"] == 0 else None
            shown = ("active", key, ago) not in self._hidden
            months.append(
                {
                    "active": self._shown(("active", key, ago)),
                    "new": self._shown(new) if new else 0,
                    "orders": sum(row["orders"] for row in cells) if shown else None,
                    "revenue": sum(row["revenue"] for row in cells) if shown else None,
                    "is_partial": cells[0]["is_partial"],
                }
            )
        return months

    def _segment_rows(self, key: Slice) -> list[dict[str, Any]]:
        rows = {row["segment"]: row for row in self._figures.segments.get(key, ())}
        if not rows:
            return []
        empty = {"customers": 0, "orders": 0, "revenue": 0, "median_recency": None}
        shown = []
        for name in self._segments:
            row = rows.get(name, empty)
            visible = ("segment", key, name) not in self._hidden
            shown.append(
                {"segment": name, "before": self._shown(("before", key, name))}
                | {column: row[column] if visible else None for column in empty}
            )
        return shown

    def _cell_rows(self, key: Slice) -> list[list[int | None]]:
        rows = {
            (row["r_score"], row["f_score"], row["m_score"]): row
            for row in self._figures.cells.get(key, ())
        }
        shown: list[list[int | None]] = []
        for score in CELLS if rows else ():
            visible = ("cell", key, score) not in self._hidden
            row = rows.get(score, {"customers": 0, "revenue": 0})
            shown.append([row["customers"], row["revenue"]] if visible else [None, None])
        return shown

    def _curve(self, key: Slice) -> list[list[int]]:
        """Points that lie at least the smallest shown count of customers apart."""
        shown: list[list[int]] = []
        for row in reversed(self._figures.curve.get(key, ())):
            following = shown[-1][1] if shown else None
            apart = following is None or following - row["customers"] >= self._minimum
            if apart and row["customers"] >= self._minimum:
                shown.append([row["percent"], row["customers"], row["revenue"]])
        return shown[::-1]

    def _flows(self, key: Slice) -> list[dict[str, Any]]:
        """Moves and stays: from, to, customers, and each cause's customers."""
        causes: dict[tuple[str | None, str | None], dict[str, int | None]] = defaultdict(dict)
        for row in self._figures.moves.get(key, ()):
            before, now, cause = row["from_segment"], row["to_segment"], row["cause"]
            causes[before, now][cause] = self._shown(("cause", key, before, now, cause))
        return [
            {
                "from": before,
                "to": now,
                "customers": self._shown(("flow", key, before, now)),
                "causes": dict(sorted(found.items())),
            }
            for (before, now), found in sorted(causes.items(), key=str)
            if ("flow", key, before, now) not in self._hidden
        ]

    def _cohorts(self, key: Slice) -> list[dict[str, Any]]:
        cohorts: dict[dt.date, dict[str, Any]] = {}
        for row in self._figures.cohorts.get(key, ()):
            month = row["cohort_month"]
            size = ("cohort", key, month, 0)
            cohort = cohorts.setdefault(
                month,
                {
                    "month": f"{month:%Y-%m}",
                    "size": self._shown(size),
                    "truncated": row["is_left_truncated"],
                    "cells": [],
                },
            )
            visible = not {size, ("cohort", key, month, row["months"])} & self._hidden
            figures = [row["customers"], row["orders"], row["revenue"]]
            cohort["cells"].append(figures if visible else None)
        return list(cohorts.values())
