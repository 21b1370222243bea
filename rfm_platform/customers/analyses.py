"""From a snapshot's scores and cohorts to what marketers ask: segments, moves, retention, by slice.

A slice is all customers, one marketplace, or one shop. A customer of two shops is in both slices
and once in the whole, so shops are computed each for itself and never added up. Everything depends
on snapshots in the lake and on nothing else.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from rfm_platform.customers.earlier import days_of_snapshot
from rfm_platform.customers.segments import Segments
from rfm_platform.customers.transforms import SEGMENT_CELLS, Transforms
from rfm_platform.engine import SqlSession, read_sql

ACTIONS = sa.Table(
    "segment_actions",
    sa.MetaData(),
    sa.Column("segment", sa.Text),
    sa.Column("action", sa.Text),
)


@dataclass(frozen=True)
class Analyses:
    """The analyses, bound to where they read and write.

    Attributes:
        min_customers: a slice with fewer is not segmented.
        min_days: nor is any slice of a history that is shorter.
    """

    transforms: Transforms
    min_customers: int
    min_days: int

    def segment(self, as_of: dt.date, segments: Segments) -> None:
        """rfm_segments, rfm_cells and rfm_concentration as of a day."""
        lake = self.transforms.lake
        days = lake.source_orders.partitions(None, as_of)
        with self.transforms.engine.session() as session:
            session.view(lake.rfm_scores, as_of, as_of)
            session.view(lake.final_user_analysis, as_of, as_of)
            session.create("segment_actions", ACTIONS.columns, list(segments.actions.items()))
            for step in ("shop_customers", "slice_counts"):
                session.materialize(step, read_sql(__package__, step))
            session.materialize(
                "slice_totals",
                read_sql(__package__, "slice_totals"),
                history_days=(as_of - days[0].value).days + 1 if days else 0,
                min_days=self.min_days,
                min_customers=self.min_customers,
            )
            for table in (lake.rfm_segments, lake.rfm_cells, lake.rfm_concentration):
                session.replace(table, read_sql(__package__, table.name), [as_of], as_of=as_of)

    def overview(self, as_of: dt.date) -> list[dict[str, Any]]:
        """All customers' segments as a person reads them, the largest revenue first."""
        with self.transforms.engine.session() as session:
            session.view(self.transforms.lake.rfm_segments, as_of, as_of)
            return session.records(read_sql(__package__, "segment_overview"))

    def migrate(self, as_of: dt.date, segments: Segments) -> dt.date | None:
        """rfm_migration: from the snapshot at the end of the month before to a day's.

        Returns:
            The earlier snapshot's day; None: it is not there, and no move is told.
        """
        lake = self.transforms.lake
        from_date = as_of.replace(day=1) - dt.timedelta(days=1)
        there = all(
            table.partitions(from_date, from_date)
            for table in (lake.rfm_scores, lake.rfm_thresholds, lake.final_user_analysis)
        )
        if not there:
            lake.rfm_migration.commit([], [as_of])
            return None
        with self.transforms.engine.session() as session:
            cells = [(*cell, name) for cell, name in segments.cells.items()]
            session.create("segment_cells", SEGMENT_CELLS.columns, cells)
            for moment, day in (("before", from_date), ("now", as_of)):
                self._view_slices(session, moment, day)
            days = (as_of - from_date).days
            session.materialize(
                "migration_causes", read_sql(__package__, "migration_causes"), days=days
            )
            session.replace(
                lake.rfm_migration,
                read_sql(__package__, "rfm_migration"),
                [as_of],
                as_of=as_of,
                from_date=from_date,
                days=days,
            )
        return from_date

    def _view_slices(self, session: SqlSession, moment: str, day: dt.date) -> None:
        lake = self.transforms.lake
        session.view(lake.rfm_scores, day, day)
        session.view(lake.final_user_analysis, day, day)
        session.define("shop_customers", read_sql(__package__, "shop_customers"))
        session.materialize(f"slices_{moment}", read_sql(__package__, "slices"))
        session.view(lake.rfm_scores, day, day, name=f"scores_{moment}")
        session.view(lake.rfm_thresholds, day, day, name=f"thresholds_{moment}")

    def retain(self, as_of: dt.date) -> None:
        """cohort_retention as of a day."""
        lake = self.transforms.lake
        with self.transforms.engine.session() as session:
            loaded = days_of_snapshot(session, lake, as_of)
            self.transforms.view_months(session, loaded)
            self.transforms.create_calendar(session, loaded, as_of)
            session.view(lake.cohort_matrix, as_of, as_of)
            session.replace(
                lake.cohort_retention,
                read_sql(__package__, "cohort_retention"),
                [as_of],
                as_of=as_of,
            )

    def retention(self, as_of: dt.date) -> list[dict[str, Any]]:
        """All customers' retention cells as of a day, by cohort and month."""
        with self.transforms.engine.session() as session:
            session.view(self.transforms.lake.cohort_retention, as_of, as_of)
            return session.records(read_sql(__package__, "retention_overview"))
