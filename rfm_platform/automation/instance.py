"""Dagster's own storage: one file for a laptop, a virtual machine and the tests.

``dagster.yaml`` cannot choose its storage by whether a variable is set, so it names `HomeStorage`,
which does: PostgreSQL when DAGSTER_PG_URL is set, else SQLite in the platform's home. So the
command line, ``rfm ui`` and a bare ``dagster dev`` all see the same runs.
"""

import fcntl
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._serdes import ConfigurableClass, ConfigurableClassData

from rfm_platform.automation.connections import keep_connections
from rfm_platform.automation.storage import KeptOpenStorage
from rfm_platform.home import make_home
from rfm_platform.postgres import external, parse_url, with_keepalives
from rfm_platform.settings import Settings, load_settings

CONFIG_FILE = Path(__file__).parents[2] / "dagster.yaml"
PG_URL = "DAGSTER_PG_URL"
HOME = "DAGSTER_HOME"
BATCH = "DAGSTER_EVENT_BATCH_SIZE"
PROCESS_TAG = "rfm/process"
MAX_RETRIES_TAG = "dagster/max_retries"
# What a step prints goes to the terminal. To keep it too, Dagster starts four helper processes a
# run, which Ctrl-C reaches as well: each died with a stack.
NO_CAPTURE: dict[str, Any] = {
    "compute_logs": {
        "module": NoOpComputeLogManager.__module__,
        "class": NoOpComputeLogManager.__name__,
    }
}
UNFINISHED = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


class HomeStorage(DagsterStorage, ConfigurableClass):
    """What ``storage: {custom: …}`` in dagster.yaml names; it only hands out the real storage."""

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """None: no object of this class is ever made."""
        return None

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """`base_dir`: where SQLite's files lie; by default in the environment's home."""
        return {"base_dir": dg.Field(dg.StringSource, is_required=False)}

    @classmethod
    def from_config_value(  # type: ignore[override]  # what Dagster calls for any storage
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> DagsterStorage[dg.DagsterInstance]:
        """The storage that the environment asks for."""
        url = os.environ.get(PG_URL)
        if url:
            from dagster_postgres import DagsterPostgresStorage  # noqa: PLC0415 - for its time

            return DagsterPostgresStorage(
                postgres_url=with_keepalives(parse_url(PG_URL, url)),
                should_autocreate_tables=True,
                inst_data=inst_data,
            )
        base_dir = config_value.get("base_dir")
        directory = Path(base_dir) if base_dir else _directory(load_settings())
        directory.mkdir(parents=True, exist_ok=True)
        # Two processes that create the files at once fail in each other's migrations.
        with (directory / "storage.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return KeptOpenStorage.from_local(str(directory), inst_data=inst_data)


def prepare_dagster_home(settings: Settings) -> Path:
    """The directory for DAGSTER_HOME: the environment's, else one in the platform's home.

    Also lets Dagster store in one go what it reports in one go, unless the environment says how.
    """
    os.environ.setdefault(BATCH, "1000")
    if os.environ.get(HOME):
        return Path(os.environ[HOME])
    directory = _directory(settings)
    if CONFIG_FILE.exists():
        config = yaml.safe_load(CONFIG_FILE.read_text(encoding="utf-8"))
        config["storage"]["custom"]["config"] = {"base_dir": str(directory.absolute())}
        _replace(directory / CONFIG_FILE.name, yaml.safe_dump(config))
    return directory


def _directory(settings: Settings) -> Path:
    """Dagster's part of a home."""
    make_home(settings.home)
    directory = settings.home / "dagster"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _replace(file: Path, text: str) -> None:
    """Writes a file in one go: whoever reads half of this one has other runs, and no pool."""
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return
    aside = file.with_name(f"{file.name}.{os.getpid()}")
    aside.write_text(text, encoding="utf-8")
    aside.replace(file)


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Dagster's instance for the command line, with the runs of killed processes ended.

    Raises:
        DatabaseError: DAGSTER_PG_URL is none, or nobody answers there.
    """
    if url := os.environ.get(PG_URL):
        # Dagster itself would try six times and then show where in its code it gave up.
        with external("Dagster's database, DAGSTER_PG_URL", url).connect():
            pass
    home = str(prepare_dagster_home(settings))
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(home, overrides=NO_CAPTURE)) as instance:
        keep_connections(instance)
        end_killed_runs(instance)
        yield instance


def process_tags() -> dict[str, str]:
    """Which process executes a run, so that a later one can tell that it died.

    Dagster cannot start such a run again, because it does not know where the code is, and is told
    not to promise it.
    """
    return {
        PROCESS_TAG: f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}",
        MAX_RETRIES_TAG: "0",
    }


def end_killed_runs(instance: dg.DagsterInstance) -> list[str]:
    """Marks runs of this machine's dead processes as failed and frees their place in the pool.

    Without it a run that was killed would hold its pool for ever where no daemon is running.
    """
    ended = []
    for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)):
        host, _, process = run.tags.get(PROCESS_TAG, "").partition(":")
        pid, _, started = process.partition(":")
        if host != socket.gethostname() or _started(int(pid)) == started:
            continue
        instance.report_run_failed(run, f"The process {pid} that executed the run has died.")
        ended.append(run.run_id)
    if ended and instance.event_log_storage.supports_global_concurrency_limits:
        for run_id in ended:
            instance.event_log_storage.free_concurrency_slots_for_run(run_id)
    return ended


def _started(pid: int) -> str:
    """When a process started, in a form to compare; empty when there is none.

    A number may be another process' by now: its start tells them apart.
    """
    try:
        # Field 22, counted after the command, which may hold blanks and parentheses itself.
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[19]
    except FileNotFoundError:
        pass
    if Path("/proc/self").exists():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "alive"
