"""Customers for activation: the right ones, once, and never without a receipt."""

import csv
import datetime as dt
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from rfm_platform.customers.audience import AudienceError
from rfm_platform_tests.customers.conftest import SEGMENTS, Chain, line

DAY = dt.date(2024, 1, 31)
LINES = [
    line(
        f"2024-01-{day} 10:00",
        f"u{n}",
        f"{n}",
        100 * n + 1,
        marketplace=("shopee", "lazada")[n % 2],
    )
    for n in range(20)
    for day in (10 + n,)
]


@pytest.fixture(scope="module")
def scored(chain: Chain) -> Chain:
    chain.publish(LINES, DAY)
    return chain


def _export(chain: Chain, path: Path, **different: Any) -> dict[str, Any]:
    scores = chain.tables(DAY)["rfm_scores_snapshots"]
    asked: dict[str, Any] = {
        "segment": scores[0]["segment"],
        "marketplace": None,
        "segments": SEGMENTS,
        "action": None,
        "purpose": "spring launch",
        "by": "ann",
    }
    return chain.platform.audiences.export(path, **asked | different)


def _wanted(chain: Chain, segment: str, marketplace: str | None) -> set[tuple[str, str]]:
    return {
        (row["marketplace"], row["user_id"])
        for row in chain.tables(DAY)["rfm_scores_snapshots"]
        if row["segment"] == segment and marketplace in (None, row["marketplace"])
    }


@pytest.mark.parametrize("marketplace", [None, "shopee"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_file_holds_exactly_the_segments_customers(
    scored: Chain, tmp_path: Path, suffix: str, marketplace: str | None
) -> None:
    segment = next(
        row["segment"]
        for row in scored.tables(DAY)["rfm_scores_snapshots"]
        if row["marketplace"] == "shopee"
    )
    path = tmp_path / f"audience{suffix}"
    receipt = _export(scored, path, segment=segment, marketplace=marketplace)
    if suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            found = [(row["marketplace"], row["user_id"]) for row in csv.DictReader(file)]
    else:
        found = duckdb.read_parquet(str(path)).project("marketplace, user_id").fetchall()
    assert len(found) == len({*found}) == receipt["customers"]
    assert {*found} == _wanted(scored, segment, marketplace)


def test_the_receipt_says_who_when_how_many_of_which_snapshot_and_why(
    scored: Chain, tmp_path: Path
) -> None:
    receipt = _export(scored, tmp_path / "a.csv", purpose=" payday ", action="voucher")
    said = json.loads((tmp_path / "a.receipt.json").read_text(encoding="utf-8"))
    assert said == {
        key: value if isinstance(value, int) else value and str(value)
        for key, value in receipt.items()
    }
    assert (said["exported_by"], said["purpose"], said["action"]) == ("ann", "payday", "voucher")
    assert said["as_of_date"] == "2024-01-31"
    (kept,) = scored.platform.warehouse.rows(
        "SELECT * FROM rfm.audiences WHERE sha256 = %(sha256)s AND action = 'voucher'",
        {"sha256": receipt["sha256"]},
    )
    assert kept == receipt


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"segment": "Whales"}, "There is no segment Whales"),
        ({"marketplace": "nowhere"}, "no customer on nowhere"),
        ({"purpose": "  "}, "--purpose"),
        ({"as_of": dt.date(2023, 1, 1)}, "no snapshot of 2023-01-01"),
    ],
)
def test_what_cannot_be_exported_is_said_and_leaves_no_file(
    scored: Chain, tmp_path: Path, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(AudienceError, match=said):
        _export(scored, tmp_path / "a.csv", **wrong)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_not_written_over(scored: Chain, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("precious")
    with pytest.raises(AudienceError, match="is there already"):
        _export(scored, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "precious"


def test_without_a_receipt_in_the_warehouse_there_is_no_file(scored: Chain, tmp_path: Path) -> None:
    scored.platform.warehouse.rows("SELECT 1")
    with scored.platform.warehouse.database.connect() as connection:
        connection.execute("ALTER TABLE rfm.audiences RENAME TO elsewhere")
    try:
        with pytest.raises(Exception, match="audiences"):
            _export(scored, tmp_path / "a.csv")
    finally:
        with scored.platform.warehouse.database.connect() as connection:
            connection.execute("ALTER TABLE rfm.elsewhere RENAME TO audiences")
    assert list(tmp_path.iterdir()) == []
