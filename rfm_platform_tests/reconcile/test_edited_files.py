"""Files that people edit: whatever is wrong is told with the file, the entry and the key."""

import gc
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from rfm_platform.customers.campaigns import load_campaigns
from rfm_platform.customers.segments import load_segments
from rfm_platform.errors import PlatformError
from rfm_platform.reconcile.season import load_season

SEASON = "version: 1\ndays:\n- {name: Ordinary, dates: ['01-01']}\n"
LOADERS: list[Callable[[Path], object]] = [load_season, load_segments, load_campaigns]


def _refusal(load: Callable[[Path], object], path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PlatformError) as refused:
        load(path)
    assert str(refused.value).startswith(str(path))
    return str(refused.value)


@pytest.mark.parametrize(
    "date", ["2026-13-41", "2026-02-30", "2026-02-30 00:00:00", "2026-01-01T25:00:00Z"]
)
def test_a_date_that_does_not_exist_is_told_with_entry_and_key(tmp_path: Path, date: str) -> None:
    entry = f"{{name: Spring, start: {date}, end: 2026-03-01}}"
    told = _refusal(load_campaigns, tmp_path / "c.yaml", f"campaigns:\n- {entry}\n")
    assert "campaign Spring: start: " in told
    season = f"{SEASON}- {{name: Eid, from: 2026-01-01, to: {date}}}\n"
    assert "Eid: days.1.to: " in _refusal(load_season, tmp_path / "s.yaml", season)


def test_a_number_that_cannot_be_read_is_told_with_its_file(tmp_path: Path) -> None:
    for load in LOADERS:
        assert "no YAML" in _refusal(load, tmp_path / "n.yaml", "version: !!int x")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("from: 2026-03-02, to: 2026-03-01", "to: lies before from"),
        ("dates: ['13-41']", "dates: 13-41 is no day of a year such as 12-31"),
        ("dates: [W01-1]", "dates: W01-1 is no day of a year such as 12-31"),
        ("dates: [2-2]", "dates: 2-2 is no day of a year such as 12-31"),
        ("days_of_month: [32]", "days.1.days_of_month.0: Input should be less than"),
        ("days_of_month: [0]", "days.1.days_of_month.0: Input should be greater than"),
    ],
)
def test_an_entry_that_would_never_fit_a_day_is_refused(
    tmp_path: Path, entry: str, said: str
) -> None:
    told = _refusal(load_season, tmp_path / "s.yaml", f"{SEASON}- {{name: Eid, {entry}}}\n")
    assert "Eid: days.1" in told
    assert said in told


@pytest.mark.parametrize("content", ["", "[]", "- a", "text"])
@pytest.mark.parametrize("load", [load_season, load_segments])
def test_a_file_of_another_shape_is_told_so(
    tmp_path: Path, load: Callable[[Path], object], content: str
) -> None:
    told = _refusal(load, tmp_path / "f.yaml", content)
    assert told.endswith("f.yaml: the file: must be keys with their values, key: value")


def test_an_entry_of_another_shape_is_told_where_it_stands(tmp_path: Path) -> None:
    told = _refusal(load_season, tmp_path / "s.yaml", f"{SEASON}- Eid\n")
    assert told.endswith("s.yaml: days.1: must be keys with their values, key: value")


class _Open:
    """What a caller has open: a session of DuckDB, say."""


def test_a_file_that_is_refused_keeps_nothing_of_its_callers(tmp_path: Path) -> None:
    """Else DuckDB is still in use when the process ends, and fills the screen with what leaked."""
    path = tmp_path / "s.yaml"
    path.write_text(f"{SEASON}- {{name: Eid}}\n", encoding="utf-8")

    def call() -> "weakref.ref[_Open]":
        held, kept = _Open(), []
        try:
            load_season(path)
        except PlatformError as refused:
            kept.append(refused)  # as Dagster keeps what a step failed with
        return weakref.ref(held)

    there = call()
    gc.collect()
    assert there() is None
