"""Tables that a person reads: a snapshot of one segment file, shown with another."""

import datetime as dt

from rfm_platform.customers.overviews import segment_table
from rfm_platform.customers.segments import Segments
from rfm_platform_tests.customers.conftest import CELLS, SEGMENTS, Chain, line

DAY = dt.date(2024, 1, 31)
LINES = [line(f"2024-01-{10 + n} 10:00", f"u{n}", f"{n}", 100 * n + 1) for n in range(20)]


def test_customers_of_renamed_segments_are_shown_and_add_up_to_the_total(chain: Chain) -> None:
    scored = chain.publish(LINES, DAY)["rfm_scores_snapshots"]
    old = {row["segment"] for row in scored}
    kept = min(old)
    names = {cell: name if name == kept else f"new {name}" for cell, name in CELLS.items()}
    edited = Segments(version=2, cells=names, actions=dict.fromkeys(names.values(), "write"))
    platform = chain.platform
    shown = segment_table(platform.lake, platform.engine, edited, DAY).segments
    assert sum(row["customers"] for row in shown) == len(scored) == 20
    assert sum(row["revenue"] for row in shown) == sum(row["monetary"] for row in scored)
    gone = {row["segment"]: row["customers"] for row in shown if row["action"] != "write"}
    assert gone.keys() == old - {kept}
    assert all(gone.values())
    assert {row["action"] for row in shown} == {"write", "no longer in the segment file"}
    assert [row["segment"] for row in shown] == [*edited.actions, *sorted(gone)]


def test_with_the_file_that_it_was_scored_with_a_snapshot_shows_the_files_segments_alone(
    chain: Chain,
) -> None:
    chain.publish(LINES, DAY)
    platform = chain.platform
    shown = segment_table(platform.lake, platform.engine, SEGMENTS, DAY).segments
    assert {row["segment"]: row["action"] for row in shown} == SEGMENTS.actions
