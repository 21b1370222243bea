"""Peer: one DuckDB script over the lake's files, written to be read once and run whole."""

from pathlib import Path

import duckdb

from rfm_platform_tests.performance.peers.job import read_job

SCRIPT = Path(__file__).with_name("duckdb.sql")


def compute(home: Path) -> None:
    """The four tables as Parquet files."""
    job = read_job(home)
    results = job.results("duckdb_sql")
    with duckdb.connect(
        config={
            "memory_limit": f"{job.memory_limit_mb}MB",
            "temp_directory": str(home / "spill"),
            "preserve_insertion_order": False,
        }
    ) as connection:
        connection.execute(
            "CREATE TABLE segments (r_score INT, f_score INT, m_score INT, segment TEXT)"
        )
        connection.executemany("INSERT INTO segments VALUES (?, ?, ?, ?)", job.segments)
        connection.execute(f"SET VARIABLE source = '{job.source}'")
        connection.execute(f"SET VARIABLE as_of = DATE '{job.as_of}'")
        connection.execute(SCRIPT.read_text("utf-8"))
        for table in ("aggregated_monthly", "final_user_analysis", "rfm_scores", "cohort_matrix"):
            connection.execute(f"COPY {table} TO '{results / table}.parquet' (COMPRESSION zstd)")
