"""The whole chain over one mart and one warehouse that each example empties and fills anew."""

import datetime as dt
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from psycopg.rows import dict_row

from rfm_platform.calendar import days_between, months_between
from rfm_platform.customers.segments import Segments
from rfm_platform.lake import Lake
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.settings import read_settings
from rfm_platform.wiring import Platform, build_platform
from rfm_platform_tests.conftest import LINE_COLUMNS, new_database, new_mart, url_of
from rfm_platform_tests.oracle import Cell, Line, Order, Row

CELLS: dict[Cell, str] = {
    (r, f, m): f"r{r} f{f} m{m}, \"'" for r in (1, 2, 3) for f in (1, 2, 3) for m in (1, 2, 3)
}
SEGMENTS = Segments(version=1, cells=CELLS, actions=dict.fromkeys(CELLS.values(), "greet"))
"""A segment of its own for each cell, so that a wrong cell cannot hide behind its segment."""

SNAPSHOTS = (
    "final_user_analysis_snapshots",
    "rfm_scores_snapshots",
    "rfm_thresholds",
    "cohort_matrix_snapshots",
)
TABLES = ("aggregated_monthly", *SNAPSHOTS)
Tables = dict[str, list[Row]]


@dataclass(repr=False)
class Chain:
    """From the mart's rows to the published tables, step by step as the assets do it."""

    platform: Platform
    directory: Path

    def fill(self, lines: Iterable[Line], orders: Iterable[Order] = ()) -> None:
        """Replaces the mart's rows."""
        with self.platform.mart.database.connect() as connection, connection.cursor() as cursor:
            cursor.execute("TRUNCATE flatten_order_marketplace, order_marketplace")
            columns = ", ".join(LINE_COLUMNS)
            statement = f"COPY flatten_order_marketplace ({columns}) FROM STDIN"
            with cursor.copy(statement.encode()) as copy:
                for line in lines:
                    copy.write_row(line)
            with cursor.copy(b"COPY order_marketplace FROM STDIN") as copy:
                for order in orders:
                    copy.write_row(order)

    def start_anew(self) -> None:
        """An empty lake and an empty warehouse."""
        shutil.rmtree(self.directory, ignore_errors=True)
        self.platform = replace(self.platform, lake=Lake(self.directory))
        self.platform.warehouse.prepare()
        with self.platform.warehouse.database.connect() as connection:
            names = ", ".join(f"rfm.{name}" for name in (*TABLES, "newest_snapshots"))
            connection.execute(f"TRUNCATE {names}".encode())

    def load(self, first: dt.date, last: dt.date) -> None:
        """Loads days and folds their months."""
        self.extract(first, last)
        self.fold(first, last)

    def extract(self, first: dt.date, last: dt.date) -> None:
        with self.platform.mart.snapshot() as snapshot:
            self.platform.extraction.extract(snapshot, days_between(first, last))

    def fold(self, first: dt.date, last: dt.date) -> None:
        months = months_between(first, last)
        self.platform.transforms.fold_months(months)
        self.platform.publisher.publish_months(months, "test")

    def catch_up(self, start: dt.date, as_of: dt.date) -> list[dt.date]:
        """What every morning does in the lake, looking at all days since the first; the late ones.

        Without scores and cohorts: no later morning looks at them.
        """
        extraction, transforms = self.platform.extraction, self.platform.transforms
        with self.platform.mart.snapshot() as snapshot:
            before = as_of - dt.timedelta(days=1)
            late = extraction.drifted(snapshot, extraction.days_to_look_at(start, before, None))
            extraction.extract(snapshot, [*late, as_of])
        transforms.fold_months({as_of.replace(day=1), *transforms.outdated_months(as_of)})
        transforms.analyse_customers(as_of)
        return late

    def refresh(self, start: dt.date, as_of: dt.date) -> None:
        """What every morning does, in the lake and the warehouse, but for scores and cohorts."""
        self.catch_up(start, as_of)
        publisher = self.platform.publisher
        publisher.publish_months(publisher.outdated_months(as_of), "test")
        publisher.publish_customers(as_of)

    def snapshot(
        self, as_of: dt.date, *, per_marketplace: bool = False, segments: Segments = SEGMENTS
    ) -> None:
        """All four snapshots of a day."""
        self.platform.transforms.analyse_customers(as_of)
        self.platform.publisher.publish_customers(as_of)
        self.score(as_of, per_marketplace=per_marketplace, segments=segments)

    def score(
        self, as_of: dt.date, *, per_marketplace: bool = False, segments: Segments = SEGMENTS
    ) -> None:
        """Scores and cohorts of a day."""
        transforms, publisher = self.platform.transforms, self.platform.publisher
        transforms.score(as_of, segments, per_marketplace=per_marketplace)
        publisher.publish_scores(as_of)
        transforms.build_cohorts(as_of)
        publisher.publish_cohorts(as_of)

    def publish(
        self,
        lines: Sequence[Line],
        as_of: dt.date,
        *,
        orders: Iterable[Order] = (),
        per_marketplace: bool = False,
    ) -> Tables:
        """From these lines, loaded whole into an empty lake, to the tables as of a day."""
        days = [line.create_timestamp.date() for line in lines if line.create_timestamp]
        self.start_anew()
        self.fill(lines, orders)
        self.load(min(days), max(days))
        self.snapshot(as_of, per_marketplace=per_marketplace)
        return self.tables(as_of)

    def lake_rows(self, query: str, as_of: dt.date) -> list[tuple[Any, ...]]:
        """The rows of a query over final_user_analysis as the lake holds it."""
        with self.platform.engine.session() as session:
            session.view(self.platform.lake.final_user_analysis, as_of, as_of)
            return session.rows(query)

    def tables(self, as_of: dt.date) -> Tables:
        """The published months, and the snapshots of a day."""
        with (
            self.platform.warehouse.database.connect(read_only=True) as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            months = cursor.execute("SELECT * FROM rfm.aggregated_monthly").fetchall()
            snapshots = {
                name: cursor.execute(
                    f"SELECT * FROM rfm.{name} WHERE as_of_date = %s".encode(), [as_of]
                ).fetchall()
                for name in SNAPSHOTS
            }
        return {"aggregated_monthly": months, **snapshots}


class Keys:
    """What each customer_key stands for, over all examples: one key, one group, for ever."""

    def __init__(self) -> None:
        self._groups: dict[str, tuple[Any, ...]] = {}
        self._keys: dict[tuple[Any, ...], str] = {}

    def check(self, key: str, *group: Any) -> None:
        assert self._groups.setdefault(key, group) == group, "one key for two groups"
        assert self._keys.setdefault(group, key) == key, "two keys for one group"


@pytest.fixture(scope="module")
def keys() -> Keys:
    """Of this module's tests."""
    return Keys()


@pytest.fixture(scope="module")
def chain(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """The chain of this module's tests. It keeps every snapshot."""
    home = tmp_path_factory.mktemp("home")
    settings = read_settings(
        home,
        source_url=url_of(new_mart(server)),
        warehouse_url=url_of(new_database(server, "warehouse")),
        start_date=dt.date(2024, 1, 1),
        end_date=dt.date(2025, 12, 31),
        memory_limit_mb=500,
        threads=1,  # a session starts faster, and no example has rows for two
        keep_days=10_000,
    )
    chain = Chain(build_platform(settings), settings.lake)
    chain.start_anew()
    return chain


def without(row: Mapping[str, Any], *columns: str) -> Row:
    return {name: value for name, value in row.items() if name not in columns}


def line(
    day: str,
    user_id: str | None = "u",
    order_id: str | None = "1",
    amount: int | None = 100,
    **others: Any,
) -> Line:
    """An ordinary valid line, with what a test says otherwise."""
    return Line(
        **{
            "marketplace": "shopee",
            "shop_id": "S",
            "shop_name": "Shop",
            "user_id": user_id,
            "magpie_region_code": "ID",
            "kurs_rate": 1,
            "create_timestamp": dt.datetime.fromisoformat(day),
            "cancelled_flag": "false",
            "returned_flag": "false",
            "order_id": order_id,
            "product_gmv_amount": amount,
            "marketplace_product_id": "P",
            "marketplace_variant_id": "V",
            "marketplace_product_barcode": "899",
            "order_shipping_fee_buyer_amount": "9000",
            **others,
        }
    )
