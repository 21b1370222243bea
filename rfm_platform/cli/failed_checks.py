"""Failed checks in sentences: which days, which check, why; what is the same is said once."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence

from rich.markup import escape

from rfm_platform.outcomes import CheckOutcome

EXPLAINED = 5  # findings of a check; of the others the days are named
SPANS_NAMED = 10  # of days that follow each other


def sentences(failed: Iterable[CheckOutcome], others: Sequence[str] = ()) -> Iterator[str]:
    """A sentence, with markup, for each thing that a check has found, the newest last.

    Args:
        failed: what the checks said.
        others: days that one check has failed on as well, of which nothing is said but that.
    """
    checks: dict[tuple[str, str], list[CheckOutcome]] = {}
    for outcome in failed:
        checks.setdefault((outcome.asset, outcome.check), []).append(outcome)
    for (asset, check), outcomes in checks.items():
        days: dict[tuple[str, str], list[str]] = {}
        for outcome in sorted(outcomes, key=lambda outcome: outcome.day or ""):
            found = days.setdefault((outcome.severity, outcome.description), [])
            found += [outcome.day] if outcome.day is not None else []
        in_order = sorted(days.items(), key=lambda item: item[1][-1:])
        for (severity, description), on in in_order[-EXPLAINED:]:
            colour = "red" if severity == "ERROR" else "yellow"
            where = " ".join(filter(None, (asset, check, in_words(on))))
            yield f"[{colour}]{severity}[/] {escape(where)}: {escape(description)}"
        rest = [*others, *(day for _, on in in_order[:-EXPLAINED] for day in on)]
        if rest:
            yield escape(f"{asset} {check} has failed on other days too: {in_words(rest)}.")


def in_words(days: Iterable[str]) -> str:
    """Days as a person writes them: ``2024-01-01 to 2024-01-31, 2024-02-03``; the first of many."""
    spans: list[list[dt.date]] = []
    for day in sorted(map(dt.date.fromisoformat, days)):
        if spans and day - spans[-1][-1] == dt.timedelta(days=1):
            spans[-1].append(day)
        else:
            spans.append([day])
    named = [
        f"{span[0]} to {span[-1]}" if len(span) > 2 else ", ".join(map(str, span))
        for span in spans[:SPANS_NAMED]
    ]
    more = sum(map(len, spans[SPANS_NAMED:]))
    return ", ".join(named) + (f" and {more} more days" if more else "")
