"""What two states of customers' rows in the lake do not share: all of a partition that has to be
sent where the earlier state is what the warehouse holds.

Works for months and for snapshots, which describe customers by the same columns. Whether the
warehouse does hold the earlier state is for whoever publishes.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from rfm_platform.engine import COPY_FORMAT, DuckDBEngine, Session, read_sql
from rfm_platform.lake import LakeTable, Partition
from rfm_platform.warehouse import Rows


@dataclass(frozen=True)
class Differing:
    """The comparison, as long as its session lasts.

    Attributes:
        rows: of the new state.
        load_timestamp: of all its rows.
        etl_batch_time: of all its rows.
    """

    rows: int
    load_timestamp: dt.datetime | None
    etl_batch_time: dt.datetime | None
    _session: Session
    _source: LakeTable

    def changed(self, state: Literal["before", "now"], columns: Iterable[sa.Column[Any]]) -> Rows:
        """Published columns of those rows of a state that the other one does not have."""

        def write_rows(write: Callable[[bytes], object]) -> None:
            self._session.define(self._source.name, read_sql(__package__, f"changed_{state}"))
            query = read_sql(__package__, f"publish_{self._source.name}")
            self._session.dump(query, columns, write)

        return Rows(COPY_FORMAT, write_rows)

    def totals_before(self) -> list[dict[str, Any]]:
        """Totals of the earlier state per marketplace."""
        self._session.define("sent_month", "FROM state_before")
        return self._session.records(read_sql(__package__, "sent_month"))


@contextmanager
def compared(
    engine: DuckDBEngine, source: LakeTable, before: Partition, now: Partition
) -> Iterator[Differing]:
    """Compares two states of a table's rows.

    Args:
        engine: to compare with.
        source: aggregated_monthly or final_user_analysis.
        before: what the warehouse holds.
        now: what it is to hold.
    """
    with engine.session() as session:
        for name, partition in (("before", before), ("now", now)):
            session.view_files(f"state_{name}", partition.files, source.shape)
            hashed = read_sql(__package__, "hashed_customers")
            session.define(f"hashed_{name}", f"{hashed} FROM state_{name}")
        session.materialize("differing", read_sql(__package__, "differing_customers"))
        (shared,) = session.records(read_sql(__package__, "shared_times"))
        yield Differing(**shared, _session=session, _source=source)
