"""An earlier snapshot: the days it was made from, and what has changed in them since it was taken.

Each snapshot of final_user_analysis says from which version of which source_orders it was made (a
table that was removed and made anew has the old numbers again). Where that version can still be
read, the days that differ tell whose rows have to be computed anew; all other customers are carried
over. Where it cannot, there is no earlier snapshot, and everything is computed.
"""

import datetime as dt
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from rfm_platform.customers.built import made_from
from rfm_platform.engine import SqlSession
from rfm_platform.lake import GoneError, Lake, Partition

# Above this share of all lines, computing everything costs less than finding out what to carry.
LARGEST_SHARE = 0.5


class NotKeptError(GoneError):
    """The lines that a snapshot was made from are not kept any more."""


@dataclass(frozen=True)
class Earlier:
    """A snapshot to carry customers over from.

    Attributes:
        snapshot: the partition of final_user_analysis.
        before: the days that differ, as the snapshot knew them.
        now: the days that differ, as they are.
    """

    snapshot: Partition
    before: list[Partition]
    now: list[Partition]


def days_of_snapshot(session: SqlSession, lake: Lake, as_of: dt.date) -> list[Partition]:
    """The days of source_orders that final_user_analysis as of a day was made from.

    Whatever else a snapshot consists of is made from the same, also where another run has read
    days again meanwhile. Without such a snapshot, or its version: the days as they are.
    """
    with suppress(NotKeptError):
        return days_it_was_made_from(session, lake, as_of)
    return lake.source_orders.partitions(None, as_of)


def days_it_was_made_from(session: SqlSession, lake: Lake, as_of: dt.date) -> list[Partition]:
    """Likewise, for whoever judges the snapshot. Without one: the days as they are.

    Raises:
        NotKeptError: its version of source_orders is not kept any more.
    """
    current = lake.source_orders.version()
    for snapshot in lake.final_user_analysis.partitions(as_of, as_of):
        session.view_files("snapshot", snapshot.files, lake.final_user_analysis.shape)
        ((version, made_by),) = session.rows("SELECT source_version, recipe FROM snapshot LIMIT 1")
        if made_from(made_by) not in (None, lake.source_orders.identity()):
            raise NotKeptError("source_orders was removed and made anew since")
        if version != current:
            try:
                return lake.source_orders.partitions(None, as_of, version=version)
            except GoneError as error:
                raise NotKeptError(str(error)) from None
    return lake.source_orders.partitions(None, as_of)


def find_earlier(
    session: SqlSession, lake: Lake, as_of: dt.date, days: Sequence[Partition], recipe: str
) -> Earlier | None:
    """The newest snapshot as of a day or before it that can be carried over; None: there is none.

    Args:
        session: to read with.
        lake: where the snapshots are.
        as_of: the day of the new snapshot.
        days: of source_orders, all that the new snapshot is made from.
        recipe: how a snapshot is computed today, and from which table; what was computed otherwise
            is of no use.
    """
    now = {day.value: day for day in days}
    for snapshot in reversed(lake.final_user_analysis.partitions(None, as_of)):
        session.view_files("earlier", snapshot.files, lake.final_user_analysis.shape)
        ((version, made_by),) = session.rows("SELECT source_version, recipe FROM earlier LIMIT 1")
        if made_by != recipe:
            continue
        try:
            partitions = lake.source_orders.partitions(None, snapshot.value, version=version)
        except GoneError:
            continue
        before = {day.value: day for day in partitions}
        changed = [
            value
            for value in sorted(before.keys() | now.keys())
            if value not in before or value not in now or before[value].files != now[value].files
        ]
        earlier = Earlier(
            snapshot,
            [before[value] for value in changed if value in before],
            [now[value] for value in changed if value in now],
        )
        lines = sum(day.rows for day in (*earlier.before, *earlier.now))
        return earlier if lines <= LARGEST_SHARE * sum(day.rows for day in days) else None
    return None
