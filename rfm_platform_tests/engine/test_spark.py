"""A Spark Connect server as the engine: what it must see, what it leaves behind, what it tells."""

import datetime as dt
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from rfm_platform.engine import DuckDBEngine
from rfm_platform.engine.sail import embedded_remote
from rfm_platform.engine.spark import SparkEngine, SparkError
from rfm_platform.engine.spark_files import NotSharedError
from rfm_platform.lake import GoneError, LakeTable
from rfm_platform.settings import SettingsError, read_settings
from rfm_platform.wiring import build_platform
from rfm_platform_tests.conftest import free_port
from rfm_platform_tests.engine.broken_connections import way
from rfm_platform_tests.engine.spark_servers import wait_until_it_listens

SHAPE = sa.Table(
    "things",
    sa.MetaData(),
    sa.Column("day", sa.Date),
    sa.Column("name", sa.Text),
    sa.Column("names", sa.ARRAY(sa.Text)),
    sa.Column("number", sa.BigInteger),
    sa.Column("small", sa.SmallInteger),
    sa.Column("middle", sa.Integer),
    sa.Column("moment", sa.DateTime),
    sa.Column("amount", sa.Numeric(18, 2)),
    sa.Column("is_so", sa.Boolean),
    sa.Column("share", sa.Float(53)),
)
DAY, NEXT = dt.date(2024, 2, 29), dt.date(2024, 3, 1)
ROWS = """
    SELECT CAST(day AS DATE) AS day, name, [name || '/1', ''] AS names, 9223372036854775807 AS number,
        -32768 AS small, 2147483647 AS middle, CAST('2024-02-29 23:59:59.999999' AS TIMESTAMP) AS moment,
        CAST('1234567890123456.78' AS DECIMAL(18, 2)) AS amount, name = 'a' AS is_so,
        CAST(0.1 AS DOUBLE) AS share
    FROM (VALUES ('2024-02-29', 'a'), ('2024-02-29', ''), ('2024-03-01', 'é')) AS t(day, name)
"""  # noqa: E501 - a row a line


@pytest.fixture
def table(tmp_path: Path) -> LakeTable:
    return LakeTable(tmp_path / "lake" / "things", SHAPE, "day")


@pytest.fixture
def engine(tmp_path: Path) -> SparkEngine:
    return SparkEngine(tmp_path / "lake" / "sessions")


@pytest.fixture
def duckdb(tmp_path: Path) -> DuckDBEngine:
    return DuckDBEngine(200_000_000, tmp_path / "spill")


def test_every_type_comes_back_as_duckdb_would_have_written_it(
    table: LakeTable, engine: SparkEngine, duckdb: DuckDBEngine, tmp_path: Path
) -> None:
    other = LakeTable(tmp_path / "lake" / "other", SHAPE, "day")
    with engine.session() as spark:
        spark.replace(table, ROWS, [DAY, NEXT])
    with duckdb.session() as session:
        session.replace(other, ROWS, [DAY, NEXT])
        session.view(table, name="theirs")
        session.view(other, name="ours")
        assert session.rows("DESCRIBE theirs") == session.rows("DESCRIBE ours")
        theirs, ours = (session.rows(f"FROM {name} ORDER BY ALL") for name in ("theirs", "ours"))
    assert theirs == ours
    assert [(p.value, p.rows) for p in table.partitions()] == [(DAY, 2), (NEXT, 1)]


def test_what_duckdb_wrote_is_read_with_its_partitions_days(
    table: LakeTable, engine: SparkEngine, duckdb: DuckDBEngine
) -> None:
    with duckdb.session() as session:
        session.replace(table, ROWS, [DAY, NEXT])
    with engine.session() as spark:
        spark.view(table, NEXT, NEXT)
        (row,) = spark.records("SELECT * FROM things")
    assert (row["day"], row["name"], row["names"]) == (NEXT, "é", ["é/1", ""])
    assert (row["amount"], row["moment"]) == (
        Decimal("1234567890123456.78"),
        dt.datetime.fromisoformat("2024-02-29 23:59:59.999999"),
    )


def test_a_partition_without_rows_is_emptied_and_the_others_stay(
    table: LakeTable, engine: SparkEngine
) -> None:
    with engine.session() as spark:
        spark.replace(table, ROWS, [DAY, NEXT])
        spark.replace(table, f"SELECT * FROM ({ROWS}) WHERE false", [DAY])
        spark.view(table)
        assert spark.rows("SELECT COUNT(*), MIN(day) FROM things") == [(1, NEXT)]


def test_a_table_without_rows_keeps_its_columns(engine: SparkEngine) -> None:
    with engine.session() as spark:
        spark.materialize("nothing", f"SELECT * FROM ({ROWS}) WHERE false")
        assert spark.rows("SELECT COUNT(*), MAX(amount) FROM nothing") == [(0, None)]


def test_parameters_are_values_and_a_timestamp_moves_nowhere(engine: SparkEngine) -> None:
    moment = dt.datetime.fromisoformat(
        "2024-03-31 02:30:00.000001"
    )  # an hour that many zones do not have
    with engine.session() as spark:
        found = spark.rows(
            "SELECT $text AS a, CAST($moment AS TIMESTAMP), CAST($day AS DATE), $flag, "
            "CAST($nothing AS DATE), $number + 1",
            text="'; DROP", moment=moment, day=DAY, flag=True, nothing=None, number=2**40,
        )  # fmt: skip
    assert found == [("'; DROP", moment, DAY, True, None, 2**40 + 1)]


def test_a_session_leaves_no_file_behind_also_after_an_error(engine: SparkEngine) -> None:
    with engine.session() as spark:
        spark.materialize("a", "SELECT 1 AS x")
    with pytest.raises(SparkError, match="embedded Sail server"), engine.session() as spark:
        spark.materialize("a", "SELECT 1 AS x")
        spark.rows("SELECT y FROM a")
    assert list(engine.directory.iterdir()) == []


def test_a_file_that_is_gone_is_an_error_and_not_no_rows(
    table: LakeTable, engine: SparkEngine
) -> None:
    """Sail reads a path that is not there as no rows."""
    with engine.session() as spark:
        spark.replace(table, ROWS, [DAY, NEXT])
        Path(table.files(DAY, DAY)[0]).unlink()
        with pytest.raises(GoneError, match="has been removed"):
            spark.view(table)


SERVE = (
    "import sys; from pysail.spark import SparkConnectServer; "
    "SparkConnectServer('127.0.0.1', int(sys.argv[1])).start(background=False)"
)


def test_a_server_that_does_not_see_the_lake_is_refused_before_anything_is_read(
    tmp_path: Path,
) -> None:
    """As on another machine: under the lake's path the server has a file system of its own."""
    lake, port, log = tmp_path / "lake", free_port(), tmp_path / "log"
    lake.mkdir()
    apart = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
    if subprocess.run([*apart, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    script = f'mount -t tmpfs none "{lake}" && exec "$0" "$@"'
    with log.open("wb") as output:
        command = [*apart, script, sys.executable, "-c", SERVE, str(port)]
        server = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            wait_until_it_listens(server, port, log)
            engine = SparkEngine(lake / "sessions", f"sc://127.0.0.1:{port}")
            with pytest.raises(NotSharedError, match="under the same path"), engine.session():
                pass
        finally:
            server.kill()  # asked to end, Sail sometimes does not
            server.wait()


def test_what_a_broken_connection_lost_is_asked_for_again(
    table: LakeTable, engine: SparkEngine
) -> None:
    """Sail forgets an answer once it has computed it, whether or not it has arrived."""
    host, port = embedded_remote().removeprefix("sc://").split(":")
    with way((host, int(port)), pieces=(13, 14, 15, 16, 17)) as (broken, near):
        engine = SparkEngine(engine.directory, f"sc://127.0.0.1:{near}")
        with engine.session() as spark:
            for _ in range(2):
                spark.replace(table, ROWS, [DAY, NEXT])
                spark.view(table)
                spark.materialize("names", "SELECT name, number FROM things")
                found = spark.rows("SELECT name, COUNT(*) FROM names GROUP BY name ORDER BY name")
                assert found == [("", 1), ("a", 1), ("é", 1)]
    assert broken.breaks >= 3
    assert [(p.value, p.rows) for p in table.partitions()] == [(DAY, 2), (NEXT, 1)]


def test_an_address_that_nobody_answers_is_named_without_its_token(tmp_path: Path) -> None:
    remote = f"sc://127.0.0.1:{free_port()}/;token=hunter2;use_ssl=false"
    engine = SparkEngine(tmp_path / "sessions", remote)
    assert "hunter2" not in repr(engine)
    with pytest.raises(SparkError, match="cannot be reached") as caught, engine.session():
        pass
    assert "hunter2" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_without_its_packages_the_error_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pysail", None)
    monkeypatch.setitem(sys.modules, "pysail.spark", None)
    with pytest.raises(SettingsError, match=r"pip install 'rfm_platform\[spark\]'"):
        build_platform(read_settings(tmp_path, engine="spark"))


@pytest.mark.parametrize(
    "remote",
    [
        "https://user:hunter2@host",
        "sc://user:hunter2@host",
        "sc://user:1/hunter2@host",
        "sc://host:hunter2",
        "sc://host:99999/;token=hunter2",
    ],
)
def test_a_remote_that_is_no_spark_connect_address_is_refused_and_not_repeated(
    tmp_path: Path, remote: str
) -> None:
    with pytest.raises(SettingsError, match="RFM_SPARK_REMOTE: is no address") as caught:
        read_settings(tmp_path, engine="spark", spark_remote=remote)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("remote", "place"),
    [
        ("sc://spark.example", "sc://spark.example:15002"),
        ("sc://spark_1:50051/;token=hunter2;user_id=ann@example.com", "sc://spark_1:50051"),
        ("sc://[::1]:15002/", "sc://[::1]:15002"),
        ("sc://user:hunter2@spark", "sc://spark:15002"),
    ],
)
def test_a_server_is_named_by_host_and_port_alone(tmp_path: Path, remote: str, place: str) -> None:
    assert SparkEngine(tmp_path, remote).place == place
    if "@spark" not in remote:
        assert read_settings(tmp_path, engine="spark", spark_remote=remote).spark_remote


def test_a_server_that_would_not_be_asked_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="RFM_SPARK_REMOTE is set and RFM_ENGINE is not spark"):
        read_settings(tmp_path, spark_remote="sc://spark:15002")


def test_the_embedded_server_is_started_once() -> None:
    assert embedded_remote() == embedded_remote()
