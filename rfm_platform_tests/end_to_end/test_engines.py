"""`rfm materialize` with each engine over one mart: the same warehouse, column by column."""

import datetime as dt
from pathlib import Path

from rfm_platform.demo import synthetic
from rfm_platform.postgres import Database
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.cli.conftest import Said, rfm
from rfm_platform_tests.conftest import new_database, url_of

FIRST, LAST = dt.date(2024, 1, 29), dt.date(2024, 2, 2)
# When a row was written, and which run it was, differ.
WRITTEN = ("load_timestamp", "published_at", "written_at", "run_id", "source_version", "version")


def _materialize(home: Path, mart: Database, warehouse: Database, **variables: str) -> Said:
    return rfm(
        {
            "RFM_HOME": str(home),
            "RFM_SOURCE_URL": url_of(mart),
            "RFM_WAREHOUSE_URL": url_of(warehouse),
            "RFM_START_DATE": f"{FIRST}",
            "RFM_END_DATE": f"{LAST}",
            "RFM_MEMORY_LIMIT_MB": "500",
            "RFM_MIN_DAYS": "2",
            **variables,
        },
        *("materialize", "--from", f"{FIRST}", "--to", f"{LAST}"),
    )


def _published(warehouse: Database) -> dict[str, list[str]]:
    with warehouse.connect(read_only=True) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'rfm' ORDER BY 1")
        found = {}
        for (name,) in cursor.fetchall():
            cursor.execute(f'SELECT * FROM rfm."{name}"'.encode())
            columns = [column.name for column in cursor.description or ()]
            found[name] = sorted(
                repr([(c, v) for c, v in zip(columns, row, strict=True) if c not in WRITTEN])
                for row in cursor.fetchall()
            )
    return found


def test_the_warehouse_is_the_same_whichever_engine_filled_it(
    server: EmbeddedServer, mart: Database, warehouse: Database, tmp_path: Path
) -> None:
    synthetic.load(mart, lines=3_000, days=5, end_date=LAST)
    other = new_database(server, "warehouse")
    by_duckdb = _materialize(tmp_path / "duckdb", mart, warehouse)
    by_spark = _materialize(tmp_path / "spark", mart, other, RFM_ENGINE="spark")
    assert (by_spark.code, by_spark.err) == (by_duckdb.code, by_duckdb.err)
    due, got = _published(warehouse), _published(other)
    assert len(due["final_user_analysis_snapshots"]) > 1_000
    assert len(due["rfm_segments_snapshots"]) > 10
    for name, rows in due.items():
        assert got[name] == rows, name
    left = list((tmp_path / "spark" / "lake" / "spark_sessions").iterdir())
    assert left == [], "sessions leave their files behind"
