"""What a result must look like, so that Redash's charts show it and nothing else."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rfm_platform.dashboards.redash.drawn import EXIT, MOST_STAGES, Row

# A first of a month is shown as the month before, west of Greenwich.
_MID_MONTH = range(10, 21)
_COHORT_COLUMNS = ("date", "stage", "total", "value")


def shape_problems(
    kind: str, options: Mapping[str, Any], columns: Sequence[str], rows: Sequence[Row]
) -> list[str]:
    """Why a visualization would show blanks or wrong numbers; empty: it will not.

    Args:
        kind: Redash's type. Only SANKEY and COHORT have rules; CHART must name columns that exist.
        options: the visualization's.
        columns: names of the result.
        rows: its rows, as JSON holds them.
    """
    if kind == "SANKEY":
        return list(_sankey(columns, rows))
    if kind == "COHORT":
        return list(_cohort(options, columns, rows))
    if kind == "CHART":
        mapped = options.get("columnMapping") or {}
        return [f"there is no column {name}" for name in mapped if name not in columns]
    return []


def _sankey(columns: Sequence[str], rows: Sequence[Row]) -> Iterable[str]:
    stages = [name for name in columns if name != "value"]
    wanted = [f"stage{number}" for number in range(1, len(stages) + 1)]
    if "value" not in columns or sorted(stages) != wanted or not 1 < len(stages) <= MOST_STAGES:
        yield f"columns must be stage1, stage2 … stage{MOST_STAGES} and value: {', '.join(columns)}"
        return
    for row in rows:
        if not _is_count(row["value"]):
            yield f"value {row['value']!r} is no whole number from 0"
            break
    for name in stages:
        odd = [row[name] for row in rows if not _is_label(row[name])]
        if odd:
            why = "is hidden" if odd[0] == EXIT else "does not begin with a letter"
            yield f"{name}: {odd[0]!r} {why}"


def _is_label(value: Any) -> bool:
    return isinstance(value, str) and value[:1].isalpha() and value != EXIT


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_whole(value) and value >= 0


def _cohort(
    options: Mapping[str, Any], columns: Sequence[str], rows: Sequence[Row]
) -> Iterable[str]:
    if options.get("mode") != "simple":
        yield "mode must be simple: diagonal hides figures and fills gaps with another cohort's"
    if options.get("timeInterval") != "monthly":
        yield "timeInterval must be monthly"
    names = [str(options.get(f"{name}Column")) for name in _COHORT_COLUMNS]
    missing = [name for name in names if name not in columns]
    if missing:
        yield f"there is no column {', '.join(missing)}"
        return
    odd = next(filter(None, (_odd_cohort_row(row, names) for row in rows)), None)
    if odd:
        yield odd
        return
    date, stage, total, _ = names
    cohorts: dict[str, list[Row]] = {}
    for row in rows:
        cohorts.setdefault(row[date][:7], []).append(row)
    for month, members in cohorts.items():
        if sorted(row[stage] for row in members) != list(range(1, len(members) + 1)):
            yield f"{month}: {stage} must be 1, 2, 3 … without a gap"
        if len({row[total] for row in members}) > 1:
            yield f"{month}: {total} must be the same at each {stage}"


def _odd_cohort_row(row: Row, names: Sequence[str]) -> str | None:
    date, stage, total, value = names
    try:
        day = dt.date.fromisoformat(str(row[date]))
    except ValueError:
        return f"{date} {row[date]!r} is no date"
    if day.day not in _MID_MONTH:
        return f"{date} {day} does not lie in the middle of its month"
    # A month's revenue may be negative, where what is taken back outweighs what is sold.
    are_whole = _is_count(row[total]) and _is_count(row[stage]) and _is_whole(row[value])
    if not (are_whole and row[total]):
        return f"{day}: {stage}, {total} and {value} must be whole numbers, {total} above 0"
    return None
