"""Which rows of a table differ between a dump and a restored database.

Only asked when their hashes differ. Both sides are streamed as COPY's text and added up in buckets
by key; the rows of buckets that differ are then compared one by one. So memory follows what
differs, up to a limit that is told, and the dump itself is the witness: the source lives on.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from psycopg import sql

from rfm_platform.bi_database.archive import dumped_rows, readable
from rfm_platform.bi_database.dump import ARCHIVE
from rfm_platform.bi_database.endpoint import UrlEndpoint, pin_settings
from rfm_platform.bi_database.manifest import Manifest
from rfm_platform.bi_database.state import TableState

BUCKETS = 4096
# Rows of differing buckets that are looked at one by one, and rows that are told.
EXAMINED_ROWS = 50_000
EXAMPLES = 10
_NULL = b"\\N"


@dataclass(frozen=True)
class RowDifferences:
    """What differs.

    Attributes:
        missing, extra, changed: rows.
        rescaled: rows whose numbers are the same but for zeros at the end: 1.5 and 1.50.
        examples: some of them, by key, with the columns that differ and without values.
        is_partial: whether there are more than were looked at.
    """

    missing: int = 0
    extra: int = 0
    changed: int = 0
    rescaled: int = 0
    examples: tuple[str, ...] = ()
    is_partial: bool = False

    @property
    def is_equal(self) -> bool:
        """Whether every value is the same, if not every text."""
        return not (self.missing or self.extra or self.changed or self.is_partial) and (
            self.rescaled > 0
        )

    @property
    def verdict(self) -> str:
        """A sentence."""
        if self.is_equal:
            return f"equal; {self.rescaled} rows write a number with other zeros (1.5 and 1.50)"
        if not (self.missing or self.extra or self.changed):
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


def compare_rows(
    target: UrlEndpoint,
    table: TableState,
    manifest: Manifest,
    directory: Path,
    identity: str | None,
) -> RowDifferences:
    """Compares a table's rows in a dump with those in a database.

    Raises:
        BiDatabaseError: the dump cannot be read.
        DatabaseError: the target cannot be read.
    """
    with readable(directory, manifest, identity) as place:
        keys = [table.columns.index(name) for name in table.key if name in table.columns]

        def dumped() -> Iterator[bytes]:
            return dumped_rows(place / ARCHIVE, manifest.tool, table)

        with target.database.connect(read_only=True) as connection:
            pin_settings(connection)
            statement = _copy_statement(table)

            def restored() -> Iterator[bytes]:
                with connection.cursor() as cursor, cursor.copy(statement) as copy:
                    yield from _lines(copy)

            differing = _differing_buckets(dumped(), restored(), keys)
            chosen = _affordable(differing)
            before = Counter(row for row in dumped() if _bucket(row, keys) in chosen)
            after = Counter(row for row in restored() if _bucket(row, keys) in chosen)
    return _compare(before, after, table, keys, is_partial=len(differing) > len(chosen))


def _copy_statement(table: TableState) -> sql.Composed:
    return sql.SQL("COPY (SELECT {columns} FROM ONLY {table}) TO STDOUT").format(
        columns=sql.SQL(", ").join(map(sql.Identifier, table.columns)),
        table=sql.Identifier(table.schema_name, table.name),
    )


def _lines(blocks: Iterable[bytes | bytearray | memoryview]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        *lines, rest = (rest + bytes(block)).split(b"\n")
        yield from lines
    if rest:
        yield rest


def _bucket(row: bytes, keys: Sequence[int]) -> int:
    if not keys:
        return zlib.crc32(row) % BUCKETS
    cells = row.split(b"\t")
    return zlib.crc32(b"\t".join(cells[key] for key in keys)) % BUCKETS


def _differing_buckets(
    before: Iterable[bytes], after: Iterable[bytes], keys: Sequence[int]
) -> dict[int, int]:
    """The buckets that differ, and how many rows of both sides lie in each."""
    sums, counts = [0] * BUCKETS, [0] * BUCKETS
    for weight, rows in ((1, before), (-1, after)):
        for row in rows:
            bucket = _bucket(row, keys)
            # A count and the row's hash, so that no two changes cancel out.
            sums[bucket] += weight * ((1 << 64) + hash(row) % (1 << 61))
            counts[bucket] += 1
    return {bucket: counts[bucket] for bucket, total in enumerate(sums) if total}


def _affordable(differing: dict[int, int]) -> set[int]:
    """As many of the buckets as fit into memory, one at least."""
    chosen: set[int] = set()
    rows = 0
    for bucket, count in differing.items():
        rows += count
        if chosen and rows > EXAMINED_ROWS:
            break
        chosen.add(bucket)
    return chosen


def _compare(
    before: Counter[bytes],
    after: Counter[bytes],
    table: TableState,
    keys: Sequence[int],
    *,
    is_partial: bool,
) -> RowDifferences:
    gone, come = list((before - after).elements()), list((after - before).elements())
    if not keys:
        return RowDifferences(missing=len(gone), extra=len(come), is_partial=is_partial)
    old, new = _by_key(gone, keys), _by_key(come, keys)
    both = sorted(old.keys() & new.keys())
    changed, rescaled, examples = 0, 0, []
    for key in both:
        columns = _changed_columns(old[key], new[key], table)
        if columns:
            changed += 1
            examples.append(f"{_named(key, table, keys)}: {', '.join(columns)} changed")
        else:
            rescaled += 1
    examples += [f"{_named(key, table, keys)}: missing" for key in sorted(old.keys() - new.keys())]
    examples += [f"{_named(key, table, keys)}: too many" for key in sorted(new.keys() - old.keys())]
    return RowDifferences(
        missing=len(old.keys() - new.keys()),
        extra=len(new.keys() - old.keys()),
        changed=changed,
        rescaled=rescaled,
        examples=tuple(examples[:EXAMPLES]),
        is_partial=is_partial,
    )


def _by_key(rows: Iterable[bytes], keys: Sequence[int]) -> dict[tuple[bytes, ...], list[bytes]]:
    cells = (row.split(b"\t") for row in rows)
    return {tuple(row[key] for key in keys): row for row in cells}


def _changed_columns(old: Sequence[bytes], new: Sequence[bytes], table: TableState) -> list[str]:
    return [
        name
        for name, kind, before, after in zip(table.columns, table.types, old, new, strict=True)
        if before != after and not (kind == "numeric" and _same_number(before, after))
    ]


def _same_number(before: bytes, after: bytes) -> bool:
    if _NULL in (before, after):
        return False
    try:
        return Decimal(before.decode()) == Decimal(after.decode())
    except (InvalidOperation, UnicodeDecodeError):
        return False


def _named(key: Sequence[bytes], table: TableState, keys: Sequence[int]) -> str:
    return ", ".join(
        f"{table.columns[position]} {value.decode(errors='replace')}"
        for position, value in zip(keys, key, strict=True)
    )
