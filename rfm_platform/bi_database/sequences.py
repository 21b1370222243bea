"""Sequences of two databases: how they count, and where they stand."""

from collections.abc import Sequence

from rfm_platform.bi_database.results import SectionResult
from rfm_platform.bi_database.state import SequenceState


def compare_sequences(
    source: Sequence[SequenceState], target: Sequence[SequenceState]
) -> tuple[SectionResult, list[str]]:
    """The sequences' section, and a note on each that is behind its column on both sides.

    A sequence may be ahead of what the snapshot saw: its numbers know no transactions.
    """
    found = {sequence.name: sequence for sequence in target}
    different, notes = [], []
    for sequence in source:
        now = found.get(sequence.name)
        if now is None:
            continue
        if now.next_value is None or sequence.next_value is None:
            different.append(f"{now.name} may not be read")
        elif now.definition != sequence.definition:
            different.append(f"{now.name} ({sequence.definition} → {now.definition})")
        elif _is_behind(now) and not (_is_behind(sequence) and _has_come(sequence, now)):
            different.append(_told(now))
        elif not _has_come(sequence, now):
            different.append(
                f"{now.name} gives {now.next_value} next, at the source {sequence.next_value}"
            )
        elif _is_behind(now):
            notes.append(f"As at the source, {_told(now)}: let it go on from there with setval.")
    names = {sequence.name for sequence in source}
    section = SectionResult(
        section="sequences",
        compared=len(names),
        missing=tuple(sorted(names - found.keys())),
        extra=tuple(sorted(found.keys() - names)),
        different=tuple(different),
    )
    return section, notes


def _is_behind(sequence: SequenceState) -> bool:
    """Whether it will give a number that its column holds."""
    step, next_value, farthest = sequence.increment, sequence.next_value, sequence.farthest
    if next_value is None or farthest is None:
        return False
    return next_value <= farthest if step > 0 else next_value >= farthest


def _has_come(source: SequenceState, target: SequenceState) -> bool:
    """Whether the target's is as far as the source's was."""
    before, now = source.next_value, target.next_value
    if before is None or now is None:
        return False
    return now >= before if source.increment > 0 else now <= before


def _told(sequence: SequenceState) -> str:
    return (
        f"{sequence.name} gives {sequence.next_value} next, {sequence.column} already holds "
        f"{sequence.farthest}"
    )
