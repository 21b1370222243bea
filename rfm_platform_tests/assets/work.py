"""Work that can be counted: the same on every machine, unlike seconds."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import psycopg
import pytest

from rfm_platform.engine.duckdb import Session
from rfm_platform.postgres import Database
from rfm_platform_tests.assets.chain import Chain

DEADLINE_SECONDS = 20


@dataclass
class Work:
    """What a run asked for.

    Attributes:
        mart_statements: sent to the mart.
        mart_rows: that PostgreSQL read there, through an index or not.
        warehouse_statements: sent to the warehouse.
        rows_written: there, and removed.
        sessions: of the engine.
        files: of the lake that were named to a session, as often as they were.
        kilobytes: their size.
        events: that Dagster wrote.
    """

    mart_statements: int = 0
    mart_rows: int = 0
    warehouse_statements: int = 0
    rows_written: int = 0
    sessions: int = 0
    files: int = 0
    kilobytes: float = 0
    events: int = 0

    def more_than(self, allowed: "Work") -> list[str]:
        """What is more than allowed, a sentence each."""
        return [
            f"{field.name}: {getattr(self, field.name):.0f}, allowed {getattr(allowed, field.name)}"
            for field in fields(self)
            if getattr(self, field.name) > getattr(allowed, field.name)
        ]


@contextmanager
def counted(chain: Chain) -> Iterator[Work]:
    """Counts what is done over a chain in the block."""
    work = Work()
    statements: dict[str, int] = {}
    read, written = _rows(chain.mart)[0], _rows(chain.warehouse)[1]
    before = _events(chain)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("execute", "executemany", "copy"):
            _count_statements(patch, name, statements)
        _count_files(patch, work)
        yield work
    work.mart_statements = statements.get(_name(chain.mart), 0)
    work.warehouse_statements = statements.get(_name(chain.warehouse), 0)
    work.mart_rows = _rows(chain.mart)[0] - read
    work.rows_written = _rows(chain.warehouse)[1] - written
    work.events = _events(chain) - before


def _count_statements(patch: pytest.MonkeyPatch, name: str, counts: dict[str, int]) -> None:
    original = getattr(psycopg.Cursor, name)

    def counting(
        cursor: psycopg.Cursor[Any], query: Any, parameters: Any = None, **rest: Any
    ) -> Any:
        database = cursor.connection.info.dbname
        sent = len(list(parameters)) if name == "executemany" else 1
        counts[database] = counts.get(database, 0) + sent
        return original(cursor, query, parameters, **rest)

    patch.setattr(psycopg.Cursor, name, counting)


def _count_files(patch: pytest.MonkeyPatch, work: Work) -> None:
    start, view_files = Session.__init__, Session.view_files

    def starting(session: Session, *arguments: Any) -> None:
        work.sessions += 1
        start(session, *arguments)

    def viewing(session: Session, name: str, files: Sequence[str], table: Any) -> None:
        work.files += len(files)
        work.kilobytes += sum(Path(file).stat().st_size for file in files) / 1000
        view_files(session, name, files, table)

    patch.setattr(Session, "__init__", starting)
    patch.setattr(Session, "view_files", viewing)


def _name(database: Database) -> str:
    name: str = database.conninfo()["dbname"]
    return name


def _rows(database: Database) -> tuple[int, int]:
    """Rows that were ever read, and ever written or removed, by sessions that have ended."""
    with database.connect() as connection:
        connection.autocommit = True
        deadline = time.monotonic() + DEADLINE_SECONDS
        others = (
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND backend_type <> 'autovacuum worker' AND pid <> pg_backend_pid()"
        )
        while connection.execute(others).fetchone() != (0,):
            assert time.monotonic() < deadline, "a session does not end"
        row = connection.execute(
            "SELECT COALESCE(SUM(seq_tup_read + COALESCE(idx_tup_fetch, 0)), 0)::bigint, "
            "COALESCE(SUM(n_tup_ins + n_tup_del), 0)::bigint FROM pg_stat_user_tables"
        ).fetchone()
    assert row
    return row


def _events(chain: Chain) -> int:
    with chain.instance() as instance:
        return sum(len(instance.all_logs(run.run_id)) for run in instance.get_runs())
