"""What piles up and nobody needs: old versions of the lake, leftovers of killed runs, old logs.

Nothing here touches what tables, snapshots or partitions are: a version that is removed could only
have been read back, and of Dagster's events those about assets stay, because the status of every
partition is computed from them.
"""

import datetime as dt
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.event_log import SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from rfm_platform.automation.storage import KeptOpenEventLogStorage
from rfm_platform.engine import SESSION
from rfm_platform.lake import vacuum
from rfm_platform.reconcile.rebuild import VERIFICATION
from rfm_platform.settings import Settings
from rfm_platform.wiring import Platform

LEFTOVERS = (f"{SESSION}*", f"{VERIFICATION}*")
LEFTOVER_SECONDS = 24 * 3600  # no session and no verification lasts a day
MAINTAIN_JOB = "maintain"
ENDED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]


@dataclass(frozen=True)
class Removed:
    """What was removed.

    Attributes:
        files: of the lake.
        directories: left by killed processes.
        runs: whose logs were removed.
    """

    files: int
    directories: int
    runs: int

    @property
    def summary(self) -> str:
        """A sentence."""
        return (
            f"Removed {self.files} files of old lake versions, {self.directories} leftovers of "
            f"killed processes, and the logs of {self.runs} old runs."
        )


def maintain(instance: dg.DagsterInstance, platform: Platform) -> Removed:
    """Removes what is older than the settings keep."""
    settings = platform.settings
    files = sum(vacuum(table, settings.keep_versions_days) for table in platform.lake.tables)
    directories = sum(map(_remove, _leftovers(settings)))
    oldest = dt.datetime.now(dt.UTC) - dt.timedelta(days=settings.keep_logs_days)
    return Removed(files, directories, prune_logs(instance, oldest))


def prune_logs(instance: dg.DagsterInstance, oldest: dt.datetime) -> int:
    """Removes the logs of runs that ended before a moment, but for what is about assets.

    Returns:
        How many runs that were.
    """
    records = instance.get_run_records(dg.RunsFilter(statuses=ENDED, updated_before=oldest))
    run_ids = [record.dagster_run.run_id for record in records]
    storage = instance.event_log_storage
    if isinstance(storage, KeptOpenEventLogStorage):
        # A file a run; what is about assets lies in the index as well.
        return sum(map(storage.remove, run_ids))
    if isinstance(storage, SqlEventLogStorage):
        return _prune_table(storage, run_ids)
    raise TypeError(f"no way to prune the logs of {type(storage).__name__}")


def _prune_table(storage: SqlEventLogStorage, run_ids: list[str]) -> int:
    events = SqlEventLogStorageTable.c
    is_log = sa.or_(
        events.dagster_event_type.is_(None), sa.not_(events.dagster_event_type.like("ASSET\\_%"))
    )
    pruned = 0
    with storage.index_connection() as connection:
        for run_id in run_ids:
            statement = sa.delete(SqlEventLogStorageTable).where(events.run_id == run_id, is_log)
            pruned += connection.execute(statement).rowcount > 0
    return pruned


def _leftovers(settings: Settings) -> Iterator[Path]:
    newest = time.time() - LEFTOVER_SECONDS
    for place in (settings.spill, settings.spark_sessions, settings.home):
        for pattern in LEFTOVERS:
            yield from (path for path in place.glob(pattern) if _is_older(path, newest))


def _is_older(path: Path, moment: float) -> bool:
    try:
        return path.stat().st_mtime < moment
    except FileNotFoundError:  # its session has ended meanwhile
        return False


def _remove(directory: Path) -> int:
    shutil.rmtree(directory, ignore_errors=True)
    return not directory.exists()


def maintenance_job() -> dg.JobDefinition:
    """The job that does it in Dagster."""

    @dg.op(name="remove_what_is_old")
    def remove_what_is_old(
        context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> None:
        context.log.info(maintain(context.instance, platform).summary)

    @dg.job(name=MAINTAIN_JOB, description="Removes old lake versions, leftovers and logs.")
    def job() -> None:
        remove_what_is_old()

    return job
