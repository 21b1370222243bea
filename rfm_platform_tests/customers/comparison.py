"""Published tables against the oracle's, or against each other: every column of every row."""

import datetime as dt
import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from rfm_platform_tests.customers.conftest import CELLS, TABLES, Keys, Tables, without
from rfm_platform_tests.oracle import GROUPING, Row, expect
from rfm_platform_tests.strategies import MartRows

_GROUPINGS = {
    "aggregated_monthly": (*GROUPING, "month_of_order"),
    "final_user_analysis_snapshots": GROUPING,
}
_WRITTEN_WITHIN = dt.timedelta(minutes=10)
_JAKARTA = dt.timezone(dt.timedelta(hours=7))


def _canonical(rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    return sorted(({name: row[name] for name in sorted(row)} for row in rows), key=repr)


def assert_rows(name: str, actual: Iterable[Row], expected: Iterable[Row]) -> None:
    got, due = _canonical(actual), _canonical(expected)
    missing = [row for row in due if row not in got]
    extra = [row for row in got if row not in due]
    assert not missing, f"{name}: missing {missing}, instead {extra}"
    assert not extra, f"{name}: rows that should not be there: {extra}"
    assert len(got) == len(due), f"{name}: rows are there twice"


def _as_stored(due: Row, actual: Iterable[Row]) -> Row:
    """A row of rfm_thresholds with its fractions as doubles.

    Beyond 2^53 an interpolated double may be off in its last bit; whoever it scores is compared
    exactly in rfm_scores.
    """
    stored = dict(due)
    for row in actual:
        if (row["scope"], row["metric"]) == (due["scope"], due["metric"]):
            for name in ("q1", "q3"):
                if math.isclose(row[name], due[name], rel_tol=1e-15):
                    stored[name] = row[name]
    return stored


def assert_as_the_contract_says(
    tables: Tables,
    keys: Keys,
    rows: MartRows,
    *,
    loaded: Collection[dt.date],
    as_of: dt.date,
    per_marketplace: bool = False,
    names: Iterable[str] = TABLES,
) -> None:
    expected = expect(
        rows.lines,
        rows.orders,
        loaded=loaded,
        as_of=as_of,
        segments=CELLS,
        per_marketplace=per_marketplace,
    )
    now = dt.datetime.now(_JAKARTA).replace(tzinfo=None)
    for name in names:
        due: list[Row] = getattr(expected, name)
        if name == "rfm_thresholds":
            due = [_as_stored(row, tables[name]) for row in due]
        got = [without(row, "customer_key", "load_timestamp") for row in tables[name]]
        assert_rows(name, got, due)
        if name in _GROUPINGS:
            for row in tables[name]:
                keys.check(row["customer_key"], name, *(row[c] for c in _GROUPINGS[name]))
                assert now - _WRITTEN_WITHIN <= row["load_timestamp"] <= now


def assert_same(actual: Tables, expected: Tables, names: Iterable[str] = TABLES) -> None:
    for name in names:
        assert_rows(
            name,
            [without(row, "load_timestamp") for row in actual[name]],
            [without(row, "load_timestamp") for row in expected[name]],
        )
