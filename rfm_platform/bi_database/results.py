"""What was found: by a look at something, by a comparison of two databases."""

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class RowDifferences:
    """Which rows of a table differ.

    Attributes:
        missing, extra, changed: rows.
        rescaled: rows whose numbers are the same but for zeros at the end: 1.5 and 1.50.
        examples: some of them, by key, with the columns that differ and without values.
        generated: columns that were not compared, because a dump does not hold them.
        is_partial: whether there are more than were looked at.
    """

    missing: int = 0
    extra: int = 0
    changed: int = 0
    rescaled: int = 0
    examples: tuple[str, ...] = ()
    generated: tuple[str, ...] = ()
    is_partial: bool = False

    @property
    def is_equal(self) -> bool:
        """Whether every value is the same, if not every text.

        Never with generated columns: other zeros explain why the hashes differ, but so would a
        column that nobody looked at.
        """
        return self.rescaled > 0 and not (
            self.missing or self.extra or self.changed or self.is_partial or self.generated
        )

    @property
    def verdict(self) -> str:
        """A sentence."""
        other_zeros = f"{self.rescaled} rows write a number with other zeros (1.5 and 1.50)"
        if self.is_equal:
            return f"equal; {other_zeros}"
        if not (self.missing or self.extra or self.changed):
            if self.generated and self.rescaled:
                return (
                    f"{other_zeros}, which is equal, but the dump does not hold what each server "
                    f"computes itself ({', '.join(self.generated)}), which may be otherwise: "
                    "compare those columns with the source's"
                )
            if self.generated:
                return (
                    "the dump holds the same rows as the target, but not what each server computes "
                    f"itself ({', '.join(self.generated)}): it has another value at the target, "
                    "look at the functions that it is computed with; or the source was changed "
                    "outside of PostgreSQL's transactions"
                )
            return (
                "the dump holds the same rows as the target, the source's snapshot held others: "
                "the source was changed outside of PostgreSQL's transactions; make a new dump"
            )
        at_least = "at least " if self.is_partial else ""
        parts = [
            f"{at_least}{count} rows {word}"
            for word, count in (
                ("missing", self.missing),
                ("too many", self.extra),
                ("changed", self.changed),
            )
            if count
        ]
        return ", ".join(parts)


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
