"""From the lake to the warehouse: one transaction a month or a snapshot, old snapshots removed."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from rfm_platform import catalog
from rfm_platform.calendar import months_between
from rfm_platform.engine import DuckDBEngine, read_sql
from rfm_platform.lake import Lake, LakeTable
from rfm_platform.warehouse import CsvWriter, Warehouse

AS_OF = "as_of_date"


@dataclass(frozen=True)
class Publisher:
    """Copies partitions of the lake into the warehouse.

    Attributes:
        keep_days: daily snapshots that stay, beside each month's last.
    """

    lake: Lake
    engine: DuckDBEngine
    warehouse: Warehouse
    keep_days: int

    def publish_months(
        self,
        first: dt.date,
        last: dt.date,
        progress: Callable[[dt.date], None] = lambda _: None,
    ) -> None:
        """Publishes aggregated_monthly's months from first's to last's, one transaction each."""
        self.warehouse.prepare()
        for month in months_between(first, last):
            with self.warehouse.publication() as publication:
                publication.replace(
                    catalog.aggregated_monthly,
                    ("month_of_order", month),
                    self._rows(self.lake.aggregated_monthly, month, catalog.aggregated_monthly),
                )
            progress(month)

    def publish_customers(self, as_of: dt.date) -> bool:
        """Publishes final_user_analysis as of a day. False: retention removed it at once."""
        return self._publish(
            as_of,
            [(self.lake.final_user_analysis, catalog.final_user_analysis_snapshots)],
            retained=[(self.lake.final_user_analysis, catalog.final_user_analysis_snapshots)],
        )

    def publish_scores(self, as_of: dt.date) -> bool:
        """Publishes rfm_scores and its thresholds. False: retention removed the scores at once."""
        scores = (self.lake.rfm_scores, catalog.rfm_scores_snapshots)
        return self._publish(
            as_of, [scores, (self.lake.rfm_thresholds, catalog.rfm_thresholds)], retained=[scores]
        )

    def publish_cohorts(self, as_of: dt.date) -> bool:
        """Publishes cohort_matrix as of a day; all of its snapshots are kept."""
        return self._publish(
            as_of, [(self.lake.cohort_matrix, catalog.cohort_matrix_snapshots)], retained=[]
        )

    def _publish(
        self,
        as_of: dt.date,
        tables: Sequence[tuple[LakeTable, sa.Table]],
        retained: Sequence[tuple[LakeTable, sa.Table]],
    ) -> bool:
        self.warehouse.prepare()
        with self.warehouse.publication() as publication:
            for source, table in tables:
                publication.replace(table, (AS_OF, as_of), self._rows(source, as_of, table))
            removed = {
                source: publication.keep(table, AS_OF, self.keep_days) for source, table in retained
            }
        # Only after the commit: the warehouse never shows what the lake no longer has a copy of.
        for source, dates in removed.items():
            for date in dates:
                source.commit([], date, date)
        return not any(as_of in dates for dates in removed.values())

    def _rows(self, source: LakeTable, partition: dt.date, table: sa.Table) -> CsvWriter:
        def write_rows(write: Callable[[bytes], object]) -> None:
            with self.engine.session() as session:
                session.view(source, partition, partition)
                query = read_sql(__package__, f"publish_{source.name}")
                session.dump_csv(query, table.columns, write)

        return write_rows
