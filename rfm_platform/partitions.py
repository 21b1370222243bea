"""The one partition definition: a local calendar day."""

import datetime as dt
import warnings
from itertools import pairwise

import dagster as dg

from rfm_platform.settings import Settings

# Backfill policies are beta in Dagster and checks by partition a preview, as each use of them says
# again. We pin the version, and the tests run both.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

BACKFILL = dg.BackfillPolicy.single_run()


def daily_partitions(settings: Settings) -> dg.DailyPartitionsDefinition:
    """Days from the start date to yesterday, or to the end date where there is one."""
    end = settings.end_date
    return dg.DailyPartitionsDefinition(
        start_date=settings.start_date.isoformat(),
        # Dagster's end is exclusive.
        end_date=(end + dt.timedelta(days=1)).isoformat() if end is not None else None,
        timezone=settings.timezone,
    )


def days_of(context: dg.AssetExecutionContext | dg.OpExecutionContext) -> list[dt.date]:
    """The days that a run is for: one, or a range without a gap.

    Raises:
        dagster.Failure: the run asks for days with gaps between them.
    """
    days = [dt.date.fromisoformat(key) for key in context.partition_keys]
    for day, following in pairwise(days):
        if following - day != dt.timedelta(days=1):
            raise dg.Failure(
                f"{day} is followed by {following}: run days without a gap, one run for each range"
            )
    return days
