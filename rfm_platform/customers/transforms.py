"""From the lines in the lake to months, customers, scores and cohorts: each step reads and replaces
partitions of the lake.

A step's result depends on the source rows in the lake and on nothing else: a month that was built
from other days than those now there is not read but computed again, and a snapshot for a day in
the middle of a loaded month sees that month only up to the day. So partitions may be materialized
in any order. Publishing, checking and scheduling happen above.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from rfm_platform import catalog
from rfm_platform.calendar import last_day, months_between
from rfm_platform.customers.built import built_from, built_months, customers_recipe
from rfm_platform.customers.earlier import Earlier, days_of_snapshot, find_earlier
from rfm_platform.customers.extraction import view_days
from rfm_platform.customers.segments import Segments
from rfm_platform.engine import SqlEngine, SqlSession, read_sql
from rfm_platform.lake import Lake, Partition

# Rows of months that are merged at once: what grows with them has to fit in memory.
ROWS_OF_A_PART = 2_000_000


@dataclass(frozen=True)
class Transforms:
    """The steps, bound to where they read and write.

    Attributes:
        timezone: of the timestamps that say when a row was written.
    """

    lake: Lake
    engine: SqlEngine
    timezone: str

    def outdated_months(self, as_of: dt.date) -> list[dt.date]:
        """Months up to a day's that aggregated_monthly does not hold as their days now are.

        Always among them: a month without a row, whose lines nobody can read or attribute.
        """
        end = last_day(as_of)
        days = _by_month(self.lake.source_orders.partitions(None, end))
        with self.engine.session() as session:
            session.view(self.lake.aggregated_monthly, None, end)
            built = built_months(session)
        return [
            month
            for month in sorted(days.keys() | built.keys())
            if built.get(month) != built_from(days.get(month, []))
        ]

    def fold_months(
        self,
        months: Iterable[dt.date],
        progress: Callable[[dt.date], None] = lambda _: None,
    ) -> None:
        """Builds months anew, each from all its days that are loaded."""
        for month in months:
            days = self.lake.source_orders.partitions(month, last_day(month))
            with self.engine.session() as session:
                query, parameters = self._prepare_month(session, days)
                session.replace(self.lake.aggregated_monthly, query, [month], **parameters)
            progress(month)

    def analyse_customers(self, as_of: dt.date) -> int | None:
        """final_user_analysis as of a day.

        Whoever has the same lines as in a usable earlier snapshot is carried over from there.

        Returns:
            How many customers were computed; None: all of them.
        """
        version = self.lake.source_orders.version()
        days = self.lake.source_orders.partitions(None, as_of, version=version)
        query = read_sql(__package__, "final_user_analysis")
        recipe = customers_recipe(self.lake.source_orders.identity())
        touched = None
        with self.engine.session() as session:
            earlier = find_earlier(session, self.lake, as_of, days, recipe)
            if earlier is None:
                self.view_months(session, days)
            else:
                touched = self._find_touched(session, earlier)
                self.view_months(session, days, "all_months")
                session.materialize("months", read_sql(__package__, "touched_months"))
                query += "UNION ALL\n" + read_sql(__package__, "carried_customers")
            self._merge_months(session)
            session.replace(
                self.lake.final_user_analysis,
                query,
                [as_of],
                as_of=as_of,
                loaded_at=self._now(),
                source_version=version,
                recipe=recipe,
            )
        return touched

    @staticmethod
    def _merge_months(session: SqlSession) -> None:
        for step in ("repeated_customers", "repeated_months"):
            session.materialize(step, read_sql(__package__, step))
        parts = 1
        if not session.is_distributed:
            ((rows,),) = session.rows("SELECT COUNT(*) FROM repeated_months")
            parts += rows // ROWS_OF_A_PART
        names = [f"merged_{part}" for part in range(parts)]
        for part, name in enumerate(names):
            merge = read_sql(__package__, "merged_customers")
            session.materialize(name, merge, parts=parts, part=part)
        session.define("merged_customers", " UNION ALL ".join(f"FROM {name}" for name in names))

    def _find_touched(self, session: SqlSession, earlier: Earlier) -> int:
        table = self.lake.final_user_analysis
        session.view_files("earlier", earlier.snapshot.files, table.shape)
        view_days(session, "days_before", earlier.before)
        view_days(session, "days_now", earlier.now)
        session.materialize("touched", read_sql(__package__, "touched_customers"))
        ((touched,),) = session.rows("SELECT COUNT(*) FROM touched")
        return int(touched)

    def lacks_snapshot(self, as_of: dt.date) -> bool:
        """Whether there are customers as of a day, but final_user_analysis does not hold them.

        Retention removes old ones. What was made of them is left alone: made again, it is empty.
        """
        if self.lake.final_user_analysis.partitions(as_of, as_of):
            return False
        with self.engine.session() as session:
            session.view(self.lake.source_orders, None, as_of)
            return bool(session.rows(read_sql(__package__, "customers_exist")))

    def score(self, as_of: dt.date, segments: Segments, *, per_marketplace: bool) -> None:
        """rfm_scores and the thresholds that they were made with, as of a day."""
        with self.engine.session() as session:
            session.view(self.lake.final_user_analysis, as_of, as_of)
            cells = [(*cell, name) for cell, name in segments.cells.items()]
            session.create("segment_cells", SEGMENT_CELLS.columns, cells)
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
                session.replace(table, f"FROM {table.name}", [as_of])

    def build_cohorts(self, as_of: dt.date) -> None:
        """cohort_matrix as of a day."""
        with self.engine.session() as session:
            loaded = days_of_snapshot(session, self.lake, as_of)
            self.view_months(session, loaded)
            self.create_calendar(session, loaded, as_of)
            session.replace(
                self.lake.cohort_matrix,
                read_sql(__package__, "cohort_matrix"),
                [as_of],
                as_of=as_of,
            )

    @staticmethod
    def create_calendar(session: SqlSession, loaded: Sequence[Partition], as_of: dt.date) -> None:
        """Names the months from the first loaded day to a day, and which of them is not over."""
        reached = months_between(loaded[0].value, as_of) if loaded else []
        session.create(
            "calendar_months",
            _CALENDAR_MONTHS.columns,
            [(month, month == reached[-1] and as_of != last_day(as_of)) for month in reached],
        )

    def _prepare_month(
        self, session: SqlSession, days: Sequence[Partition]
    ) -> tuple[str, dict[str, object]]:
        """Computes what a month needs from its days; returns its query and the parameters."""
        files = [file for day in days for file in day.files]
        session.view_files("month_lines", files, catalog.source_orders)
        session.materialize("month_orders", read_sql(__package__, "month_orders"))
        if session.is_distributed:
            session.materialize("customer_skus", read_sql(__package__, "customer_sku_texts"))
        else:
            session.materialize("month_skus", read_sql(__package__, "month_skus"))
            session.materialize("month_sku_lists", read_sql(__package__, "month_sku_lists"))
            session.define("customer_skus", read_sql(__package__, "customer_skus"))
        return read_sql(__package__, "aggregated_monthly"), {
            "month": days[0].value.replace(day=1) if days else None,
            "batch": days[-1].value if days else None,
            "loaded_at": self._now(),
            "built_from": built_from(days),
        }

    def view_months(
        self, session: SqlSession, days: Sequence[Partition], name: str = "months"
    ) -> None:
        """Makes the months of some days, from aggregated_monthly where it holds just these."""
        shape = self.lake.aggregated_monthly.shape
        files = {month.value: month.files for month in self.lake.aggregated_monthly.partitions()}
        session.view_files(shape.name, [f for some in files.values() for f in some], shape)
        built = built_months(session)
        ready: list[str] = []
        computed: list[str] = []
        for month, its_days in _by_month(days).items():
            if built.get(month) == built_from(its_days):
                ready += files[month]
                continue
            query, parameters = self._prepare_month(session, its_days)
            table = f"month_{month:%Y_%m}"
            session.materialize(table, query, **parameters)
            computed.append(table)
        session.view_files("ready_months", ready, shape)
        session.union(name, ["ready_months", *computed], shape)

    def _now(self) -> dt.datetime:
        return dt.datetime.now(ZoneInfo(self.timezone)).replace(tzinfo=None)


SEGMENT_CELLS = sa.Table(
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


def _by_month(days: Iterable[Partition]) -> dict[dt.date, list[Partition]]:
    months: dict[dt.date, list[Partition]] = {}
    for day in days:
        months.setdefault(day.value.replace(day=1), []).append(day)
    return months
