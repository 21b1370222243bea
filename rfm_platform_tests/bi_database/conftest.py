"""A filled source on the shared server, a server with TLS as target, and one restore of the other
into it: what a test changes, it changes in a copy."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest

from rfm_platform.bi_database.dump import DumpOptions, make_dump
from rfm_platform.bi_database.endpoint import UrlEndpoint
from rfm_platform.bi_database.move import Move
from rfm_platform.bi_database.restore import RestoreOptions, restore
from rfm_platform.bi_database.results import Verification
from rfm_platform.bi_database.verify import verify
from rfm_platform.postgres import Database, external
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.bi_database.cluster import CloudServer, cloud_server
from rfm_platform_tests.bi_database.fixture import COOKIE, NEWEST_REDASH, SECRET, fill

OWNER = "redash_owner"


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudServer]:
    """The target's server."""
    with cloud_server(tmp_path_factory.mktemp("cloud")) as server:
        yield server


@pytest.fixture(scope="session")
def source(server: EmbeddedServer) -> Database:
    """The source, which no test changes."""
    database = server.database("bi_source")
    with database.connect() as connection:
        connection.execute("CREATE ROLE analyst")
        fill(connection)
        connection.execute("GRANT SELECT ON queries, dashboards TO analyst")
    return database


@pytest.fixture
def own_source(
    server: EmbeddedServer, source: Database, _names: Iterator[int]
) -> Callable[..., Database]:
    """A copy of the source for a test to change."""

    def copy(*statements: str) -> Database:
        name = f"bi_source_{next(_names)}"
        with server.database("postgres").connect() as connection:
            connection.autocommit = True
            connection.execute(f"CREATE DATABASE {name} TEMPLATE bi_source".encode())
        database = server.database(name)
        with database.connect() as connection:
            for statement in statements:
                connection.execute(statement.encode())
        return database

    return copy


@pytest.fixture
def target(cloud: CloudServer, _names: Iterator[int]) -> Database:
    """An empty database of the target's role."""
    return external("target", cloud.create(f"bi_{next(_names)}", OWNER))


@pytest.fixture(scope="session")
def dumped(source: Database, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dump of the source, which no test changes."""
    directory = tmp_path_factory.mktemp("dumps") / "dump"
    make_dump(UrlEndpoint(source), directory, DumpOptions())
    return directory


@dataclass(frozen=True)
class Restored:
    """A restored database and the dump that it is from."""

    database: Database
    move: Move
    cloud: CloudServer

    def change(self, *statements: str) -> None:
        """Changes it, as an administrator may."""
        name = self.database.conninfo()["dbname"]
        with self.cloud.administrator(name) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def verify(self) -> Verification:
        return verify(UrlEndpoint(self.database), self.move.manifest(), self.move.directory, {})


@pytest.fixture(scope="session")
def _restored_once(
    cloud: CloudServer,
    source: Database,
    dumped: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Move:
    database = external("target", cloud.create("bi_restored", OWNER))
    work = tmp_path_factory.mktemp("work")
    restore(database, dumped, work / "restore", RestoreOptions())
    return Move(
        UrlEndpoint(source),
        database,
        dumped,
        work,
        secret=SECRET,
        cookie_secret=COOKIE,
        redash_version=NEWEST_REDASH,
    )


@pytest.fixture
def restored(_restored_once: Move, cloud: CloudServer, _names: Iterator[int]) -> Restored:
    """A copy of the restored database, for a test to change."""
    name = f"bi_restored_{next(_names)}"
    with cloud.administrator() as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE bi_restored".encode())
    database = external("target", cloud.url(name, OWNER))
    return Restored(database, replace(_restored_once, target=database), cloud)


def counts(database: Database) -> dict[str, int]:
    """Rows of some tables."""
    with database.connect() as connection:
        return {
            table: _count(connection, table) for table in ("queries", "query_results", "dashboards")
        }


def _count(connection: psycopg.Connection, table: str) -> int:
    row = connection.execute(f"SELECT COUNT(*) FROM {table}".encode()).fetchone()
    return int(row[0]) if row else -1
