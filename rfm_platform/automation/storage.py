"""Dagster's SQLite storage with its connections kept open.

Dagster opens a database file and compiles each statement anew for every event: 16 ms of a day's
check verdict, and a year of days has thousands of them. An engine that is kept has both at hand.
A run's file gets its tables in one transaction, where Dagster commits each of them and looks
through all migrations; events that come together are stored in one. The files and what is in them
stay Dagster's own.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData

OPEN_FILES = 8  # one file a run, and the index
BUSY_TIMEOUT_SECONDS = 60


class KeptOpenEventLogStorage(SqliteEventLogStorage):
    """SQLite event log whose newest files stay open."""

    _run_statements: ClassVar[list[str]] = []

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, sa.Engine] = OrderedDict()
        self._tables: set[str] = set()
        self._together: dict[str, sa.Connection] = {}
        self._lock = threading.RLock()
        super().__init__(base_dir, inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        with self._lock:
            if shard in self._together:
                yield self._together[shard]
                return
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    @contextmanager
    def together(self, run_id: str) -> Iterator[None]:
        """Stores what is stored of a run in the block in one transaction: a quarter less work.

        All or, after an error, nothing. Other threads wait.
        """
        with self._lock, ExitStack() as transactions:
            transactions.callback(self._together.clear)
            for shard in (run_id, INDEX_SHARD_NAME):
                self._together[shard] = transactions.enter_context(self._connect(shard))
            yield

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Stores events of one run."""
        with self.together(events[0].run_id):
            super().store_event_batch(events)

    def _initdb(self, engine: sa.Engine, for_index_shard: bool = False) -> None:
        """Creates the tables; of a file that has some, Dagster decides what is missing."""
        if for_index_shard or not self._created_at_once(engine):
            super()._initdb(engine, for_index_shard)

    def _created_at_once(self, engine: sa.Engine) -> bool:
        """Creates the tables of a run in an empty file; False if somebody had made some."""
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            connection.rollback()
            # Nobody else comes between the question and the tables.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            if connection.exec_driver_sql("SELECT COUNT(*) FROM sqlite_master").scalar():
                return False
            for statement in self._statements_of_a_run():
                connection.exec_driver_sql(statement)
            connection.commit()
            return True

    def _statements_of_a_run(self) -> list[str]:
        """The statements that make a new file what Dagster would make of it."""
        if not self._run_statements:
            engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
            super()._initdb(engine)
            with engine.connect() as connection:
                file: Any = connection.connection.driver_connection
                # Without BEGIN and COMMIT; the same for every storage of this class.
                KeptOpenEventLogStorage._run_statements = list(file.iterdump())[1:-1]
            engine.dispose()
        return self._run_statements

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table; one that is there stays. Asked for each asset's event."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def _engine(self, shard: str) -> sa.Engine:
        engine = self._engines.pop(shard, None)
        if engine is None:
            engine = sa.create_engine(
                self.conn_string_for_shard(shard),
                pool_size=1,
                max_overflow=2,  # creating a file takes a second connection
                poolclass=sa.QueuePool,
                connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            )
            sa.event.listen(engine, "connect", _relax)
        self._engines[shard] = engine
        while len(self._engines) > OPEN_FILES:
            self._engines.popitem(last=False)[1].dispose()
        return engine

    def remove(self, run_id: str) -> bool:
        """Removes the file of a run's events; whether there was one."""
        with self._lock:
            engine = self._engines.pop(run_id, None)
            if engine is not None:
                engine.dispose()
            self._initialized_dbs.discard(run_id)
            path = Path(self.path_for_shard(run_id))
            found = path.exists()
            for each in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
                each.unlink(missing_ok=True)
        return found

    def dispose(self) -> None:
        """Closes the files."""
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        super().dispose()


class KeptOpenStorage(DagsterSqliteStorage):
    """Dagster's SQLite storage with that event log."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        directory = self._event_log_storage._base_dir  # noqa: SLF001 - where Dagster puts it
        self._event_log_storage = KeptOpenEventLogStorage(directory)


def _relax(connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
    # With a write-ahead log, NORMAL survives the death of the process; only the machine's may
    # cost the last events, never the file.
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
