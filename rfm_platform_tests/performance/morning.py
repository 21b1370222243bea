"""A morning: one new day, and late changes on 30 of the 60 days before.

`refresh` is what the daily run does, without Dagster: find the changed days, read them and the new
one, fold their months, compute, score, publish.
"""

import datetime as dt
import sys
from pathlib import Path

from rfm_platform import catalog
from rfm_platform.customers.segments import load_segments
from rfm_platform_tests.performance.peers.job import Job, read_job
from rfm_platform_tests.performance.stages import platform_of

LOOKBACK_DAYS = 60

_CHANGES = """
    UPDATE flatten_order_marketplace AS l SET {change}
    WHERE create_timestamp >= %(first)s AND create_timestamp < %(after)s
      AND EXTRACT(day FROM create_timestamp)::int %% 2 = 0
      AND HASHTEXT(order_id) %% 50 = {part}
"""
_NEW_DAY = """
    INSERT INTO flatten_order_marketplace SELECT {columns} FROM flatten_order_marketplace AS l
    WHERE create_timestamp >= %(last)s AND create_timestamp < %(after)s
"""


def _window(job: Job) -> dict[str, dt.date]:
    return {
        "first": job.as_of - dt.timedelta(days=LOOKBACK_DAYS - 1),
        "last": job.as_of,
        "after": job.as_of + dt.timedelta(days=1),
    }


def change_the_past(home: Path) -> None:
    """The mart the next morning: not measured."""
    job = read_job(home)
    shifted = {
        "create_timestamp": "create_timestamp + INTERVAL '1 day'",
        "order_id": "order_id || '-next'",
    }
    columns = ", ".join(
        shifted.get(c.name, c.name) for c in catalog.flatten_order_marketplace.columns
    )
    with platform_of(job).mart.database.connect() as connection:
        connection.execute(_NEW_DAY.format(columns=columns).encode(), _window(job))
        for part, change in enumerate(
            ("cancelled_flag = 'true'", "product_gmv_amount = product_gmv_amount + 1")
        ):
            statement = _CHANGES.format(change=change, part=part)
            connection.execute(statement.encode(), _window(job))
        connection.commit()
        connection.autocommit = True
        # Otherwise the server does it by itself, during whichever stage comes next.
        connection.execute("VACUUM (ANALYZE) flatten_order_marketplace")


def count_days(home: Path) -> None:
    """Floor: the lines of the looked-at days, counted by day."""
    job = read_job(home)
    with platform_of(job).mart.database.connect(read_only=True) as connection:
        connection.execute(
            "SELECT create_timestamp::date, COUNT(*) FROM flatten_order_marketplace "
            "WHERE create_timestamp >= %(first)s AND create_timestamp < %(after)s GROUP BY 1",
            _window(job),
        )


def find_changes(home: Path) -> None:
    """Fingerprints of the looked-at days, compared."""
    job = read_job(home)
    platform = platform_of(job)
    with platform.mart.snapshot() as snapshot:
        looked_at = platform.extraction.days_to_look_at(job.first_day, job.as_of, LOOKBACK_DAYS)
        platform.extraction.drifted(snapshot, looked_at)


def refresh(home: Path) -> None:
    """The daily run, without Dagster."""
    job = read_job(home)
    platform = platform_of(job)
    transforms, publisher = platform.transforms, platform.publisher
    extraction, today = platform.extraction, _window(job)["after"]
    with platform.mart.snapshot() as snapshot:
        looked_at = extraction.days_to_look_at(job.first_day, job.as_of, LOOKBACK_DAYS)
        late = extraction.drifted(snapshot, looked_at)
        extraction.extract(snapshot, [*late, today])
    months = sorted({today.replace(day=1), *transforms.outdated_months(today)})
    transforms.fold_months(months)
    publisher.publish_months(months, "benchmark")
    computed = transforms.analyse_customers(today)
    print(f"{len(late)} late days, {len(months)} months, {computed} customers", file=sys.stderr)
    publisher.publish_customers(today)
    transforms.score(today, load_segments(), per_marketplace=False)
    publisher.publish_scores(today)
    transforms.build_cohorts(today)
    publisher.publish_cohorts(today)
