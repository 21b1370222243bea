"""The move from end to end, through gates: each has to pass before the next one opens.

What has passed is noted, so that the move can be stopped at any gate and taken up again, by
another person and on another day.
"""

import datetime as dt
from collections.abc import Iterator

from pydantic import ValidationError

from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.gates import STEPS, Outcome
from rfm_platform.bi_database.journal import Gate, Journal, journal_file, note
from rfm_platform.bi_database.move import Move, Progress
from rfm_platform.errors import PlatformError

GATES = tuple(STEPS)


def read_journal(move: Move) -> Journal:
    """How far the move is."""
    file = journal_file(move.work)
    fresh = Journal(
        source=move.source.label,
        target=move.target.label,
        gates=tuple(Gate(name=name) for name in GATES),
    )
    try:
        noted = Journal.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return fresh
    except ValidationError:
        raise BiDatabaseError(f"{file} cannot be read: begin anew with --again inventory") from None
    if (noted.source, noted.target) != (fresh.source, fresh.target):
        raise BiDatabaseError(
            f"{file} is about a move from {noted.source} to {noted.target}: begin "
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
        journal_file(move.work).unlink(missing_ok=True)
    journal = read_journal(move)
    if again is not None:
        journal = journal.reopened(GATES[GATES.index(again) :])
        # Before anything is done: a call that is interrupted leaves the gates open.
        note(move.work, journal)
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
        note(move.work, journal)
        yield gate
        if gate.state == "failed":
            return
