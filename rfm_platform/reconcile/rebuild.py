"""The published tables against a rebuild: everything once more from the source, aside.

The rebuild shares nothing with what is published but the code that computes it: an empty lake, all
days read anew from one snapshot of the mart, no earlier snapshot to carry customers over from. It
is compared row by row where the published rows are, in the warehouse, and thrown away.
"""

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from rfm_platform import catalog
from rfm_platform.customers.extraction import Extraction
from rfm_platform.customers.publishing import Publisher
from rfm_platform.customers.segments import Segments
from rfm_platform.customers.transforms import Transforms
from rfm_platform.lake import LakeTable
from rfm_platform.mart import Mart

VERIFICATION = "rfm-verify-"  # what the directory of a rebuild is called
WRITTEN_AT = "load_timestamp"  # says when a row was written, not what it says


@dataclass(frozen=True)
class Rebuild:
    """The steps of the platform, over a lake of their own."""

    extraction: Extraction
    transforms: Transforms
    publisher: Publisher

    def build(
        self,
        mart: Mart,
        days: Collection[dt.date],
        as_of: dt.date,
        segments: Segments,
        *,
        per_marketplace: bool,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Builds months from some days, and the snapshot as of a day.

        Args:
            progress: told each step before it begins; see `STEPS`.
        """
        progress(STEPS[0])
        with mart.snapshot() as snapshot:
            self.extraction.extract(snapshot, days)
        progress(STEPS[1])
        self.transforms.fold_months(sorted({day.replace(day=1) for day in days}))
        progress(STEPS[2])
        self.transforms.analyse_customers(as_of)
        self.transforms.score(as_of, segments, per_marketplace=per_marketplace)
        self.transforms.build_cohorts(as_of)

    def compare(
        self, as_of: dt.date, progress: Callable[[str], None] = lambda _: None
    ) -> list["Comparison"]:
        """Holds the published rows against the rebuilt ones, table by table."""
        lake = self.transforms.lake
        rebuilt = {month.value for month in lake.aggregated_monthly.partitions()}
        published = self.publisher.published_months()
        months = sorted(rebuilt | {month for month in published if month <= as_of})
        snapshots: list[tuple[LakeTable, sa.Table]] = [
            (lake.final_user_analysis, catalog.final_user_analysis_snapshots),
            (lake.rfm_scores, catalog.rfm_scores_snapshots),
            (lake.rfm_thresholds, catalog.rfm_thresholds),
            (lake.cohort_matrix, catalog.cohort_matrix_snapshots),
        ]
        progress(STEPS[3])
        found = [
            self._compare(
                lake.aggregated_monthly, catalog.aggregated_monthly, "month_of_order", months
            )
        ]
        for source, table in snapshots:
            found.append(self._compare(source, table, "as_of_date", [as_of]))
        return found

    def _compare(
        self, source: LakeTable, table: sa.Table, column: str, partitions: Sequence[dt.date]
    ) -> "Comparison":
        with self.publisher.warehouse.aside() as aside:
            for partition in partitions:
                files = source.files(partition, partition)
                aside.add(table, self.publisher.sender.rows(source, files, table))
            rows, missing, extra = aside.compare(table, (column, partitions), without=WRITTEN_AT)
        return Comparison(table.name, rows, missing, extra)


STEPS = ("reading all days", "months", "customers, scores, cohorts", "comparing")


@dataclass(frozen=True)
class Comparison:
    """A published table against its rebuild.

    Attributes:
        rows: of the rebuild.
        missing: rebuilt rows that are not published.
        extra: published rows that the rebuild does not have.
    """

    table: str
    rows: int
    missing: int
    extra: int

    @property
    def is_equal(self) -> bool:
        return self.missing == 0 and self.extra == 0
