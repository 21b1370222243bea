"""What an alert says: plain functions from verdicts to text, without Dagster.

A failed check is told once for each day, however often it is evaluated again, and once more when
it has recovered. Texts are those of the checks, which name days, shops and orders, never people.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

LINES_SHOWN = 20  # of failures, and of recoveries; the rest is counted
RUNS_REMEMBERED = 200
LETTERS_SHOWN = 300  # of a check's own words


@dataclass(frozen=True)
class Verdict:
    """A check's verdict on a day.

    Attributes:
        day: None: of a check that has no days.
        run_id: of the run that evaluated it.
    """

    asset: str
    check: str
    day: str | None
    passed: bool
    severity: str
    description: str
    run_id: str

    @property
    def subject(self) -> str:
        """What stays the same from one evaluation to the next."""
        return f"{self.asset} {self.check}{f' {self.day}' if self.day else ''}"


@dataclass
class Memory:
    """What has been looked at and told, between two ticks.

    Attributes:
        after: when the last run that was looked at was updated, seconds since 1970.
        runs: the last ones that were looked at.
        failing: subjects that are told to be failing, with their severity.
    """

    after: float = 0
    runs: list[str] = field(default_factory=list)
    failing: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str | None) -> "Memory":
        """From what `write` gave; nothing: a memory without anything in it."""
        return cls(**json.loads(text)) if text else cls()

    def write(self) -> str:
        """As text."""
        return json.dumps(asdict(self))

    def is_new(self, run_id: str) -> bool:
        """Whether a run has not been looked at before; from now on it has."""
        if run_id in self.runs:
            return False
        self.runs = [*self.runs[-RUNS_REMEMBERED:], run_id]
        return True


@dataclass(frozen=True)
class Message:
    """A title and the lines below it."""

    title: str
    body: str


def tell(memory: Memory, verdicts: Iterable[Verdict], ui_url: str | None) -> Message | None:
    """The message about verdicts that came since the last one; the memory is brought up to date.

    Args:
        memory: what has been told.
        verdicts: in the order in which they came. Of several about one subject the last counts.
        ui_url: Dagster's address, to link to.

    Returns:
        None: nothing has changed.
    """
    newest = {verdict.subject: verdict for verdict in verdicts}
    failures: list[Verdict] = []
    recoveries: list[Verdict] = []
    for subject, verdict in newest.items():
        if not verdict.passed and memory.failing.get(subject) != verdict.severity:
            failures.append(verdict)
            memory.failing[subject] = verdict.severity
        elif verdict.passed and memory.failing.pop(subject, None) is not None:
            recoveries.append(verdict)
    if not failures and not recoveries:
        return None
    parts = []
    if failures:
        parts.append(f"{len(failures)} failed")
    if recoveries:
        parts.append(f"{len(recoveries)} recovered")
    lines = [
        *_bounded([_failure(verdict, ui_url) for verdict in failures]),
        *_bounded([f"RECOVERED {verdict.subject}" for verdict in recoveries]),
    ]
    return Message(f"rfm_platform checks: {', '.join(parts)}", "\n".join(lines))


def tell_failed_run(
    job: str, days: str, run_id: str, errors: Iterable[str], ui_url: str | None
) -> Message:
    """The message about a run that failed.

    Args:
        job: its name.
        days: which days it was for.
        run_id: its number.
        errors: a line for each failed step.
        ui_url: Dagster's address, to link to.
    """
    lines = [*_bounded(list(map(_shortened, errors))), _link(ui_url, run_id)]
    return Message(f"rfm_platform run failed: {job} {days}".rstrip(), "\n".join(lines))


def _failure(verdict: Verdict, ui_url: str | None) -> str:
    said = _shortened(verdict.description)
    return f"{verdict.severity} {verdict.subject}: {said} {_link(ui_url, verdict.run_id)}"


def _shortened(text: str) -> str:
    return text if len(text) <= LETTERS_SHOWN else f"{text[:LETTERS_SHOWN]} …"


def _link(ui_url: str | None, run_id: str) -> str:
    return f"{ui_url.rstrip('/')}/runs/{run_id}" if ui_url else f"run {run_id}"


def _bounded(lines: list[str]) -> list[str]:
    if len(lines) <= LINES_SHOWN:
        return lines
    return [*lines[:LINES_SHOWN], f"… and {len(lines) - LINES_SHOWN} more"]
