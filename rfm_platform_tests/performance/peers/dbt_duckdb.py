"""Peer: a small dbt project on DuckDB, months as incremental models, the rest as tables.

Its results lie in a DuckDB file, because dbt-duckdb writes no incremental model as Parquet.
"""

import csv
import json
import os
import shutil
from pathlib import Path

import duckdb
from dbt.cli.main import dbtRunner

from rfm_platform_tests.performance.peers.job import read_job

PROJECT = Path(__file__).with_name("dbt_project")
RESULTS = ("aggregated_monthly", "final_user_analysis", "rfm_scores", "cohort_matrix")
DATABASE = "customers.duckdb"


def compute(home: Path) -> None:
    """`dbt build`, the first one: every month.

    Raises:
        RuntimeError: dbt says that a model has failed.
    """
    job = read_job(home)
    results = job.results("dbt_duckdb")
    project = results / "project"
    shutil.copytree(PROJECT, project, dirs_exist_ok=True)
    seeds = project / "seeds"
    seeds.mkdir(exist_ok=True)
    with (seeds / "segments.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["r_score", "f_score", "m_score", "segment"])
        rows.writerows(job.segments)
    os.environ |= {
        "PEER_DATABASE": str(results / DATABASE),
        "PEER_MEMORY_LIMIT": f"{job.memory_limit_mb}MB",
        "PEER_SPILL": str(home / "spill"),
    }
    variables = json.dumps({"source": job.source, "as_of": str(job.as_of)})
    place = ["--project-dir", str(project), "--profiles-dir", str(project)]
    outcome = dbtRunner().invoke(["--quiet", "build", *place, "--vars", variables])
    if not outcome.success:
        raise RuntimeError(f"dbt build failed: {outcome.exception or 'see its log above'}")


def export(home: Path) -> None:
    """The tables as Parquet files, to be compared. Not measured."""
    results = read_job(home).results("dbt_duckdb")
    with duckdb.connect(str(results / DATABASE), read_only=True) as connection:
        for table in RESULTS:
            connection.table(table).write_parquet(str(results / f"{table}.parquet"))
