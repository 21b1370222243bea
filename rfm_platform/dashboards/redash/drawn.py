"""What Redash's SANKEY and COHORT make of a result: the figures that end up on the page.

Both draw blanks and wrong numbers without an error, so what they would draw is computed here, by
their rules, and held against the table. Nothing is drawn here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

MOST_STAGES = 5
EXIT = "Exit"  # a node that SANKEY hides
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Flow:
    """One band of a SANKEY.

    Attributes:
        stage: 1 for the band from the first stage to the second.
    """

    stage: int
    source: str
    target: str
    value: int


def sankey_flows(columns: Sequence[str], rows: Sequence[Row]) -> list[Flow]:
    """The bands that SANKEY draws between visible nodes.

    Every column but `value` is a stage, in the order of their names; what comes after the fifth is
    ignored. Values are cut to whole numbers, labels that begin with a digit to that number; a null
    is the hidden exit, and what comes from it is not drawn.
    """
    stages = sorted(name for name in columns if name != "value")[:MOST_STAGES]
    flows: dict[tuple[int, str, str], int] = {}
    for row in rows:
        value = _cut(row.get("value")) or 0
        for stage, (source, target) in enumerate(pairwise(stages), start=1):
            if stage > 1 and not row.get(source):
                continue
            band = (stage, _label(row.get(source)), _label(row.get(target)))
            flows[band] = flows.get(band, 0) + value
    return [Flow(*band, value) for band, value in flows.items() if EXIT not in band[1:]]


def _label(value: Any) -> str:
    if value is None:
        return EXIT
    number = re.match(r"\d+", str(value))
    return number[0] if number else str(value)


@dataclass(frozen=True)
class DrawnCohort:
    """One row of a COHORT.

    Attributes:
        total: what percentages are taken of.
        values: by stage, from the smallest to the largest of all rows; None: nothing is shown.
    """

    date: str
    total: int
    values: tuple[int | None, ...]


def cohort_rows(rows: Sequence[Row], options: Mapping[str, Any]) -> list[DrawnCohort]:
    """The rows that COHORT draws in its mode `simple`, without the empty ones between.

    Totals and values are cut to whole numbers; a value of 0 is shown like one that is not there.
    The last row of a date and stage wins, and the first row of a date has its total.
    """
    if not rows:
        return []
    names = [options[f"{name}Column"] for name in ("date", "stage", "total", "value")]
    if any(name not in row for row in rows for name in names):
        return []  # a name that is wrong draws nothing
    date, stage, total, value = names
    stages = [int(row[stage]) for row in rows]
    groups: dict[str, tuple[int, dict[int, int | None]]] = {}
    for row in sorted(rows, key=lambda row: f"{row[date]}{row[stage]}"):
        _, values = groups.setdefault(str(row[date]), (_cut(row[total]) or 0, {}))
        values[int(row[stage])] = _cut(row[value]) or None
    reached = range(min(stages), max(stages) + 1)
    return [
        DrawnCohort(day, total_of, tuple(values.get(each) for each in reached))
        for day, (total_of, values) in groups.items()
    ]


def _cut(value: Any) -> int | None:
    """A number without what is behind its point, as JavaScript's parseInt reads it."""
    found = re.match(r"\s*-?\d+", str(value))
    return int(found[0]) if found else None
