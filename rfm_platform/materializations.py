"""When days were last materialized, and what was told of them, from Dagster's own records."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import dagster as dg

# Where days are read from the mart, and where they are folded into their months.
READ, FOLDED = dg.AssetKey("source_orders"), dg.AssetKey("aggregated_monthly")
MATERIALIZED = dg.DagsterEventType.ASSET_MATERIALIZATION
_Found = TypeVar("_Found")


def newest(
    instance: dg.DagsterInstance, key: dg.AssetKey, days: Iterable[dt.date]
) -> Sequence[dg.EventLogRecord]:
    """Each day's newest materialization."""
    found = _storage_ids(instance, key, days)
    if not found:
        return []
    return instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=key, storage_ids=list(found.values())), limit=len(found)
    ).records


def recorded(
    instance: dg.DagsterInstance, key: dg.AssetKey, days: Iterable[dt.date], name: str
) -> dict[dt.date, object]:
    """A metadata value of each day's newest materialization, where it has one."""
    return {
        dt.date.fromisoformat(record.partition_key or ""): value.value
        for record in newest(instance, key, days)
        if record.asset_materialization is not None
        and (value := record.asset_materialization.metadata.get(name)) is not None
    }


def behind(
    instance: dg.DagsterInstance, key: dg.AssetKey, upstream: dg.AssetKey, days: Iterable[dt.date]
) -> list[dt.date]:
    """Days that an asset upstream has materialized after this one last did, in order."""
    days = list(days)
    here = _storage_ids(instance, key, days)
    there = _storage_ids(instance, upstream, days)
    return sorted(dt.date.fromisoformat(day) for day, at in there.items() if at > here.get(day, -1))


def look_at_the_newest(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    days: Iterable[dt.date],
    look: Callable[[], _Found],
) -> _Found:
    """What is found of days, looked for again if another run has materialized one meanwhile.

    Dagster takes a verdict for one on the materialization that is newest when it is stored, which
    is a moment after the last look.

    Args:
        look: looks at the days as they are now.
    """
    days = list(days)
    before = _storage_ids(instance, key, days)
    while True:
        found = look()
        after = _storage_ids(instance, key, days)
        if after == before:
            return found
        before = after


def _storage_ids(
    instance: dg.DagsterInstance, key: dg.AssetKey, days: Iterable[dt.date]
) -> Mapping[str, int]:
    keys = {day.isoformat() for day in days}
    if not keys:
        return {}  # Dagster takes no days for all of them
    return instance.event_log_storage.get_latest_storage_id_by_partition(key, MATERIALIZED, keys)
