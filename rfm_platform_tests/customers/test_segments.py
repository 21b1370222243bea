"""A marketer edits the segment file: every mistake is refused, and the sentence names its place."""

import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml

from rfm_platform.customers.segments import SegmentsError, load_segments

ALL_CELLS = set(itertools.product((1, 2, 3), repeat=3))


def _segment(name: str, *cells: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "cells": list(cells), "action": f"Write to those who are {name}."}


def _file(*segments: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"version": 3, "segments": list(segments), **more}


EVERY = [1, 2, 3]
RECENT = _segment("Recent", {"r": 3, "f": EVERY, "m": EVERY})
NOT_RECENT = _segment("Not recent", {"r": [1, 2], "f": EVERY, "m": EVERY})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "segments.yaml"


def _refusal(path: Path, content: object) -> str:
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    with pytest.raises(SegmentsError) as refusal:
        load_segments(path)
    assert str(path) in str(refusal.value)
    return str(refusal.value)


def test_the_segments_that_come_along_cover_every_cell_and_say_what_to_do() -> None:
    segments = load_segments()
    assert set(segments.cells) == ALL_CELLS
    assert set(segments.cells.values()) == set(segments.actions)
    assert all(action.strip() for action in segments.actions.values())
    assert len(set(segments.actions.values())) == len(segments.actions)


def test_the_best_and_the_worst_customers_get_the_segments_that_their_names_promise() -> None:
    cells = load_segments().cells
    assert cells[3, 3, 3] == "Champions"
    assert cells[3, 1, 1] == "New customers"
    assert cells[1, 3, 3] == "At risk"
    assert cells[1, 1, 1] == "Lost"


def test_a_file_of_ones_own_is_read_as_written(path: Path) -> None:
    content = _file(RECENT, NOT_RECENT)
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    segments = load_segments(path)
    assert segments.version == 3
    assert list(segments.actions) == ["Recent", "Not recent"]
    assert {cell for cell, name in segments.cells.items() if name == "Recent"} == {
        (3, f, m) for f in EVERY for m in EVERY
    }


def test_a_missing_cell_is_named(path: Path) -> None:
    holed = _segment("Recent", {"r": 3, "f": [1, 2], "m": EVERY}, {"r": 3, "f": 3, "m": [1, 3]})
    message = _refusal(path, _file(holed, NOT_RECENT))
    assert "cell (r=3, f=3, m=2) belongs to no segment" in message
    assert message.count("cell (") == 1


def test_a_cell_in_two_segments_is_named_with_both(path: Path) -> None:
    again = _segment("Big spenders", {"r": 2, "f": 1, "m": 3})
    message = _refusal(path, _file(RECENT, NOT_RECENT, again))
    assert "cell (r=2, f=1, m=3) belongs to 2 entries: Not recent, Big spenders" in message
    assert message.count("cell (") == 1


def test_a_cell_twice_in_one_segment_is_named(path: Path) -> None:
    doubled = _segment("Recent", {"r": 3, "f": EVERY, "m": EVERY}, {"r": 3, "f": 2, "m": 2})
    assert "cell (r=3, f=2, m=2) belongs to 2 entries: Recent, Recent" in _refusal(
        path, _file(doubled, NOT_RECENT)
    )


def test_every_mistake_is_told_at_once(path: Path) -> None:
    content = _file(_segment("Recent", {"r": 3, "f": EVERY, "m": EVERY}))
    assert _refusal(path, content).count("belongs to no segment") == 18


def test_two_segments_of_one_name_are_refused(path: Path) -> None:
    twin = {**NOT_RECENT, "name": "Recent", "action": RECENT["action"]}
    assert _refusal(path, _file(RECENT, twin)) == f"{path}: segment Recent is there twice"


@pytest.mark.parametrize(
    "action", ["Write to them.", " write to\n THEM. ", "Write  to\tthem.", "WRITE TO THEM."]
)
def test_segments_that_nobody_would_treat_differently_are_refused(path: Path, action: str) -> None:
    """Whatever blanks and capitals make of one action."""
    three = [
        _segment("Recent", {"r": 3, "f": EVERY, "m": EVERY}) | {"action": "Write to them."},
        _segment("Middling", {"r": 2, "f": EVERY, "m": EVERY}) | {"action": "Write to others."},
        _segment("Lost", {"r": 1, "f": EVERY, "m": EVERY}) | {"action": action},
    ]
    assert _refusal(path, _file(*three)) == (
        f"{path}: segments Recent and Lost have the same action: make them one segment, or give "
        "each an action of its own"
    )


def test_each_action_that_is_there_twice_is_told_once_with_all_its_segments(path: Path) -> None:
    segments = [
        _segment(f"{r}{f}", {"r": r, "f": f, "m": EVERY}) | {"action": action}
        for r, action in zip(EVERY, ("Call.", "Write.", "Wait."), strict=True)
        for f in (EVERY if r < 3 else [EVERY])
    ]
    message = _refusal(path, _file(*segments))
    assert "segments 11 and 12 and 13 have the same action" in message
    assert "segments 21 and 22 and 23 have the same action" in message
    assert message.count("have the same action") == 2


@pytest.mark.parametrize("action", [None, "", "  \n"])
def test_a_segment_without_an_action_is_refused(path: Path, action: str | None) -> None:
    idle = {**NOT_RECENT, "action": action}
    assert "segments.1.action" in _refusal(path, _file(RECENT, idle))


def test_a_segment_that_leaves_its_action_out_is_refused(path: Path) -> None:
    idle = {name: value for name, value in NOT_RECENT.items() if name != "action"}
    assert "segments.1.action" in _refusal(path, _file(RECENT, idle))


@pytest.mark.parametrize("name", ["", " ", None])
def test_a_segment_without_a_name_is_refused(path: Path, name: str | None) -> None:
    assert "segments.0.name" in _refusal(path, _file({**RECENT, "name": name}, NOT_RECENT))


@pytest.mark.parametrize("score", [0, 4, -1, "3", 2.5, 2.0, True, None, [], [1, 4], "1-3", [[1]]])
def test_a_score_outside_1_to_3_is_refused_where_it_stands(path: Path, score: object) -> None:
    bad = _segment("Recent", {"r": 3, "f": score, "m": EVERY})
    assert "segments.0.cells.0.f: " in _refusal(path, _file(bad, NOT_RECENT))


def test_a_cell_that_leaves_a_score_out_is_refused(path: Path) -> None:
    bad = _segment("Recent", {"r": 3, "f": 3})
    assert "segments.0.cells.0.m" in _refusal(path, _file(bad, NOT_RECENT))


def test_a_segment_without_cells_is_refused(path: Path) -> None:
    assert "segments.2.cells" in _refusal(path, _file(RECENT, NOT_RECENT, _segment("Nobody")))


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (_file(RECENT, NOT_RECENT, colour="red"), "colour"),
        (_file({**RECENT, "actions": "?"}, NOT_RECENT), "segments.0.actions"),
        (_file(_segment("Recent", {"r": 3, "f": 1, "m": 1, "x": 1})), "segments.0.cells.0.x"),
    ],
)
def test_a_key_that_nobody_reads_is_refused(path: Path, content: object, place: str) -> None:
    assert place in _refusal(path, content)


@pytest.mark.parametrize("version", [None, 0, "one", 1.5])
def test_a_file_without_a_usable_version_is_refused(path: Path, version: object) -> None:
    assert "version" in _refusal(path, {**_file(RECENT, NOT_RECENT), "version": version})


@pytest.mark.parametrize("content", [None, "segments", [], {"version": 1, "segments": []}])
def test_a_file_that_is_no_segment_table_is_refused(path: Path, content: object) -> None:
    _refusal(path, content)


def test_a_file_that_is_no_yaml_is_refused(path: Path) -> None:
    path.write_text("version: 1\nsegments: [", encoding="utf-8")
    with pytest.raises(SegmentsError, match="no YAML"):
        load_segments(path)


def test_a_file_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(SegmentsError, match=r"segments\.yaml"):
        load_segments(path)


def test_a_file_that_is_no_utf_8_is_named(path: Path) -> None:
    path.write_bytes(b"version: 1\nsegments: \xff\xfe")
    with pytest.raises(SegmentsError, match=r"segments\.yaml"):
        load_segments(path)
