"""The move from end to end, through gates: each has to pass before the next one opens.

What has passed is noted, so that the move can be stopped at any gate and taken up again, by
another person and on another day.
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.gates import STEPS, Outcome
from rfm_platform.bi_database.move import Move, Progress
from rfm_platform.bi_database.private_file import write_private
from rfm_platform.bi_database.record import Record
from rfm_platform.bi_database.results import Finding, Verification
from rfm_platform.errors import PlatformError

GATES = tuple(STEPS)


class Gate(Record):
    """How a gate stands.

    Attributes:
        state: ``open`` was not come to; ``skipped`` has nothing to look at, and says so.
        text: the verdict.
        details: findings, for the report.
    """

    name: str
    state: Literal["open", "passed", "failed", "skipped"] = "open"
    text: str = ""
    started: dt.datetime | None = None
    ended: dt.datetime | None = None
    details: tuple[Finding, ...] = ()

    @property
    def seconds(self) -> float:
        if self.started is None or self.ended is None:
            return 0.0
        return (self.ended - self.started).total_seconds()


class Journal(Record):
    """The whole move, as it is noted."""

    source: str
    target: str
    gates: tuple[Gate, ...]
    verification: Verification | None = None
    objects: tuple[dict[str, Any], ...] = ()

    @property
    def is_done(self) -> bool:
        return all(gate.state in ("passed", "skipped") for gate in self.gates)

    @property
    def failed(self) -> Gate | None:
        return next((gate for gate in self.gates if gate.state == "failed"), None)


def journal_file(move: Move) -> Path:
    """Where a move is noted."""
    return move.work / "journal.json"


def read_journal(move: Move) -> Journal:
    """How far the move is."""
    fresh = Journal(
        source=move.source.label,
        target=move.target.label,
        gates=tuple(Gate(name=name) for name in GATES),
    )
    try:
        noted = Journal.model_validate_json(journal_file(move).read_bytes())
    except FileNotFoundError:
        return fresh
    except ValidationError:
        raise BiDatabaseError(
            f"{journal_file(move)} cannot be read: begin anew with --again inventory"
        ) from None
    if (noted.source, noted.target) != (fresh.source, fresh.target):
        raise BiDatabaseError(
            f"{journal_file(move)} is about a move from {noted.source} to {noted.target}: begin "
            "anew with --again inventory, or set the URLs back"
        )
    return noted


def migrate(
    move: Move,
    until: str = GATES[-1],
    again: str | None = None,
    progress: Progress = lambda _: None,
) -> Iterator[Gate]:
    """Walks through the gates that have not passed yet; gives each as it ends.

    Ends at the first that fails, or after the gate `until`.

    Args:
        move: what is moved.
        until: the last gate to go through.
        again: this gate and those after it count as not passed; the first one forgets the journal.
        progress: told what is done.
    """
    if again == GATES[0]:
        journal_file(move).unlink(missing_ok=True)
    journal = read_journal(move)
    if again is not None:
        journal = _reopened(journal, GATES[GATES.index(again) :])
        # Before anything is done: a call that is interrupted leaves the gates open.
        _note(move, journal)
    for name in GATES[: GATES.index(until) + 1]:
        gate = next(each for each in journal.gates if each.name == name)
        # Redash may have been started since its gate was skipped.
        if gate.state == "passed" or (gate.state == "skipped" and name != "smoke"):
            continue
        progress(name)
        started = dt.datetime.now(dt.UTC)
        try:
            outcome = STEPS[name](move, progress)
        except PlatformError as error:
            outcome = Outcome("failed", str(error))
        gate = Gate(
            name=name,
            state=outcome.state,
            text=outcome.text,
            details=outcome.details,
            started=started,
            ended=dt.datetime.now(dt.UTC),
        )
        journal = journal.model_copy(
            update={
                "gates": tuple(gate if each.name == name else each for each in journal.gates),
                "verification": outcome.verification or journal.verification,
                "objects": outcome.objects or journal.objects,
            }
        )
        _note(move, journal)
        yield gate
        if gate.state == "failed":
            return


def _reopened(journal: Journal, names: tuple[str, ...]) -> Journal:
    """A journal in which some gates have not passed, without what they had found."""
    gates = (Gate(name=each.name) if each.name in names else each for each in journal.gates)
    return journal.model_copy(
        update={
            "gates": tuple(gates),
            "verification": None if "verify" in names else journal.verification,
            "objects": () if "application" in names else journal.objects,
        }
    )


def _note(move: Move, journal: Journal) -> None:
    move.work.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(journal_file(move), journal.model_dump_json(indent=1))
