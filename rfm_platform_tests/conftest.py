"""What the tests share: one real PostgreSQL for all of them, and a platform of its own for each."""

import datetime as dt
import gc
import os
import shutil
import signal
import socket
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from hypothesis import is_hypothesis_test
from psycopg import sql

from rfm_platform.demo.mart import create_tables
from rfm_platform.postgres import Database
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.settings import Settings, read_settings
from rfm_platform.wiring import Platform, build_platform
from rfm_platform_tests.strategies import EXAMPLES_TIMES

LINE_COLUMNS = (
    "marketplace",
    "shop_id",
    "shop_name",
    "user_id",
    "magpie_region_code",
    "kurs_rate",
    "create_timestamp",
    "cancelled_flag",
    "returned_flag",
    "order_id",
    "product_gmv_amount",
    "marketplace_product_id",
    "marketplace_variant_id",
    "marketplace_product_barcode",
    "order_shipping_fee_buyer_amount",
)
Row = Sequence[Any]

# Begun in the background, a session ignores SIGINT. Dagster would make SIGTERM ignored too, and so
# would be whatever a test starts and ends.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# What takes longest: begun first, so that no worker is left alone with it at the end.
LONGEST = (
    "/customers/test_late_changes",
    "/customers/test_against_oracle",
    "/faults/",
    "/deploy/test_processes",
)


# A file system in memory, on Linux: a disk's takes a sixth of the longest test's CPU time.
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - each run makes a directory of its own there
ROOM = 8 * 2**30  # nearly twice what a run has there at most


def pytest_configure(config: pytest.Config) -> None:
    """Tests write into memory where there is room, unless somebody says where they shall."""
    if config.getoption("basetemp") is None and "TMPDIR" not in os.environ and _has_room():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))


def _has_room() -> bool:
    """Whether programs may be kept there, and memory holds them beside what the tests compute."""
    if not IN_MEMORY.is_dir() or os.statvfs(IN_MEMORY).f_flag & os.ST_NOEXEC:
        return False
    available: int = psutil.virtual_memory().available
    return min(shutil.disk_usage(IN_MEMORY).free, available) > ROOM


def pytest_xdist_auto_num_workers() -> int:
    """One more than cores: a quarter of its time a test waits, for a disk or another process."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_finish() -> None:
    """What the imports have made is not looked through for garbage again and again."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """At the end everything goes."""
    gc.unfreeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Moves the longest tests to the front."""
    items.sort(key=lambda item: not any(name in item.nodeid for name in LONGEST))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Has property tests as often as EXAMPLES_TIMES says, each time with other examples."""
    if EXAMPLES_TIMES > 1 and is_hypothesis_test(metafunc.function):
        metafunc.fixturenames.append("_time")
        metafunc.parametrize("_time", range(EXAMPLES_TIMES))


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own RFM_* variables change no test."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"RFM_{name.upper()}", raising=False)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.delenv("DAGSTER_PG_URL", raising=False)


@pytest.fixture(scope="session", autouse=True)
def _migrations_read_once() -> Iterator[None]:
    """Dagster reads its hundred migrations three times for each instance; they are always these."""
    read: dict[str | None, ScriptDirectory] = {}
    original = ScriptDirectory.from_config

    def from_config(config: Config) -> ScriptDirectory:
        location = config.get_main_option("script_location")
        if location not in read:
            read[location] = original(config)
        return read[location]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "from_config", from_config)
        yield


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """One embedded server for the whole session."""
    server = EmbeddedServer(tmp_path_factory.mktemp("server"))
    with server.database("postgres").connect() as connection:
        connection.autocommit = True
        # Hundreds of databases are made here, and none has to outlive the machine's power.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("ALTER SYSTEM SET max_wal_size = '256MB'")
        connection.execute("SELECT pg_reload_conf()")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _names() -> Iterator[int]:
    return iter(range(10_000))


_made: list[tuple[EmbeddedServer, str]] = []


@pytest.fixture(scope="module", autouse=True)
def _databases_go() -> Iterator[None]:
    """At a module's end, what its tests made goes: a database takes 8 MB of disk."""
    yield
    while _made:
        server, name = _made.pop()
        with server.database("postgres").connect() as connection:
            connection.autocommit = True
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(drop.format(sql.Identifier(name)))


def new_database(server: EmbeddedServer, kind: str, *, stays: bool = False) -> Database:
    """An empty database: there until the end of the module whose test asks for it, or stays."""
    name = f"{kind}_{uuid.uuid4().hex[:12]}"
    if not stays:
        _made.append((server, name))
    return server.database(name)


def new_mart(server: EmbeddedServer, *, stays: bool = False) -> Database:
    """An empty data mart, as :func:`new_database`."""
    database = new_database(server, "mart", stays=stays)
    with database.connect() as connection:
        create_tables(connection)
    return database


@pytest.fixture
def mart(server: EmbeddedServer) -> Database:
    """An empty data mart of this test's own."""
    return new_mart(server)


@pytest.fixture
def warehouse(server: EmbeddedServer) -> Database:
    """An empty warehouse of this test's own."""
    return new_database(server, "warehouse")


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def url_of(database: Database) -> str:
    """A database as a URL, as people set it."""
    info = database.conninfo()
    return f"postgresql://{info['user']}@/{info['dbname']}?host={info['host']}&port={info['port']}"


@pytest.fixture
def settings(tmp_path: Path, mart: Database, warehouse: Database) -> Settings:
    """Settings of a home of this test's own, over the empty mart and warehouse."""
    return read_settings(
        tmp_path / "home",
        source_url=url_of(mart),
        warehouse_url=url_of(warehouse),
        start_date=dt.date(2024, 1, 1),
        end_date=dt.date(2024, 12, 31),
        memory_limit_mb=500,
    )


@pytest.fixture
def platform(settings: Settings) -> Platform:
    """The platform over the empty mart and warehouse."""
    return build_platform(settings)


@pytest.fixture
def fill_mart(mart: Database) -> Callable[[Sequence[Row], Sequence[Row]], None]:
    """Replaces the mart's rows: lines as in LINE_COLUMNS, orders as marketplace, order, name."""

    def fill(lines: Sequence[Row], orders: Sequence[Row] = ()) -> None:
        with mart.connect() as connection, connection.cursor() as cursor:
            cursor.execute("TRUNCATE flatten_order_marketplace, order_marketplace")
            columns = ", ".join(LINE_COLUMNS)
            with cursor.copy(f"COPY flatten_order_marketplace ({columns}) FROM STDIN") as copy:
                for row in lines:
                    copy.write_row(row)
            with cursor.copy("COPY order_marketplace FROM STDIN") as copy:
                for row in orders:
                    copy.write_row(row)

    return fill
