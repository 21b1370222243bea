"""What is known of Redash's metadata database: its objects, its schema's revision, its secrets.

Redash encrypts the options of data sources and alert destinations (Fernet, keyed with the SHA-256
of REDASH_SECRET_KEY). A server with another key starts, answers its health probe and lists
queries, and fails at each of them; so the key is proved on the rows, before a server starts.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from cryptography.fernet import Fernet, InvalidToken

from rfm_platform.bi_database.endpoint import Session, quoted
from rfm_platform.bi_database.record import Record
from rfm_platform.bi_database.results import Finding
from rfm_platform.bi_database.state import DatabaseState, read_sql

NAME = "Redash"
# The tables by which a database is known as Redash's.
_MARKS = ("alembic_version", "queries", "query_results", "data_sources", "organizations", "widgets")
OBJECTS = (
    "queries",
    "visualizations",
    "dashboards",
    "widgets",
    "data_sources",
    "alerts",
    "notification_destinations",
    "query_snippets",
    "users",
    "groups",
)
# The schema's newest revision since a release, oldest first.
REVISIONS = (
    ((7, 0), "e5c7a4e2df4d"),
    ((10, 0), "89bc7873a3e0"),
    ((25, 1), "9e8c841d1a30"),
    ((25, 8), "db0aca1ebd32"),
)
ENCRYPTED = ("data_sources", "notification_destinations")
# What Redash used before it asked for a secret: everybody knows it.
PUBLIC_DEFAULT = "c292a0a3aa32397cdb050e233733900f"
SECRET_KEY, COOKIE_SECRET, PUBLIC = "REDASH_SECRET_KEY", "REDASH_COOKIE_SECRET", "public default"
# 25.8.0, 10.1.0.b50633
_RELEASE = re.compile(r"(\d+)\.(\d+)(\.|$)")
ASK_FOR_NUMBER = "set it to the release's number, such as 25.8.0."
UPGRADE = "./manage.py db upgrade"


class Application(Record):
    """The application whose database it is.

    Attributes:
        revision: of its schema.
        objects: how many there are of each kind, and how many of those archived and drafts.
        examples: the newest object of each kind, without what is personal or secret.
    """

    name: str
    revision: str | None
    objects: dict[str, dict[str, int]]
    examples: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class SecretProof:
    """Which secrets open which rows.

    Attributes:
        rows: encrypted rows.
        opened: by secret, how many of them it opens.
        closed: ``table id`` of rows that REDASH_SECRET_KEY does not open.
    """

    rows: int
    opened: dict[str, int] = field(default_factory=dict)
    closed: tuple[str, ...] = ()

    @property
    def is_proved(self) -> bool:
        return not self.closed

    @property
    def verdict(self) -> str:
        """For a person: what holds and what to do."""
        if self.is_proved:
            return f"{SECRET_KEY} opens all {self.rows} encrypted rows."
        sample = ", ".join(self.closed[:5]) + (" …" if len(self.closed) > 5 else "")
        text = (
            f"The secret given as {SECRET_KEY} does not open {len(self.closed)} of {self.rows} "
            f"encrypted rows ({sample}): Redash would start and fail at each query."
        )
        if self.opened.get(COOKIE_SECRET) == self.rows:
            return text + f" {COOKIE_SECRET} opens all: deploy that value as {SECRET_KEY}."
        if self.opened.get(PUBLIC) == self.rows:
            return text + (
                " Redash's old public default opens all: deploy it as the key to read them, then "
                "change it (`./manage.py database reencrypt`)."
            )
        return text + " Look for the key in the old server's environment (.env, compose file)."


def read_application(session: Session, state: DatabaseState) -> Application | None:
    """What a snapshot holds of Redash; None: the database is not Redash's."""
    tables = {table.name: table for table in state.tables if table.schema_name == "public"}
    if not all(name in tables for name in _MARKS):
        return None
    objects, examples = {}, {}
    for name in OBJECTS:
        if name in tables:
            table = quoted("public", name)
            (objects[name],) = session.rows(read_sql("redash_objects").format(table=table))
            newest = session.rows(read_sql("redash_example").format(table=table))
            examples[name] = newest[0] if newest else {}
    return Application(
        name=NAME,
        revision=read_revision(session),
        objects=objects,
        examples=examples,
    )


def read_revision(session: Session) -> str | None:
    """The revision of Redash's schema; None: it has none."""
    revisions = session.rows("SELECT version_num FROM public.alembic_version")
    return str(revisions[0]["version_num"]) if revisions else None


def prove_secrets(
    session: Session, secret: str | None, cookie_secret: str | None = None
) -> SecretProof:
    """Tries the secrets on every encrypted row of a snapshot. Nothing decrypted is kept."""
    keys = {SECRET_KEY: secret, COOKIE_SECRET: cookie_secret, PUBLIC: PUBLIC_DEFAULT}
    boxes = {name: _box(value) for name, value in keys.items() if value}
    opened = dict.fromkeys(boxes, 0)
    closed = []
    tokens = list(_tokens(session))
    for place, token in tokens:
        for name, box in boxes.items():
            if _opens(box, token):
                opened[name] += 1
            elif name == SECRET_KEY:
                closed.append(place)
    if SECRET_KEY not in boxes:
        closed = [place for place, _ in tokens]
    return SecretProof(len(tokens), opened, tuple(closed))


def _tokens(session: Session) -> Iterable[tuple[str, bytes]]:
    for table in ENCRYPTED:
        for row in session.rows(read_sql("redash_tokens").format(table=quoted("public", table))):
            if row["token"] is not None:
                yield f"{table} {row['id']}", bytes.fromhex(row["token"].removeprefix("\\x"))


def _box(secret: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()))


def _opens(box: Fernet, token: bytes) -> bool:
    try:
        box.decrypt(token)
    except InvalidToken:
        return False
    return True


def judge_revision(revision: str | None, version: str | None) -> Finding:
    """Whether a release of Redash runs on a schema.

    Unknown is what a person has to do something about before the start: an older schema can be
    upgraded. A newer one, or one without a revision, cannot.

    Args:
        revision: the schema's.
        version: the release that will run, such as ``25.8.0``; None: it is not known.
    """
    if version is None:
        return _schema(
            "unknown",
            f"The schema's revision is {revision}; set RFM_REDASH_VERSION to have it held against "
            "the release that will run.",
        )
    needed = revision_of(version)
    if needed is None:
        return _schema(
            "unknown",
            f"The schema's revision is {revision}; RFM_REDASH_VERSION is {version}, which says "
            f"nothing about a schema: {ASK_FOR_NUMBER}",
        )
    known = [each for _, each in REVISIONS]
    if revision == needed:
        return _schema("passed", f"The schema is what {NAME} {version} needs ({needed}).")
    if revision is None:
        return _schema(
            "failed",
            f"The schema has no revision (alembic_version is empty): {NAME} cannot upgrade it.",
        )
    if revision in known and known.index(revision) > known.index(needed):
        release = ".".join(map(str, REVISIONS[known.index(revision)][0]))
        return _schema(
            "failed",
            f"The schema is of {NAME} {release} ({revision}), newer than {version} can run on: "
            f"deploy {release} or later.",
        )
    return _schema(
        "unknown",
        f"The schema's revision is {revision}, {NAME} {version} needs {needed}: after the restore "
        f"and before the server starts, run `{UPGRADE}` in the new image (the chart's migration "
        "hook only creates tables and leaves existing ones as they are).",
    )


def _schema(state: Literal["passed", "failed", "unknown"], text: str) -> Finding:
    return Finding(name="schema", state=state, text=text)


def revision_of(version: str) -> str | None:
    """The schema's revision that a release needs: that of the newest known one up to it.

    None: it is no release's number, but ``latest`` or ``preview``.
    """
    number = _RELEASE.match(version)
    if number is None:
        return None
    release = int(number[1]), int(number[2])
    fitting = [revision for since, revision in REVISIONS if since <= release]
    return fitting[-1] if fitting else REVISIONS[0][1]


def compare_objects(before: Application, after: Application) -> list[dict[str, Any]]:
    """Counts side by side: kind, count, source, target, whether they are equal."""
    return [
        {
            "kind": kind,
            "which": which,
            "source": before.objects.get(kind, {}).get(which),
            "target": after.objects.get(kind, {}).get(which),
        }
        for kind in OBJECTS
        for which in ("total", "archived", "drafts")
        if before.objects.get(kind, {}).get(which) or after.objects.get(kind, {}).get(which)
    ]
