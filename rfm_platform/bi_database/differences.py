"""Which rows of a table differ between a dump and a restored database.

Only asked when their hashes differ. Both sides are streamed as COPY's text and added up in buckets
by key; the rows of buckets that differ are then compared one by one. So memory follows what
differs, up to a limit that is told, and the dump itself is the witness: the source lives on.
"""

import codecs
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from itertools import compress
from pathlib import Path

from psycopg import sql

from rfm_platform.bi_database.archive import dumped_encoding, dumped_rows, readable
from rfm_platform.bi_database.dump import ARCHIVE
from rfm_platform.bi_database.endpoint import UrlEndpoint, pin_settings
from rfm_platform.bi_database.manifest import Manifest
from rfm_platform.bi_database.results import RowDifferences
from rfm_platform.bi_database.state import TableState

BUCKETS = 4096
# Rows of differing buckets that are looked at one by one, and rows that are told.
EXAMINED_ROWS = 50_000
EXAMPLES = 10
_NULL = b"\\N"


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
    table = _as_dumped(table)
    keys = [table.columns.index(name) for name in table.key if name in table.columns]
    if len(keys) < len(table.key):
        keys = []  # a part of a key names no row
    with readable(directory, manifest, identity) as place:
        encoding = dumped_encoding(place / ARCHIVE, manifest.tool, table)

        def dumped() -> Iterator[bytes]:
            return dumped_rows(place / ARCHIVE, manifest.tool, table)

        with target.database.connect(read_only=True) as connection:
            pin_settings(connection)
            statement = _copy_statement(table, encoding)

            def restored() -> Iterator[bytes]:
                with connection.cursor() as cursor, cursor.copy(statement) as copy:
                    yield from _lines(copy)

            differing = _differing_buckets(dumped(), restored(), keys)
            chosen = _affordable(differing)
            before = Counter(row for row in dumped() if _bucket(row, keys) in chosen)
            after = Counter(row for row in restored() if _bucket(row, keys) in chosen)
    return replace(
        _compare(before, after, table, keys, encoding),
        generated=table.generated,
        is_partial=len(differing) > len(chosen),
    )


def _as_dumped(table: TableState) -> TableState:
    """A table without the columns that pg_dump leaves out."""
    kept = [name not in table.generated for name in table.columns]
    return table.model_copy(
        update={
            "columns": tuple(compress(table.columns, kept)),
            "types": tuple(compress(table.types, kept)),
        }
    )


def _copy_statement(table: TableState, encoding: str) -> sql.Composed:
    return sql.SQL(
        "COPY (SELECT {columns} FROM ONLY {table}) TO STDOUT WITH (ENCODING {encoding})"
    ).format(
        columns=sql.SQL(", ").join(map(sql.Identifier, table.columns)),
        table=sql.Identifier(table.schema_name, table.name),
        encoding=sql.Literal(encoding),
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
    encoding: str,
) -> RowDifferences:
    gone, come = list((before - after).elements()), list((after - before).elements())
    if not keys:
        return RowDifferences(missing=len(gone), extra=len(come))
    old, new = _by_key(gone, keys), _by_key(come, keys)
    changed, rescaled, examples = 0, 0, []
    for key in sorted(old.keys() & new.keys()):
        columns = _changed_columns(old[key], new[key], table)
        if columns:
            changed += 1
            examples.append((key, f"{', '.join(columns)} changed"))
        else:
            rescaled += 1
    examples += [(key, "missing") for key in sorted(old.keys() - new.keys())]
    examples += [(key, "too many") for key in sorted(new.keys() - old.keys())]
    codec = _codec(encoding)
    return RowDifferences(
        missing=len(old.keys() - new.keys()),
        extra=len(new.keys() - old.keys()),
        changed=changed,
        rescaled=rescaled,
        examples=tuple(
            f"{_named(key, table, keys, codec)}: {what}" for key, what in examples[:EXAMPLES]
        ),
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


def _named(key: Sequence[bytes], table: TableState, keys: Sequence[int], codec: str) -> str:
    return ", ".join(
        f"{table.columns[position]} {value.decode(codec, errors='replace')}"
        for position, value in zip(keys, key, strict=True)
    )


def _codec(encoding: str) -> str:
    """Python's name of an encoding of PostgreSQL's, or of one that shows ASCII at least."""
    try:
        return codecs.lookup(encoding.replace("WIN", "cp")).name
    except LookupError:
        return "utf-8"
