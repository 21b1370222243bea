"""Sends a partition of the lake so that the warehouse holds it: whole, or only what differs.

A month that late changes touched, and a new snapshot, say of most customers what the warehouse
already holds. What differs is found by comparing two states in the lake. So it is sent alone only
where the warehouse says that it holds the earlier state, and where what it holds adds up;
everything else is sent whole. The result is the same, but for the time at which a row was written.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from rfm_platform import catalog
from rfm_platform.customers.built import built_months, digest
from rfm_platform.customers.differing import compared
from rfm_platform.customers.restatements import by_marketplace
from rfm_platform.engine import COPY_FORMAT, DuckDBEngine, read_sql
from rfm_platform.lake import GoneError, Lake, LakeTable, Partition
from rfm_platform.warehouse import Publication, Rows

AS_OF = "as_of_date"
MONTH = "month_of_order"
# Of aggregated_monthly, for the state of a month that is published: a run makes one each month.
VERSIONS_LOOKED_AT = 30


@dataclass(frozen=True)
class PublishedMonth:
    """What the warehouse holds of a month.

    Attributes:
        totals: of each marketplace.
        version: which computation of it that is; None: it has no rows, or nobody noted it.
        loaded_through: the newest of its days that was loaded when it was published, as noted.
    """

    totals: Sequence[Mapping[str, Any]]
    version: str | None
    loaded_through: dt.date | None

    @property
    def through(self) -> dt.date | None:
        """The newest day that it tells of, with orders or without.

        None: nobody published it, or a release that noted no day published it without rows.
        """
        days = [self.loaded_through, *(row["through"] for row in self.totals)]
        return max((day for day in days if day is not None), default=None)


@dataclass(frozen=True)
class Sender:
    """Brings partitions of the lake into a publication.

    What is sent is the files that were looked up before, so that what is noted of them is true
    whatever is committed meanwhile.
    """

    lake: Lake
    engine: DuckDBEngine

    @staticmethod
    def published_month(publication: Publication, month: dt.date) -> PublishedMonth:
        """What is published of a month."""
        totals = publication.rows(read_sql(__package__, "published_month"), {"month": month})
        noted = publication.rows(read_sql(__package__, "publications"), {})
        row = {row[MONTH]: row for row in noted}.get(month, {})
        return PublishedMonth(totals, row.get("version"), row.get("through"))

    def send_month(
        self, publication: Publication, month: dt.date, before: PublishedMonth
    ) -> str | None:
        """Replaces a published month. Rows that are there as they are now stay, with their time.

        Args:
            publication: the transaction.
            month: its first day.
            before: what is published of it.

        Returns:
            What identifies the month; None: it has no rows.
        """
        source, table = self.lake.aggregated_monthly, catalog.aggregated_monthly
        states = source.partitions(month, month)
        if not states or not self._send_differing(publication, states[0], before):
            files = [file for state in states for file in state.files]
            publication.replace(table, (MONTH, month), self.rows(source, files, table))
        return self.versions(states).get(month)

    def _send_differing(
        self, publication: Publication, month: Partition, before: PublishedMonth
    ) -> bool:
        """False: the lake no longer has the state that is published, the published rows do not add
        up to it, or every row is of another batch now.
        """
        source, table = self.lake.aggregated_monthly, catalog.aggregated_monthly
        earlier = self._as_published(month, before.version)
        if earlier is None:
            return False
        key = table.columns["customer_key"]
        with compared(self.engine, source, earlier, month) as states:
            batch = states.etl_batch_time
            if batch is None or any(row["through"] != batch.date() for row in before.totals):
                return False
            if by_marketplace(before.totals) != by_marketplace(states.totals_before()):
                return False
            removed, added = publication.exchange(
                table,
                (MONTH, month.value),
                without=(key, states.changed("before", [key])),
                rows=states.changed("now", table.columns),
            )
        published = sum(int(row["rows"]) for row in before.totals)
        return published - removed + added == states.rows

    def _as_published(self, month: Partition, version: str | None) -> Partition | None:
        """The earlier state of a month that is published; None: the lake has it no more."""
        source = self.lake.aggregated_monthly
        if version is None:
            return None
        newest = source.version() or 0
        states = [month]
        for number in range(newest - 1, max(newest - 1 - VERSIONS_LOOKED_AT, -1), -1):
            looked_at = states
            try:
                states = source.partitions(month.value, month.value, version=number)
            except GoneError:
                break
            if states and states != looked_at and self.versions(states)[month.value] == version:
                return states[0]
        return None

    def versions(self, months: Sequence[Partition]) -> dict[dt.date, str]:
        """Identifies what is published of months of aggregated_monthly."""
        source = self.lake.aggregated_monthly
        with self.engine.session() as session:
            files = [file for month in months for file in month.files]
            session.view_files(source.name, files, source.shape)
            built = built_months(session)
        return {month: _version(source, made_from) for month, made_from in built.items()}

    def send_customers(
        self, publication: Publication, as_of: dt.date, held: Mapping[dt.date, Partition]
    ) -> str | None:
        """Replaces the published snapshot of a day. Rows that another one holds are copied there.

        Args:
            publication: the transaction.
            as_of: the day.
            held: the snapshots in the lake.

        Returns:
            What identifies the snapshot; None: there is none.
        """
        source, table = self.lake.final_user_analysis, catalog.final_user_analysis_snapshots
        if as_of not in held:
            publication.replace(table, (AS_OF, as_of), self.rows(source, (), table))
            return None
        if not self._take_over(publication, as_of, held):
            rows = self.rows(source, held[as_of].files, table)
            publication.replace(table, (AS_OF, as_of), rows)
        return _version(source, held[as_of].token)

    def _take_over(
        self, publication: Publication, as_of: dt.date, held: Mapping[dt.date, Partition]
    ) -> bool:
        """False: no earlier snapshot is published as the lake holds it, or rows of it have gone."""
        source, table = self.lake.final_user_analysis, catalog.final_user_analysis_snapshots
        published = publication.rows(
            read_sql(__package__, "snapshot_publications"), {"as_of": as_of}
        )
        earlier = [
            held[row[AS_OF]]
            for row in published
            if row[AS_OF] in held and _version(source, held[row[AS_OF]].token) == row["version"]
        ]
        if not earlier:
            return False
        key = table.columns["customer_key"]
        with compared(self.engine, source, earlier[0], held[as_of]) as states:
            rows = publication.take_over(
                table,
                (AS_OF, as_of),
                earlier[0].value,
                without=(key, states.changed("before", [key])),
                values={
                    "load_timestamp": states.load_timestamp,
                    "etl_batch_time": states.etl_batch_time,
                },
                rows=states.changed("now", table.columns),
            )
        return rows == states.rows

    def rows(self, source: LakeTable, files: Sequence[str], table: sa.Table) -> Rows:
        """Rows of a table of the lake in their published form."""

        def write_rows(write: Callable[[bytes], object]) -> None:
            with self.engine.session() as session:
                session.view_files(source.name, files, source.shape)
                query = read_sql(__package__, f"publish_{source.name}")
                session.dump(query, table.columns, write)

        return Rows(COPY_FORMAT, write_rows)


def _version(source: LakeTable, token: str) -> str:
    """Identifies what is published: rows in the lake, by their token, and how they are shown."""
    shown = read_sql(__package__, f"publish_{source.name}")
    return digest(token + shown)
