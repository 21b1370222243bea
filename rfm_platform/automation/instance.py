"""Dagster's own storage: one file for a laptop, a virtual machine and the tests.

``dagster.yaml`` cannot choose its storage by whether a variable is set, so it names `HomeStorage`,
which does: PostgreSQL when DAGSTER_PG_URL is set, else SQLite in the platform's home. So the
command line, ``rfm ui`` and a bare ``dagster dev`` all see the same runs.
"""

import fcntl
import os
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
from rfm_platform.processes import end_killed_runs
from rfm_platform.settings import Settings, load_settings

CONFIG_FILE = Path(__file__).parents[2] / "dagster.yaml"
PG_URL = "DAGSTER_PG_URL"
HOME = "DAGSTER_HOME"
BATCH = "DAGSTER_EVENT_BATCH_SIZE"
# What a step prints goes to the terminal. To keep it too, Dagster starts four helper processes a
# run, which Ctrl-C reaches as well: each died with a stack.
NO_CAPTURE: dict[str, Any] = {
    "compute_logs": {
        "module": NoOpComputeLogManager.__module__,
        "class": NoOpComputeLogManager.__name__,
    }
}


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
