"""What an alert says: plain functions from verdicts to text.

A failed check is told once for each day, however often it is evaluated again, and once more when
it has recovered. Texts are those of the checks, which name days, shops and orders, never people.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field

from rfm_platform.automation.retries import NO_RETRY, Retry
from rfm_platform.outcomes import CheckOutcome

LINES_SHOWN = 20  # of failures, and of recoveries; the rest is counted
LETTERS_SHOWN = 300  # of a check's own words
FAILING_REMEMBERED = 1500  # two checks that fail on every day of two years
RECORD, RETRY = "record_id", "retry"  # in a cursor; the former is Dagster's own name
LETTERS_OF_A_NAME = 8  # by which a memory knows what is failing
# What a chat takes for an order to call somebody: names of the mart may hold it.
_CALLS = re.compile(r"(?<=@)(?=everyone|channel|here|all)|(?<=<)(?=[!@#])")


@dataclass(frozen=True)
class Verdict(CheckOutcome):
    """What a check has said, and in which run.

    Attributes:
        run_id: of the run that evaluated it.
        only_newest: whether the check looks at the newest day alone, and at none of them again
            once there is a newer one.
        is_news: whether a failure says that something has happened, once, not that it is so.
        parts: what it is that fails, of several things that the check looks at.
    """

    run_id: str
    only_newest: bool = False
    is_news: bool = False
    parts: str = ""

    @property
    def subject(self) -> str:
        """What stays the same from one evaluation to the next."""
        return f"{self.asset} {self.check}{f' {self.day}' if self.day else ''}"

    @property
    def kept_under(self) -> str:
        """What a memory knows the subject by: a check's newest day takes the last one's place."""
        return _hash(f"{self.asset} {self.check}" if self.only_newest else self.subject)

    @property
    def kept_day(self) -> str:
        """The day, where `kept_under` does not hold it."""
        return (self.day or "") if self.only_newest else ""

    @property
    def kept(self) -> str:
        """What a memory keeps of a failure: when it is another one, it is told again."""
        parts = _hash(self.parts)[:2] if self.parts else ""
        return self.severity[0] + self.kept_day + parts


@dataclass
class Memory:
    """What has been looked at and told, between two ticks.

    Dagster stores it anew with every tick, so as text it is short: less than 20,000 letters,
    however much fails.

    Attributes:
        after: the number under which the end of the last run that was looked at is stored.
        failing: hashes of subjects that are told to be failing, each with the severity's first
            letter. What was found failing last is at the end. Beyond 1,500 the first ones are
            forgotten: their recovery is not told, and that they fail is told again if a later
            run finds it.
        retry: of a message that nobody took.
        since: seconds since 1970, in place of `after`, where a release wrote that knew none.
    """

    after: int = 0
    failing: dict[str, str] = field(default_factory=dict)
    retry: Retry = NO_RETRY
    since: float | None = None

    @classmethod
    def read(cls, text: str | None) -> "Memory":
        """From what `write` gave; nothing: a memory without anything in it."""
        if not text:
            return cls()
        kept = json.loads(text)
        failing = kept["failing"]
        if isinstance(failing, dict):
            # Of a release that wrote subjects and severities in full.
            told = {_hash(subject): severity[0] for subject, severity in failing.items()}
        else:
            told = {one[:LETTERS_OF_A_NAME]: one[LETTERS_OF_A_NAME:] for one in failing.split()}
        return cls(kept.get(RECORD, 0), told, Retry(*kept.get(RETRY, ())), since=kept.get("after"))

    def write(self) -> str:
        """As text, without the first of too many failures."""
        failing = [name + told for name, told in self.failing.items()][-FAILING_REMEMBERED:]
        read = {RECORD: self.after} if self.since is None else {"after": self.since}
        return json.dumps(read | {"failing": " ".join(failing), RETRY: astuple(self.retry)})

    def go_on(self, record: int) -> None:
        """Whatever is stored up to a number has been looked at."""
        self.after, self.since = record, None

    def is_new_failure(self, verdict: Verdict) -> bool:
        """Whether a failure has not been told; from now on it has."""
        told = self.failing.pop(verdict.kept_under, None)
        self.failing[verdict.kept_under] = verdict.kept
        return told != verdict.kept

    def is_recovery(self, verdict: Verdict) -> bool:
        """Whether what passed was told to be failing; from now on it is not."""
        told = self.failing.pop(verdict.kept_under, None)
        return told is not None and told[1:].startswith(verdict.kept_day)


@dataclass(frozen=True)
class Message:
    """A title and the lines below it."""

    title: str
    body: str


def tell(memory: Memory, verdicts: Iterable[Verdict], ui_url: str | None) -> Message | None:
    """The message about verdicts that came since the last one; the memory is brought up to date.

    Args:
        memory: what has been told.
        verdicts: in the order in which they came. Of several about one subject the last counts,
            but for what has happened.
        ui_url: Dagster's address, to link to.

    Returns:
        None: nothing has changed.
    """
    verdicts = list(verdicts)
    failures = [verdict for verdict in verdicts if verdict.is_news and not verdict.passed]
    newest = {verdict.subject: verdict for verdict in verdicts if not verdict.is_news}
    recoveries: list[Verdict] = []
    for verdict in newest.values():
        if verdict.passed:
            if memory.is_recovery(verdict):
                recoveries.append(verdict)
        elif memory.is_new_failure(verdict):
            failures.append(verdict)
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


def _hash(subject: str) -> str:
    digest = hashlib.blake2b(subject.encode(), digest_size=LETTERS_OF_A_NAME // 2)
    return digest.hexdigest()


def _failure(verdict: Verdict, ui_url: str | None) -> str:
    said = _shortened(verdict.description)
    return f"{verdict.severity} {verdict.subject}: {said} {_link(ui_url, verdict.run_id)}"


def _shortened(text: str) -> str:
    """In one line: a name of the mart that holds a line's end must not look like an alert."""
    line = _CALLS.sub("\u200b", " ".join(text.split()))
    return line if len(line) <= LETTERS_SHOWN else f"{line[:LETTERS_SHOWN]} …"


def _link(ui_url: str | None, run_id: str) -> str:
    return f"{ui_url.rstrip('/')}/runs/{run_id}" if ui_url else f"run {run_id}"


def _bounded(lines: list[str]) -> list[str]:
    if len(lines) <= LINES_SHOWN:
        return lines
    return [*lines[:LINES_SHOWN], f"… and {len(lines) - LINES_SHOWN} more"]
