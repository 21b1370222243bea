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
    return stored(instance, key, storage_ids(instance, key, days))


def stored(
    instance: dg.DagsterInstance, key: dg.AssetKey, found: Mapping[dt.date, int]
) -> Sequence[dg.EventLogRecord]:
    """Materializations of days by the numbers under which they are stored."""
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
    here = storage_ids(instance, key, days)
    there = storage_ids(instance, upstream, days)
    return sorted(day for day, at in there.items() if at > here.get(day, -1))


def look_at_the_newest(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    days: Iterable[dt.date],
    look: Callable[[], _Found],
) -> tuple[_Found, Mapping[dt.date, int]]:
    """What is found of days, looked for again if another run has materialized one meanwhile.

    Args:
        look: looks at the days as they are now.

    Returns:
        What was found, and of which materializations, as `storage_ids` gives them.
    """
    days = list(days)
    before = storage_ids(instance, key, days)
    while True:
        found = look()
        after = storage_ids(instance, key, days)
        if after == before:
            return found, before
        before = after


def storage_ids(
    instance: dg.DagsterInstance, key: dg.AssetKey, days: Iterable[dt.date]
) -> Mapping[dt.date, int]:
    """The number under which each day's newest materialization is stored: a later one is larger."""
    by_text = {day.isoformat(): day for day in days}
    if not by_text:
        return {}  # Dagster takes no days for all of them
    found = instance.event_log_storage.get_latest_storage_id_by_partition(
        key, MATERIALIZED, {*by_text}
    )
    return {by_text[text]: at for text, at in found.items()}
