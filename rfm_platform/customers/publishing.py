"""From the lake to the warehouse: one transaction a month or a snapshot, old snapshots removed."""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from rfm_platform import catalog
from rfm_platform.customers.restatements import by_marketplace, restatements
from rfm_platform.customers.transforms import built_months
from rfm_platform.engine import DuckDBEngine, read_sql
from rfm_platform.lake import Lake, LakeTable, Partition
from rfm_platform.warehouse import CsvWriter, Publication, Warehouse

AS_OF = "as_of_date"


@dataclass(frozen=True)
class Publisher:
    """Copies partitions of the lake into the warehouse.

    Attributes:
        keep_days: daily snapshots that stay, beside each month's last.
        timezone: of the timestamps in the ledger.
    """

    lake: Lake
    engine: DuckDBEngine
    warehouse: Warehouse
    keep_days: int
    timezone: str

    def outdated_months(self, last: dt.date) -> list[dt.date]:
        """Months up to a day's that the warehouse does not hold as the lake does.

        A run that died between the two leaves some.
        """
        lake, published = self._built_months(), self.published_months()
        return sorted(
            month
            for month in lake.keys() | published.keys()
            if month <= last and lake.get(month) != published.get(month)
        )

    def published_months(self) -> dict[dt.date, str | None]:
        """The published months, and which computation of each that is."""
        self.warehouse.prepare()
        rows = self.warehouse.rows(read_sql(__package__, "publications"))
        return {row["month_of_order"]: row["version"] for row in rows}

    def _built_months(self) -> dict[dt.date, str]:
        with self.engine.session() as session:
            session.view(self.lake.aggregated_monthly)
            return built_months(session)

    def publish_months(
        self,
        months: Iterable[dt.date],
        run_id: str,
        progress: Callable[[dt.date], None] = lambda _: None,
    ) -> int:
        """Publishes months of aggregated_monthly, one transaction each.

        Figures that were published before and are others now go to the ledger of restatements.

        Args:
            months: first days.
            run_id: for the ledger.
            progress: told each month that is done.

        Returns:
            The rows added to the ledger.
        """
        self.warehouse.prepare()
        table, source = catalog.aggregated_monthly, self.lake.aggregated_monthly
        built = self._built_months()
        restated = 0
        for month in months:
            with self.warehouse.publication() as publication:
                # Locked first: the figures before are those that the new ones replace.
                publication.lock(table)
                before = self._published(publication, month)
                publication.replace(
                    table, ("month_of_order", month), self.rows(source, month, table)
                )
                ledger = self._restatements(publication, month, before, run_id)
                publication.append(catalog.restatements, ledger)
                publication.record_month(month, built.get(month), self._now())
            restated += len(ledger)
            progress(month)
        return restated

    @staticmethod
    def _published(publication: Publication, month: dt.date) -> list[dict[str, Any]]:
        return publication.rows(read_sql(__package__, "published_month"), {"month": month})

    def _restatements(
        self,
        publication: Publication,
        month: dt.date,
        before: Sequence[Mapping[str, Any]],
        run_id: str,
    ) -> list[dict[str, Any]]:
        if not before:
            return []
        through = max(row["through"] for row in before)
        after = self._published(publication, month)
        if any(row["through"] != through for row in after):
            with self.engine.session() as session:
                session.view(self.lake.source_orders, month, through)
                after = session.records(read_sql(__package__, "month_totals"))
        return restatements(
            by_marketplace(before),
            by_marketplace(after),
            month=month,
            through=through,
            run_id=run_id,
            at=self._now(),
        )

    def _now(self) -> dt.datetime:
        return dt.datetime.now(ZoneInfo(self.timezone)).replace(tzinfo=None)

    def publish_customers(self, as_of: dt.date) -> bool:
        """Publishes final_user_analysis as of a day. False: retention removed it at once.

        Rows that an earlier published snapshot holds as well are copied inside the warehouse.
        """
        source, table = self.lake.final_user_analysis, catalog.final_user_analysis_snapshots
        self.warehouse.prepare()
        # Read first: the rows may be newer than what is noted of them, never older.
        held = {snapshot.value: _version(snapshot) for snapshot in source.partitions()}
        with self.warehouse.publication() as publication:
            publication.lock(table)
            if not self._take_over(publication, as_of, held):
                publication.replace(table, (AS_OF, as_of), self.rows(source, as_of, table))
            publication.forget_snapshots([as_of])
            if as_of in held:
                publication.record_snapshot(as_of, held[as_of], self._now())
            removed = publication.keep(table, AS_OF, self.keep_days)
            publication.forget_snapshots(removed)
        if removed:
            source.commit([], removed)
        return as_of not in removed

    def _take_over(
        self, publication: Publication, as_of: dt.date, held: Mapping[dt.date, str]
    ) -> bool:
        """Publishes as of a day what an earlier snapshot does not hold, and copies the rest.

        False, and it has to be sent whole: there is no earlier snapshot that is published as the
        lake holds it, or rows of that one have gone, so that what is there now is incomplete.

        Args:
            publication: the transaction.
            as_of: the day.
            held: which computation of each snapshot the lake holds.
        """
        source, table = self.lake.final_user_analysis, catalog.final_user_analysis_snapshots
        published = publication.rows(
            read_sql(__package__, "snapshot_publications"), {"as_of": as_of}
        )
        earlier = [row[AS_OF] for row in published if held.get(row[AS_OF]) == row["version"]]
        if not earlier or as_of not in held:
            return False
        query = read_sql(__package__, f"publish_{source.name}")
        with self.engine.session() as session:
            for name, day in (("now", as_of), ("before", earlier[0])):
                session.view(source, day, day, name=f"snapshot_{name}")
                hashed = read_sql(__package__, "hashed_customers")
                session.define(f"hashed_{name}", f"{hashed} FROM snapshot_{name}")
            session.materialize("unchanged", read_sql(__package__, "unchanged_customers"))
            (shared,) = session.records(read_sql(__package__, "snapshot_times"))

            def changed(name: str, columns: Iterable[sa.Column[Any]]) -> CsvWriter:
                def write_rows(write: Callable[[bytes], object]) -> None:
                    session.define(source.name, read_sql(__package__, f"changed_{name}"))
                    session.dump_csv(query, columns, write)

                return write_rows

            key = table.columns["customer_key"]
            rows = publication.take_over(
                table,
                (AS_OF, as_of),
                earlier[0],
                without=(key, changed("before", [key])),
                values={name: shared[name] for name in ("load_timestamp", "etl_batch_time")},
                rows=changed("now", table.columns),
            )
        return rows == int(shared["rows"])

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

    def publish_analyses(self, as_of: dt.date, *names: str) -> bool:
        """Publishes small tables as of a day. False: retention removed them at once.

        Args:
            names: of the lake's tables; the warehouse's are `<name>_snapshots`.
        """
        pairs: list[tuple[LakeTable, sa.Table]] = [
            (getattr(self.lake, name), catalog.CURRENT_VIEWS[name]) for name in names
        ]
        return self._publish(as_of, pairs, retained=pairs)

    def _publish(
        self,
        as_of: dt.date,
        tables: Sequence[tuple[LakeTable, sa.Table]],
        retained: Sequence[tuple[LakeTable, sa.Table]],
    ) -> bool:
        self.warehouse.prepare()
        with self.warehouse.publication() as publication:
            for source, table in tables:
                publication.replace(table, (AS_OF, as_of), self.rows(source, as_of, table))
            removed = {
                source: publication.keep(table, AS_OF, self.keep_days) for source, table in retained
            }
        # Only after the commit: the warehouse never shows what the lake no longer has a copy of.
        for source, dates in removed.items():
            if dates:
                source.commit([], dates)
        return not any(as_of in dates for dates in removed.values())

    def rows(self, source: LakeTable, partition: dt.date, table: sa.Table) -> CsvWriter:
        """A partition of the lake in its published form."""

        def write_rows(write: Callable[[bytes], object]) -> None:
            with self.engine.session() as session:
                session.view(source, partition, partition)
                query = read_sql(__package__, f"publish_{source.name}")
                session.dump_csv(query, table.columns, write)

        return write_rows


def _version(snapshot: Partition) -> str:
    """Identifies what is published of a snapshot: its rows in the lake, and how they are shown."""
    shown = read_sql(__package__, "publish_final_user_analysis")
    return hashlib.md5((snapshot.token + shown).encode(), usedforsecurity=False).hexdigest()
