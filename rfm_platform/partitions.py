"""The one partition definition, a local calendar day, and which days a run is for."""

import datetime as dt
import warnings
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import Any

import dagster as dg

from rfm_platform.settings import Settings

# Backfill policies are beta in Dagster and checks by partition a preview, as each use of them says
# again. We pin the version, and the tests run both.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

# Dagster's own tags of a run.
DAY = "dagster/partition"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"

BACKFILL = dg.BackfillPolicy.single_run()


class LateChanges(StrEnum):
    """Which earlier days a run looks at for late changes. Dagster's configuration has the names."""

    NONE = "none"
    WINDOW = "window"
    ALL = "all"

    @property
    def config(self) -> dict[str, Any]:
        """The run configuration that asks for it."""
        return {"ops": {"source_orders": {"config": {"late_changes": self.name}}}}


def daily_partitions(settings: Settings) -> dg.DailyPartitionsDefinition:
    """Days from the start date to yesterday, or to the end date where there is one."""
    end = settings.end_date
    return dg.DailyPartitionsDefinition(
        start_date=settings.start_date.isoformat(),
        # Dagster's end is exclusive.
        end_date=(end + dt.timedelta(days=1)).isoformat() if end is not None else None,
        timezone=settings.timezone,
    )


def drill_partitions(settings: Settings) -> dg.DailyPartitionsDefinition:
    """Days of the BI database's dumps, today among them: a dump shows a database as it is now."""
    return dg.DailyPartitionsDefinition(
        start_date=settings.start_date.isoformat(), timezone=settings.timezone, end_offset=1
    )


def days_of(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, asset: str | None = None
) -> list[dt.date]:
    """The days that a run is for: one, or a range without a gap, in order.

    Args:
        context: the run's.
        asset: adds the days of this asset that the run did beside its own (`also_did`).

    Raises:
        dagster.Failure: the run asks for days with gaps between them.
    """
    days = [dt.date.fromisoformat(key) for key in context.partition_keys]
    for day, following in pairwise(days):
        if following - day != dt.timedelta(days=1):
            raise dg.Failure(
                f"{day} is followed by {following}: run days without a gap, one run for each range"
            )
    if asset is None:
        return days
    return sorted({*days, *_noted(context.instance, context.run.run_id, asset)})


@lru_cache(maxsize=8)
def _noted(instance: dg.DagsterInstance, run_id: str, asset: str) -> tuple[dt.date, ...]:
    """The days that `also_did` noted. Kept: each check of an asset asks, and all come after it."""
    run = instance.get_run_by_id(run_id)
    noted = run.tags.get(_also(asset), "") if run else ""
    return tuple(map(dt.date.fromisoformat, noted.split()))


def describe_days(run: dg.DagsterRun) -> str:
    """The days that a run was started for, for a person."""
    first = run.tags.get(DAY) or run.tags.get(RANGE_START, "")
    last = run.tags.get(RANGE_END, first)
    return first if first == last else f"{first} to {last}"


def also_did(
    context: dg.AssetExecutionContext, asset: str, days: Mapping[dt.date, Mapping[str, Any]]
) -> None:
    """Reports days that an asset did beside the run's own, each with its metadata.

    The run's tags name them, and what comes after in the run counts them in: a retry of failed
    steps takes the tags over.
    """
    if not days:
        return
    noted = " ".join(day.isoformat() for day in sorted(days))
    context.instance.add_run_tags(context.run.run_id, {_also(asset): noted})
    for day, metadata in sorted(days.items()):
        context.log_event(
            dg.AssetMaterialization(
                asset,
                partition=day.isoformat(),
                description="Beside the run's own days: changed late, or not brought to its end.",
                metadata=metadata,
            )
        )


def _also(asset: str) -> str:
    return f"rfm/also_{asset}"
