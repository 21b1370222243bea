"""What a database holds, as one snapshot of it saw it: what a restored one is held against.

Everything is text and numbers: it lies in a manifest and is compared years later, elsewhere.
"""

import re
from importlib import resources
from typing import Any, Literal

from rfm_platform.bi_database.endpoint import Session, quoted
from rfm_platform.bi_database.record import Record

# Kinds of objects that are compared by definition, each with its sql/<name>.sql.
SECTIONS = (
    "table_properties",
    "partitions",
    "columns",
    "constraints",
    "indexes",
    "triggers",
    "functions",
    "views",
    "types",
    "comments",
    "large_objects",
    "extensions",
    "other_objects",
)
_SINCE = {"partitions": 100000}  # earlier servers have none, nor the functions that tell of them
_TABLE_FACTS = ("name", "kind", "persistence", "bytes", "is_populated", "estimated_rows")
NOT_VALID = "not valid: "  # before the definition of an index, in sql/indexes.sql
# Of what a manifest holds of a database: those of an earlier one cannot be held against it.
LAYOUT = 3
KINDS = {"r": "table", "p": "partitioned table", "m": "materialized view", "f": "foreign table"}
_PLAIN = re.compile(r"[\w$]+")


class TableState(Record):
    """A table and its rows.

    Attributes:
        kind: a key of KINDS.
        estimated_rows: as the server's statistics have it; None: it has none.
        key: the primary key's columns, in its order.
        rows: how many; None where they were not read.
        types: of the columns, in their order; a domain's is the type that it is over.
        generated: columns that the server computes from others: a dump does not hold them.
        content: a hash of all rows, whatever their order; equal as long as every value is.
    """

    schema_name: str
    name: str
    kind: str
    persistence: str
    bytes: int
    is_populated: bool = True
    key: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    generated: tuple[str, ...] = ()
    estimated_rows: int | None = None
    rows: int | None = None
    content: str | None = None

    @property
    def title(self) -> str:
        return titled(self.schema_name, self.name)

    @property
    def holds_rows(self) -> bool:
        """Whether rows lie in it that a dump carries."""
        return self.kind == "r" or (self.kind == "m" and self.is_populated)


class SequenceState(Record):
    """A sequence.

    Attributes:
        column: ``schema.table.column`` that takes its numbers from it; of several the farthest.
        next_value: what it gives next; None: we may not read it.
        farthest: the last number in that column in the sequence's direction, the largest one or of
            a descending sequence the smallest; None: it holds no numbers.
        increment: its step.
        definition: everything else that it counts by; None: we may not read it.
    """

    name: str
    column: str | None
    next_value: int | None
    farthest: int | None = None
    increment: int = 1
    definition: str | None = None


class Grant(Record):
    """A right of somebody else than the owner."""

    kind: str
    object: str
    privilege: str
    is_grantable: bool
    grantee: str


class DatabaseSetting(Record):
    """What ALTER DATABASE or ALTER ROLE has set for sessions.

    Attributes:
        role: whose sessions; None: everybody's.
        value: of one that an application made up (``app.secret``) a few letters of its hash.
        is_everywhere: whether it is so in every database of the server: ALTER ROLE … SET.
    """

    role: str | None
    name: str
    value: str
    is_everywhere: bool = False

    @property
    def is_made_up(self) -> bool:
        """Whether an application made it up."""
        return "." in self.name


class DatabaseState(Record):
    """A whole database in one snapshot.

    Attributes:
        layout: of this record, LAYOUT at the time.
        scheme: how the rows were hashed; None: they were not; ``record``: by an earlier release.
        sections: by kind of object (SECTIONS): each object's definition.
        locale: who sorts and compares text, with their own name for how: ``ICU de-DE``.
        owners: each object's owner.
        comment: the database's own.
        extension_tables: of extensions, and not empty: nothing compares their rows.
    """

    name: str
    version: str
    version_number: int
    encoding: str
    collation: str
    character_type: str
    locale: str = "libc"
    owner: str
    comment: str | None = None
    extension_tables: tuple[str, ...] = ()
    bytes: int
    connected_as: str
    read_at: str
    layout: int = 1
    scheme: Literal["record", "binary", "md5"] | None = None
    tables: tuple[TableState, ...]
    sections: dict[str, dict[str, str]]
    owners: dict[str, str]
    sequences: tuple[SequenceState, ...]
    grants: tuple[Grant, ...]
    settings: tuple[DatabaseSetting, ...] = ()

    @property
    def major_version(self) -> int:
        return major(self.version_number)

    def table(self, title: str) -> TableState | None:
        """A table by ``schema.name``."""
        return next((table for table in self.tables if table.title == title), None)


def titled(*names: str) -> str:
    """Names with dots between them; in quotes where they hold a dot themselves, or anything odd."""
    return ".".join(name if _PLAIN.fullmatch(name) else quoted(name) for name in names)


def major(version_number: int) -> int:
    """The major release: 17 of 170010."""
    return version_number // 10000


def read_definitions(session: Session) -> DatabaseState:
    """Everything but the rows."""
    (database,), (locale,) = (session.rows(read_sql(name)) for name in ("database", "locale"))
    tables = [
        TableState(
            schema_name=row["schema"],
            **{name: row[name] for name in _TABLE_FACTS},
            key=tuple(row["key"] or ()),
            columns=tuple(row["columns"] or ()),
            types=tuple(row["types"] or ()),
            generated=tuple(row["generated"] or ()),
        )
        for row in session.rows(read_sql("tables"))
    ]
    sections = {
        section: {row["object"]: row["definition"] for row in session.rows(read_sql(section))}
        if database["version_number"] >= _SINCE.get(section, 0)
        else {}
        for section in SECTIONS
    }
    return DatabaseState(
        **{k: v for k, v in (database | locale).items() if k in DatabaseState.model_fields},
        layout=LAYOUT,
        tables=tuple(tables),
        sections=sections,
        owners={row["object"]: row["definition"] for row in session.rows(read_sql("owners"))},
        sequences=tuple(_sequences(session)),
        grants=tuple(Grant(**row) for row in session.rows(read_sql("grants"))),
        settings=tuple(
            DatabaseSetting(**row) for row in session.rows(read_sql("database_settings"))
        ),
    )


def _sequences(session: Session) -> list[SequenceState]:
    found = session.rows(read_sql("sequences"))
    queries = [_sequence_query(n, row) for n, row in enumerate(found) if row["is_readable"]]
    query = "\nUNION ALL\n".join(queries)
    facts = {row.pop("number"): row for row in session.rows(query)} if queries else {}
    known: dict[str, list[SequenceState]] = {}
    for number, row in enumerate(found):
        name = titled(row["schema"], row["name"])
        column = (row["table_schema"], row["table_name"], row["column_name"])
        sequence = SequenceState(
            name=name,
            column=titled(*column) if row["table_name"] else None,
            **facts.get(number, {"next_value": None}),
        )
        known.setdefault(name, []).append(sequence)
    return [max(each, key=_reach) for each in known.values()]


def _reach(sequence: SequenceState) -> tuple[bool, int]:
    """How far a column is in its sequence's direction: of several the one to compare."""
    return sequence.farthest is not None, (sequence.farthest or 0) * sequence.increment


def _sequence_query(number: int, row: dict[str, Any]) -> str:
    farthest = "NULL::numeric"
    if row["holds_numbers"]:
        farthest = read_sql("farthest").format(
            aggregate="MIN" if row["is_descending"] else "MAX",
            column=quoted(row["column_name"]),
            table=quoted(row["table_schema"], row["table_name"]),
        )
    sequence = quoted(row["schema"], row["name"])
    return read_sql("sequence").format(**row, number=number, sequence=sequence, farthest=farthest)


def read_sql(name: str) -> str:
    """The text of ``sql/<name>.sql``."""
    return resources.files(__package__).joinpath("sql", f"{name}.sql").read_text("utf-8")
