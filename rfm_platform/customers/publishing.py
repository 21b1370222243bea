"""From the lake to the warehouse: one transaction a month or a snapshot, old snapshots removed."""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from rfm_platform import catalog
from rfm_platform.customers.restatements import by_marketplace, restatements
from rfm_platform.customers.sending import AS_OF, MONTH, PublishedMonth, Sender
from rfm_platform.engine import DuckDBEngine, read_sql
from rfm_platform.lake import Lake, LakeTable
from rfm_platform.warehouse import Retention, Warehouse

FOR_EVER = ("cohort_matrix",)  # no snapshot of it is removed


@dataclass(frozen=True)
class Publisher:
    """Copies partitions of the lake into the warehouse.

    Attributes:
        keep_days: daily snapshots that stay, beside each month's last.
        timezone: of the timestamps in the ledger.
        connections: months that are published at once.
    """

    lake: Lake
    engine: DuckDBEngine
    warehouse: Warehouse
    keep_days: int
    timezone: str
    connections: int = 1

    @property
    def sender(self) -> Sender:
        return Sender(self.lake, self.engine)

    def outdated_months(self, last: dt.date) -> list[dt.date]:
        """Months up to a day's that the warehouse does not hold as the lake does.

        A run that died between the two leaves some.
        """
        lake = self.sender.versions(self.lake.aggregated_monthly.partitions())
        published = self.published_months()
        return sorted(
            month
            for month in lake.keys() | published.keys()
            if month <= last and lake.get(month) != published.get(month)
        )

    def published_months(self) -> dict[dt.date, str | None]:
        """The published months, and which computation of each that is."""
        self.warehouse.prepare()
        rows = self.warehouse.rows(read_sql(__package__, "publications"))
        return {row[MONTH]: row["version"] for row in rows}

    def publish_months(
        self,
        months: Iterable[dt.date],
        run_id: str,
        progress: Callable[[dt.date], None] = lambda _: None,
        *,
        loaded: Collection[dt.date] = (),
    ) -> int:
        """Publishes months of aggregated_monthly, one transaction each, several at once.

        Figures that were published before and are others now go to the ledger of restatements.

        Args:
            months: first days.
            run_id: for the ledger.
            progress: told each month that is done, in whatever order.
            loaded: days that the lake's months were built from, or had no line to be built from.
                The lake knows the former only.

        Returns:
            The rows added to the ledger.
        """
        self.warehouse.prepare()
        months = list(months)
        newest = {day.replace(day=1): day for day in sorted(loaded)}
        at_once = max(1, min(self.connections, len(months)))
        one = replace(self, engine=self.engine.share(at_once))
        restated = 0
        with ThreadPoolExecutor(at_once) as threads:
            try:
                published = {
                    threads.submit(one.publish_month, m, run_id, newest.get(m)): m for m in months
                }
                for done in as_completed(published):
                    restated += done.result()
                    progress(published[done])
            except BaseException:
                threads.shutdown(cancel_futures=True)  # each month that has begun comes to its end
                raise
        if months:
            with self.warehouse.publication() as publication:
                publication.analyze([catalog.aggregated_monthly])
        return restated

    def publish_month(
        self, month: dt.date, run_id: str, loaded_through: dt.date | None = None
    ) -> int:
        """Publishes a month likewise, loaded up to a day. Returns the rows added to the ledger."""
        with self.warehouse.publication() as publication:
            # Locked first: the figures before are those that the new ones replace.
            publication.lock(catalog.aggregated_monthly, month)
            before = self.sender.published_month(publication, month)
            version = self.sender.send_month(publication, month, before)
            ledger = self._restatements(month, before, run_id)
            publication.append(catalog.restatements, ledger)
            told_of = [day for day in (before.through, loaded_through) if day is not None]
            publication.record_month(month, version, max(told_of, default=None), self._now())
        return len(ledger)

    def _restatements(
        self, month: dt.date, before: PublishedMonth, run_id: str
    ) -> list[dict[str, Any]]:
        through = before.through
        if through is None:
            return []
        with self.engine.session() as session:
            # From the lake: adding up what has just been sent would cost more than sending it.
            session.view(self.lake.aggregated_monthly, month, month, name="sent_month")
            after = session.records(read_sql(__package__, "sent_month"))
            if any(row["through"] > through for row in after):
                session.view(self.lake.source_orders, month, through)
                after = session.records(read_sql(__package__, "month_totals"))
                digests = {
                    (marketplace, shop_id): digest
                    for marketplace, shop_id, digest in session.rows(
                        read_sql(__package__, "shop_digests")
                    )
                }
                for row in after:
                    for shop in row["shops"]:
                        shop["digest"] = digests[row["marketplace"], shop["shop_id"]]
        return restatements(
            by_marketplace(before.totals),
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

        Rows that an earlier published snapshot holds as well are copied inside the warehouse. Old
        snapshots of every table go: others may not be made any more, or have come out empty since.
        """
        source, table = self.lake.final_user_analysis, catalog.final_user_analysis_snapshots
        self.warehouse.prepare()
        held = {snapshot.value: snapshot for snapshot in source.partitions()}
        with self.warehouse.publication() as publication:
            publication.lock(table)
            version = self.sender.send_customers(publication, as_of, held)
            publication.forget_snapshots([as_of])
            if version is not None:
                publication.record_snapshot(as_of, version, self._now())
            publication.record_newest([table], as_of, self._now())
            publication.analyze([table])
            retained = self._tables(name for name in catalog.CURRENT_VIEWS if name not in FOR_EVER)
            kept = publication.keep([each for _, each in retained], AS_OF, self.keep_days)
            removed, _ = kept[table]
            publication.forget_snapshots(removed)
        _drop_from_lake(retained, kept)
        return as_of not in removed

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
        pairs = self._tables(names)
        return self._publish(as_of, pairs, retained=pairs)

    def _tables(self, names: Iterable[str]) -> list[tuple[LakeTable, sa.Table]]:
        """By the name of their view: the lake's and the warehouse's."""
        return [(getattr(self.lake, name), catalog.CURRENT_VIEWS[name]) for name in names]

    def _publish(
        self,
        as_of: dt.date,
        tables: Sequence[tuple[LakeTable, sa.Table]],
        retained: Sequence[tuple[LakeTable, sa.Table]],
    ) -> bool:
        self.warehouse.prepare()
        with self.warehouse.publication() as publication:
            for source, table in tables:
                rows = self.sender.rows(source, source.files(as_of, as_of), table)
                publication.replace(table, (AS_OF, as_of), rows)
            published = [table for _, table in tables]
            publication.record_newest(published, as_of, self._now())
            publication.analyze(published)
            kept = {}
            if retained:
                kept = publication.keep([table for _, table in retained], AS_OF, self.keep_days)
        _drop_from_lake(retained, kept)
        return not any(as_of in removed for removed, _ in kept.values())


def _drop_from_lake(
    tables: Sequence[tuple[LakeTable, sa.Table]],
    kept: Mapping[sa.Table, tuple[list[dt.date], Retention]],
) -> None:
    """Removes the snapshots that the warehouse no longer has, or would not keep.

    Only after its commit: the warehouse never shows what the lake has no copy of. And whichever
    they are: a run that was killed here, or that never reached the warehouse, has left some, and
    they hold people's names.
    """
    for source, table in tables:
        _, retention = kept[table]
        dropped = retention.dropped(snapshot.value for snapshot in source.partitions())
        if dropped:
            source.commit([], dropped)
