"""From the mart's lines to months, customers, scores and cohorts: each step reads and replaces
partitions of the lake.

A step's result depends on the source rows in the lake and on nothing else: a month that was built
from other days than those now there is not read but computed again, and a snapshot for a day in
the middle of a loaded month sees that month only up to the day. So partitions may be materialized
in any order. Publishing, checking and scheduling happen above.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from rfm_platform import catalog
from rfm_platform.calendar import chunks, last_day, months_between
from rfm_platform.customers.segments import Segments
from rfm_platform.engine import DuckDBEngine, Session, read_sql
from rfm_platform.lake import Lake, Partition
from rfm_platform.mart import Mart, MartSnapshot

# Days that are read from the mart in one COPY and committed to the lake at once.
EXTRACTION_DAYS = 31


@dataclass(frozen=True)
class Transforms:
    """The steps, bound to where they read and write.

    Attributes:
        timezone: of the timestamps that say when a row was written.
    """

    lake: Lake
    engine: DuckDBEngine
    timezone: str

    def extract(
        self,
        mart: Mart,
        first: dt.date,
        last: dt.date,
        progress: Callable[[dt.date], None] = lambda _: None,
        observe: Callable[[Session], None] = lambda _: None,
    ) -> None:
        """Replaces the days of source_orders between two dates, inclusive, by the mart's rows.

        All of them are read from one snapshot of the mart. `observe` is shown the rows as they
        were read, in ``source_orders``; `progress` is told each day up to which the lake is done.
        """
        with mart.snapshot() as snapshot, self.engine.session() as session:
            # Once for all days: the mart may have no index, and then reads all its orders for it.
            _read_names(session, snapshot, first, last)
            for start, end in chunks(first, last, EXTRACTION_DAYS):
                _read_lines(session, snapshot, start, end)
                observe(session)
                session.replace(self.lake.source_orders, "FROM source_orders", start, end)
                progress(end)

    def fold_months(
        self,
        first: dt.date,
        last: dt.date,
        progress: Callable[[dt.date], None] = lambda _: None,
    ) -> None:
        """Builds every month that has a day between two dates anew, from all its days."""
        for month in months_between(first, last):
            with self.engine.session() as session:
                query, parameters = self._prepare_month(session, self._days(month))
                session.replace(self.lake.aggregated_monthly, query, month, month, **parameters)
            progress(month)

    def analyse_customers(self, as_of: dt.date) -> None:
        """final_user_analysis as of a day."""
        with self.engine.session() as session:
            self.view_months(session, as_of)
            session.replace(
                self.lake.final_user_analysis,
                read_sql(__package__, "final_user_analysis"),
                as_of,
                as_of,
                as_of=as_of,
                loaded_at=self._now(),
            )

    def score(self, as_of: dt.date, segments: Segments, *, per_marketplace: bool) -> None:
        """rfm_scores and the thresholds that they were made with, as of a day."""
        with self.engine.session() as session:
            session.view(self.lake.final_user_analysis, as_of, as_of)
            cells = [(*cell, name) for cell, name in segments.cells.items()]
            session.create("segment_cells", _SEGMENT_CELLS.columns, cells)
            session.materialize(
                "rfm_customers",
                read_sql(__package__, "rfm_customers"),
                as_of=as_of,
                per_marketplace=per_marketplace,
            )
            session.materialize("rfm_quartiles", read_sql(__package__, "rfm_quartiles"))
            session.materialize("rfm_scores", read_sql(__package__, "rfm_scores"), as_of=as_of)
            session.materialize(
                "rfm_thresholds",
                read_sql(__package__, "rfm_thresholds"),
                as_of=as_of,
                per_marketplace=per_marketplace,
            )
            for table in (self.lake.rfm_thresholds, self.lake.rfm_scores):
                session.replace(table, f"FROM {table.name}", as_of, as_of)

    def build_cohorts(self, as_of: dt.date) -> None:
        """cohort_matrix as of a day."""
        with self.engine.session() as session:
            self.view_months(session, as_of)
            loaded = self.lake.source_orders.partitions(None, as_of)
            reached = months_between(loaded[0].value, as_of) if loaded else []
            session.create(
                "calendar_months",
                _CALENDAR_MONTHS.columns,
                [(month, month == reached[-1] and as_of != last_day(as_of)) for month in reached],
            )
            session.replace(
                self.lake.cohort_matrix,
                read_sql(__package__, "cohort_matrix"),
                as_of,
                as_of,
                as_of=as_of,
            )

    def _days(self, month: dt.date, as_of: dt.date | None = None) -> list[Partition]:
        end = last_day(month)
        return self.lake.source_orders.partitions(month, min(end, as_of) if as_of else end)

    def _prepare_month(
        self, session: Session, days: Sequence[Partition]
    ) -> tuple[str, dict[str, object]]:
        """Computes what a month needs from its days; returns its query and the parameters."""
        files = [file for day in days for file in day.files]
        session.view_files("month_lines", files, catalog.source_orders)
        for step in ("month_orders", "month_skus", "month_sku_lists"):
            session.materialize(step, read_sql(__package__, step))
        return read_sql(__package__, "aggregated_monthly"), {
            "month": days[0].value.replace(day=1) if days else None,
            "batch": days[-1].value if days else None,
            "loaded_at": self._now(),
            "built_from": built_from(days),
        }

    def view_months(self, session: Session, as_of: dt.date) -> None:
        """Makes ``months`` as of a day, from aggregated_monthly where it is current."""
        by_month = _by_month(self.lake.source_orders.partitions(None, as_of))
        built = {month.value: month for month in self.lake.aggregated_monthly.partitions()}
        files: list[str] = []
        computed: list[str] = []
        for month, days in by_month.items():
            ready = built.get(month)
            if ready is not None and self._is_current(session, ready, days):
                files += ready.files
                continue
            query, parameters = self._prepare_month(session, days)
            name = f"month_{month:%Y_%m}"
            session.materialize(name, query, **parameters)
            computed.append(name)
        session.view_files("ready_months", files, catalog.aggregated_monthly_lake)
        session.union("months", ["ready_months", *computed], catalog.aggregated_monthly_lake)

    @staticmethod
    def _is_current(session: Session, ready: Partition | None, days: Sequence[Partition]) -> bool:
        if ready is None:
            return False
        session.view_files("ready", ready.files, catalog.aggregated_monthly_lake)
        return session.rows("SELECT built_from FROM ready LIMIT 1") == [(built_from(days),)]

    def _now(self) -> dt.datetime:
        return dt.datetime.now(ZoneInfo(self.timezone)).replace(tzinfo=None)


_SEGMENT_CELLS = sa.Table(
    "segment_cells",
    sa.MetaData(),
    sa.Column("r_score", sa.SmallInteger),
    sa.Column("f_score", sa.SmallInteger),
    sa.Column("m_score", sa.SmallInteger),
    sa.Column("segment", sa.Text),
)
_CALENDAR_MONTHS = sa.Table(
    "calendar_months",
    sa.MetaData(),
    sa.Column("month", sa.Date),
    sa.Column("is_partial", sa.Boolean),
)


def read_days(session: Session, snapshot: MartSnapshot, first: dt.date, last: dt.date) -> None:
    """Makes ``source_orders`` in a session from the mart's rows of two dates, inclusive."""
    _read_names(session, snapshot, first, last)
    _read_lines(session, snapshot, first, last)


def _read_names(session: Session, snapshot: MartSnapshot, first: dt.date, last: dt.date) -> None:
    session.load_csv(
        "mart_names",
        catalog.order_marketplace.columns,
        lambda write: snapshot.copy("names", first, last, write),
    )


def _read_lines(session: Session, snapshot: MartSnapshot, first: dt.date, last: dt.date) -> None:
    session.load_csv(
        "mart_lines",
        catalog.flatten_order_marketplace.columns,
        lambda write: snapshot.copy("lines", first, last, write),
    )
    session.materialize("source_orders", read_sql(__package__, "source_orders"))


def built_from(days: Iterable[Partition]) -> str:
    """Identifies the days that a month was built from."""
    tokens = "\n".join(day.token for day in days)
    return hashlib.md5(tokens.encode(), usedforsecurity=False).hexdigest()


def _by_month(days: Iterable[Partition]) -> dict[dt.date, list[Partition]]:
    months: dict[dt.date, list[Partition]] = {}
    for day in days:
        months.setdefault(day.value.replace(day=1), []).append(day)
    return months
