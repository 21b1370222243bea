"""A platform of a test's own, and the chain run over it: what the tests of several rooms share.

Everything is real: PostgreSQL, DuckDB, Delta files, and Dagster's instance on SQLite in the home.
"""

import atexit
import datetime as dt
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from rfm_platform.automation.instance import PG_URL, open_instance
from rfm_platform.definitions import build_defs
from rfm_platform.partitions import RANGE_END, RANGE_START
from rfm_platform.postgres import Database
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.runs import (
    Outcome,
    SnapshotChoice,
    Step,
    execute,
    plan,
)
from rfm_platform.settings import Settings, load_settings, read_settings
from rfm_platform.wiring import Platform, build_platform
from rfm_platform_tests.conftest import LINE_COLUMNS, Row, new_database, new_mart, url_of

PUBLISHED = (
    "aggregated_monthly",
    "final_user_analysis_snapshots",
    "rfm_scores_snapshots",
    "rfm_thresholds",
    "cohort_matrix_snapshots",
)
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
WRITTEN_AT = "load_timestamp"  # the only column that says when, not what


@lru_cache(maxsize=1)
def _in_memory() -> dg.DagsterInstance:
    """One for all who need no history: making it takes longer than a check."""
    return dg.DagsterInstance.ephemeral()


class CheckCrashedError(Exception):
    """A check's step failed without a verdict."""


def day(text: str) -> dt.date:
    """A day from its short form, ``02-29`` of 2024, or its long one."""
    return dt.date.fromisoformat(text if len(text) == 10 else f"2024-{text}")


def line(order: str, on: str, **different: Any) -> Row:
    """An order line like any other, but for the columns that are named."""
    values = {
        "marketplace": "shopee",
        "shop_id": "1",
        "shop_name": "Glow",
        "user_id": f"user of {order}",
        "magpie_region_code": "ID",
        "kurs_rate": 1,
        "create_timestamp": dt.datetime.combine(day(on), dt.time(12)),
        "cancelled_flag": "false",
        "returned_flag": "",
        "order_id": order,
        "product_gmv_amount": 100,
        "marketplace_product_id": "p1",
        "marketplace_variant_id": "v1",
        "marketplace_product_barcode": "b1",
        "order_shipping_fee_buyer_amount": "9000",
    } | different
    return tuple(values[column] for column in LINE_COLUMNS)


@dataclass(frozen=True)
class Chain:
    """Settings, their databases, and what can be done with them."""

    settings: Settings
    mart: Database
    warehouse: Database

    @property
    def platform(self) -> Platform:
        return build_platform(self.settings)

    @cached_property
    def definitions(self) -> dg.Definitions:
        return build_defs(self.settings)

    @cached_property
    def _checks(self) -> dg.Definitions:
        """A job for each check alone; those of one step come together."""
        keys = self.definitions.resolve_asset_graph().asset_check_keys
        jobs = [
            dg.define_asset_job(key.name, selection=dg.AssetSelection.checks(key)) for key in keys
        ]
        return dg.Definitions.merge(self.definitions, dg.Definitions(jobs=jobs))

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        """Dagster's instance in the home, as the command line opens it."""
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("RFM_HOME", str(self.settings.home))
            load_settings.cache_clear()
            files = self.settings.home / "dagster"
            if PG_URL not in os.environ and not files.exists():
                shutil.copytree(_dagsters_files(), files)
            try:
                with open_instance(self.settings) as instance:
                    yield instance
            finally:
                load_settings.cache_clear()

    def run(self, *steps: Step) -> list[Outcome]:
        """Executes steps on the instance; the last outcome may be a failure."""
        with self.instance() as instance:
            return list(execute(self.definitions, instance, list(steps)))

    def load(self, first: str, last: str | None = None) -> Outcome:
        """Loads days of one month in one run."""
        steps = plan(day(first), day(last or first), "last")
        (outcome,) = self.run(*[step for step in steps if step.job == "load_days"])
        return outcome

    def snapshot(self, as_of: str) -> Outcome:
        """Takes a snapshot."""
        (outcome,) = self.run(plan(day(as_of), day(as_of), "last")[-1])
        return outcome

    def materialize(
        self, first: str, last: str, snapshots: SnapshotChoice = "last"
    ) -> list[Outcome]:
        """All that `rfm materialize` does."""
        return self.run(*plan(day(first), day(last), snapshots))

    def check(self, name: str, on: str) -> dg.AssetCheckEvaluation:
        """Executes one check alone, for a day.

        Raises:
            CheckCrashedError: its step failed without a verdict.
        """
        with self.instance() as instance:
            return self._check(name, {"dagster/partition": str(day(on))}, instance)[-1]

    def check_days(self, name: str, first: str, last: str) -> dict[str, dg.AssetCheckEvaluation]:
        """Likewise for a range of days: each day's verdict."""
        tags = {RANGE_START: str(day(first)), RANGE_END: str(day(last))}
        with self.instance() as instance:
            return {e.partition: e for e in self._check(name, tags, instance) if e.partition}

    def judge(self, name: str, on: str) -> dg.AssetCheckEvaluation:
        """Likewise for a day, faster: a check that asks Dagster for nothing needs no history."""
        return self._check(name, {"dagster/partition": str(day(on))}, _in_memory())[-1]

    def _check(
        self, name: str, tags: dict[str, str], instance: dg.DagsterInstance
    ) -> list[dg.AssetCheckEvaluation]:
        result = self._checks.resolve_job_def(name).execute_in_process(
            instance=instance, tags=tags, run_config=QUIET, raise_on_error=False
        )
        evaluations = [e for e in result.get_asset_check_evaluations() if e.check_name == name]
        if not evaluations:
            raise CheckCrashedError([str(e) for e in result.all_events if e.is_step_failure])
        return evaluations

    def in_mart(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the mart, or a change to it."""
        return _run(self.mart, statement, values)

    def in_warehouse(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the warehouse, or a change to it."""
        return _run(self.warehouse, statement, values)

    def published(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every published row, sorted, without the moment at which it was written."""
        return {table: self._rows(table) for table in PUBLISHED}

    def _rows(self, table: str) -> list[tuple[Any, ...]]:
        columns = [
            name
            for (name,) in self.in_warehouse(
                "SELECT column_name::text FROM information_schema.columns "
                "WHERE table_schema = 'rfm' AND table_name = %s ORDER BY ordinal_position",
                table,
            )
            if name != WRITTEN_AT
        ]
        return sorted(self.in_warehouse(f"SELECT {', '.join(columns)} FROM rfm.{table}"), key=repr)

    def fill(self, lines: Sequence[Row], names: Sequence[Row] = ()) -> None:
        """Replaces the mart's rows."""
        self.in_mart("TRUNCATE flatten_order_marketplace, order_marketplace")
        self.fill_more(lines, names)

    def fill_more(self, lines: Sequence[Row], names: Sequence[Row] = ()) -> None:
        """Adds rows to the mart's."""
        with self.mart.connect() as connection, connection.cursor() as cursor:
            columns = ", ".join(LINE_COLUMNS)
            with cursor.copy(f"COPY flatten_order_marketplace ({columns}) FROM STDIN") as copy:
                for row in lines:
                    copy.write_row(row)
            with cursor.copy("COPY order_marketplace FROM STDIN") as copy:
                for row in names:
                    copy.write_row(row)


def _run(database: Database, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        cursor: psycopg.Cursor[Any] = connection.execute(statement.encode(), values or None)
        return cursor.fetchall() if cursor.description else []


def new_chain(
    server: EmbeddedServer, directory: Path, *, stays: bool = False, **overrides: Any
) -> Chain:
    """A chain with an empty mart and an empty warehouse, for the year 2024.

    Without analyses, unless it is told otherwise: they are as dear as all the rest. It is there
    until the end of the module whose test asks for it, or stays.
    """
    mart, warehouse = new_mart(server, stays=stays), new_database(server, "warehouse", stays=stays)
    chosen = {
        "source_url": url_of(mart),
        "warehouse_url": url_of(warehouse),
        "start_date": dt.date(2024, 1, 1),
        "end_date": dt.date(2024, 12, 31),
        "memory_limit_mb": 500,
        "analyses": False,
    } | overrides
    return Chain(read_settings(directory / "home", **chosen), mart, warehouse)


@cache
def _dagsters_files() -> Path:
    """What Dagster makes of a new home, made once: it commits each of its tables."""
    directory = Path(tempfile.mkdtemp(prefix="rfm-tests-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    with open_instance(read_settings(directory)):
        return directory / "dagster"
