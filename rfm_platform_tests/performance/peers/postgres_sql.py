"""Peer: PostgreSQL's own SQL where the mart lies, a CREATE TABLE AS for each result.

`prepare` makes of the mart's lines what the lake's are to the other peers, and is measured apart.
"""

from pathlib import Path
from typing import Any

import duckdb
import psycopg

from rfm_platform_tests.performance.peers.job import Job, read_job

RESULTS = ("aggregated_monthly", "final_user_analysis", "rfm_scores", "cohort_matrix")
# Enough for two cores' hash tables on a machine that also runs the mart; not the default 4 MB.
SETTINGS = {
    "work_mem": "256MB",
    "search_path": "peer, public",
    "client_connection_check_interval": "5s",  # a query ends when its client is stopped
}
SEPARATOR, NULL = "\x01", "\\N"
READ_LISTS = (
    " REPLACE (CASE WHEN sku_list = '' THEN [] "
    f"ELSE STRING_SPLIT(sku_list, '{SEPARATOR}') END AS sku_list)"
)


def prepare(home: Path) -> None:
    """The lines, read and joined with their order's recipient."""
    with _connect(read_job(home)) as connection:
        connection.execute("DROP SCHEMA IF EXISTS peer CASCADE")
        connection.execute("CREATE SCHEMA peer")
        connection.execute(_script("postgres_lines"))


def compute(home: Path) -> None:
    """The four tables."""
    job = read_job(home)
    statements = _script("postgres").decode().split(";\n")
    with _connect(job) as connection:
        connection.execute(
            "CREATE TABLE segments (r_score int, f_score int, m_score int, segment text)"
        )
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO segments VALUES (%s, %s, %s, %s)", job.segments)
        for statement in statements:
            connection.execute(statement.encode(), {"as_of": job.as_of})


def export(home: Path) -> None:
    """The tables as Parquet files, to be compared; the schema goes. Not measured."""
    job = read_job(home)
    results = job.results("postgres_sql")
    with _connect(job) as connection, duckdb.connect() as files:
        for table in RESULTS:
            columns = connection.execute(f"SELECT * FROM {table} LIMIT 0".encode()).description
            names = [column.name for column in columns or ()]
            csv = results / f"{table}.csv"
            with csv.open("wb") as file, connection.cursor().copy(_copy(table, names)) as copy:
                for block in copy:
                    file.write(block)
            read = READ_LISTS if "sku_list" in names else ""
            files.read_csv(
                str(csv),
                header=True,
                all_varchar=True,
                delimiter=",",
                lineterminator=duckdb.CSVLineTerminator.LINE_FEED,
                quotechar='"',
                escapechar='"',
                na_values=NULL,
                allow_quoted_nulls=False,
            ).project(f"*{read}").write_parquet(str(results / f"{table}.parquet"))
            csv.unlink()
        connection.execute("DROP SCHEMA peer CASCADE")


def _copy(table: str, names: list[str]) -> bytes:
    lists = {"sku_list": f"ARRAY_TO_STRING(sku_list, E'{SEPARATOR}') AS sku_list"}
    chosen = ", ".join(lists.get(name, name) for name in names)
    query = f"SELECT {chosen} FROM {table}"
    return f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER, NULL '{NULL}')".encode()


def _connect(job: Job) -> psycopg.Connection[Any]:
    connection: psycopg.Connection[Any] = psycopg.connect(**job.mart)  # type: ignore[arg-type]
    for name, value in SETTINGS.items():
        connection.execute("SELECT SET_CONFIG(%s, %s, false)", [name, value])
    return connection


def _script(name: str) -> bytes:
    return Path(__file__).with_name(f"{name}.sql").read_bytes()
