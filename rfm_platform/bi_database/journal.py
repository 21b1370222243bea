"""Where a move's gates stand, as it is noted in its directory.

Beside `migrate`, so that whoever restores into the target by another way can note that what was
proved of it is proved no more.
"""

import datetime as dt
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from rfm_platform.bi_database.private_file import write_private
from rfm_platform.bi_database.record import Record
from rfm_platform.bi_database.results import Finding, Verification

RESTORE = "restore"


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

    def reopened(self, names: Collection[str]) -> "Journal":
        """A journal in which some gates have not passed, without what they had found."""
        gates = (Gate(name=each.name) if each.name in names else each for each in self.gates)
        return self.model_copy(
            update={
                "gates": tuple(gates),
                "verification": None if "verify" in names else self.verification,
                "objects": () if "application" in names else self.objects,
            }
        )


def journal_file(work: Path) -> Path:
    """Where a move is noted, below its directory."""
    return work / "journal.json"


def note(work: Path, journal: Journal) -> None:
    """Notes how far a move is."""
    work.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(journal_file(work), journal.model_dump_json(indent=1))


def reopen_restore(work: Path, target: str) -> None:
    """Notes, before a target is replaced, that the gates from the restore on have not passed.

    Args:
        work: the move's directory; a move that is not noted, or not legibly, stays so.
        target: the label of what is restored into; a move to another one stands as it does.
    """
    try:
        journal = Journal.model_validate_json(journal_file(work).read_bytes())
    except (FileNotFoundError, ValidationError):
        return
    names = [gate.name for gate in journal.gates]
    if journal.target == target and RESTORE in names:
        note(work, journal.reopened(names[names.index(RESTORE) :]))
