"""What was found: by a look at something, by a comparison of two databases."""

from collections.abc import Sequence
from typing import Literal

from rfm_platform.bi_database.record import Record

State = Literal["validated", "mismatched", "no key", "error", "skipped"]
# Names of objects that are told; how many there are is always told.
NAMED = 20


class Finding(Record):
    """What a look at something found.

    Attributes:
        name: what was looked at.
        state: unknown is no pass: a person has to look.
        text: what is so, and what to do where it must not be.
    """

    name: str
    state: Literal["passed", "failed", "unknown"]
    text: str


class TableResult(Record):
    """How a table compares.

    Attributes:
        state: ``no key`` is a mismatch whose rows cannot be named.
        why: what differs, or why it was not compared.
        rows: examples of rows that differ, by key, without their values.
    """

    table: str
    state: State
    source_rows: int | None
    target_rows: int | None
    why: str = ""
    rows: tuple[str, ...] = ()


class SectionResult(Record):
    """How a kind of object compares: names that are missing, that are extra, that are otherwise."""

    section: str
    compared: int
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    different: tuple[str, ...] = ()

    @property
    def is_equal(self) -> bool:
        return not (self.missing or self.extra or self.different)

    @property
    def verdict(self) -> str:
        """A sentence."""
        if self.is_equal:
            return f"{self.compared} compared, all equal."
        parts = [
            f"{len(names)} {word}: {listed(names)}"
            for word, names in (
                ("missing", self.missing),
                ("not in the source", self.extra),
                ("different", self.different),
            )
            if names
        ]
        return "; ".join(parts)


class Verification(Record):
    """Everything that was compared.

    Attributes:
        sections: by kind of object, with sequences, owners, rights and the database itself.
        notes: what a person should know and is no mismatch.
    """

    tables: tuple[TableResult, ...]
    sections: tuple[SectionResult, ...]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.bad_tables and all(section.is_equal for section in self.sections)

    @property
    def bad_tables(self) -> list[TableResult]:
        """Tables that are neither validated nor skipped."""
        return [each for each in self.tables if each.state not in ("validated", "skipped")]

    @property
    def verdict(self) -> str:
        """A sentence."""
        if self.passed:
            validated = sum(each.state == "validated" for each in self.tables)
            skipped = len(self.tables) - validated
            kinds = len(self.sections)
            return (
                f"{validated} tables hold every row as the dump's snapshot saw it, {kinds} kinds "
                f"of objects are equal; tables skipped, each with its reason: {skipped}."
            )
        parts = [f"{each.table} {each.state}: {each.why}" for each in self.bad_tables]
        parts += [
            f"{section.section}: {section.verdict}"
            for section in self.sections
            if not section.is_equal
        ]
        return "; ".join(parts[:8]) + (f"; and {len(parts) - 8} more" if len(parts) > 8 else "")


def listed(names: Sequence[str]) -> str:
    """Some of the names, and how many more there are."""
    more = f" … and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
