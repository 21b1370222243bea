"""Which morning a refresh has to make up for, beside its own.

A day that was missed is loaded by the next morning, but nobody needs its snapshot. That of a month
end is needed: moves between segments start there, all of the month after. A platform that took its
first snapshot later has missed none.
"""

import datetime as dt

import dagster as dg

SCORES = dg.AssetKey("rfm_scores")


def missed_month_end(
    instance: dg.DagsterInstance, start: dt.date, as_of: dt.date
) -> dt.date | None:
    """The last month end before a day, if its snapshot was missed; None: it was not.

    Args:
        start: the first partition.
    """
    month_end = as_of.replace(day=1) - dt.timedelta(days=1)
    taken = instance.get_materialized_partitions(SCORES)
    before = [day for day in taken if day < month_end.isoformat()]
    if month_end < start or month_end.isoformat() in taken or not before:
        return None
    return month_end
