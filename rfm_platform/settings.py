"""Every ``RFM_*`` variable, typed, in one place.

A value comes from the environment, else from ``rfm.env`` in the home directory (written by
``rfm demo``, so that a home knows the days that it holds), else from the default. Nothing else in
the project reads the environment.
"""

import datetime as dt
import logging
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableError

from rfm_platform.bi_settings import BiSettings
from rfm_platform.errors import PlatformError
from rfm_platform.home import PREFIX, mistyped, problems_of_file
from rfm_platform.mart_settings import MartSettings
from rfm_platform.morning_settings import MorningSettings
from rfm_platform.setting_types import Days, SparkRemote, StoreUrl, TablesDirectory, Zone

HOME_FILE = "rfm.env"
_log = logging.getLogger(__name__)
# The share of the machine's (or container's) memory that the engine may use. The rest is for
# Dagster, the Parquet writer's buffers and the embedded server.
MEMORY_SHARE = 0.25


class SettingsError(PlatformError):
    """A variable that cannot be used: its name, what is wrong with it, never its value."""


class Settings(MartSettings, MorningSettings, BiSettings):
    """The platform's configuration. Each field is the variable ``RFM_<NAME>``."""

    # An empty text is no value: Kubernetes' Secrets hold it where there is nothing.
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True
    )

    home: TablesDirectory = Field(
        Path(".rfm"), description="Where the lake, the embedded server and Dagster's storage lie."
    )
    lake_url: StoreUrl | None = Field(
        None,
        description="The lake's tables in an object store, `s3://bucket/prefix` (or `gs://`, "
        "`az://`); credentials as the cloud's own variables. Unset: `lake` in the home.",
    )
    warehouse_url: SecretStr | None = Field(
        None, description="The warehouse, `postgresql://…`. Unset: the embedded server."
    )
    start_date: dt.date = Field(
        dt.date(2024, 1, 1),
        ge=dt.date(1970, 1, 1),  # months are counted from there
        description="First partition: the first local day that is loaded.",
    )
    end_date: dt.date | None = Field(
        None, description="Last partition. Unset: yesterday, moving on every day."
    )
    timezone: Zone = Field(
        "Asia/Jakarta", description="The zone whose midnight separates two days."
    )
    warehouse_connections: int = Field(
        2, ge=1, description="Months that are published at once, a connection each."
    )
    engine: Literal["duckdb", "spark"] = Field(
        "duckdb",
        description="Who computes months, customers, scores, cohorts and analyses: `duckdb` in "
        "this process, or `spark`, a Spark Connect server (extra `spark`).",
    )
    spark_remote: SparkRemote | None = Field(
        None,
        description="The Spark Connect server, `sc://host:port`, which sees the lake under the "
        "same path. Unset: an embedded Sail server.",
    )
    memory_limit_mb: int | None = Field(
        None,
        ge=64,
        description="Memory of the engine. Unset: a quarter of the machine's or container's.",
    )
    threads: int | None = Field(None, ge=1, description="Threads of the engine. Unset: all cores.")
    spill_directory: TablesDirectory | None = Field(
        None, description="Where the engine spills to. Unset: `spill` in the home."
    )
    quartiles: Literal["all", "marketplace"] = Field(
        "all", description="RFM thresholds over `all` customers, or one set per `marketplace`."
    )
    segments_file: Path | None = Field(
        None, description="Your own segments and actions. Unset: the ones that come along."
    )
    campaigns_file: Path | None = Field(
        None, description="Your campaign calendar. Unset: no campaign is evaluated."
    )
    campaign_min_customers: int = Field(
        50, ge=2, description="Matched customers of each side that an effect needs."
    )
    analyses: bool = Field(
        True, description="Whether every snapshot gets its analyses, its forecast and its report."
    )
    keep_days: Days = Field(
        7, ge=1, description="Daily snapshots kept in the warehouse, beside every month's last."
    )
    keep_versions_days: Days = Field(
        30, ge=1, description="Earlier versions of the lake's tables that stay readable."
    )
    keep_logs_days: Days = Field(
        90, ge=1, description="Logs of runs that stay. What is about assets always stays."
    )
    lookback_days: Days = Field(
        60, ge=0, description="Days before the newest that every morning looks at for late changes."
    )

    min_customers: int = Field(
        30, ge=1, description="A marketplace or shop with fewer customers is not segmented."
    )
    min_days: int = Field(28, ge=1, description="Nor is anything before so many days of orders.")
    min_cell: int = Field(
        5, ge=2, description="The report hides cells of fewer customers, and what gives them away."
    )
    report_shops: int = Field(20, ge=0, description="Largest shops that the report can show alone.")
    currency: str = Field(
        "IDR", pattern="^[A-Z]{3}$", description="Base currency of amounts, as ISO 4217 calls it."
    )
    currency_decimals: int = Field(
        0, ge=0, le=4, description="Decimals that amounts carry as whole numbers; cents: 2."
    )

    @model_validator(mode="after")
    def _a_lake_that_its_engine_sees(self) -> "Settings":
        if self.lake_url is not None and self.engine == "spark":
            raise ValueError(
                "RFM_ENGINE=spark and RFM_LAKE_URL do not go together yet: a Spark server reads "
                "and writes a lake in a directory. Unset one of them"
            )
        return self

    @model_validator(mode="after")
    def _a_spark_server_that_is_used(self) -> "Settings":
        if self.spark_remote is not None and self.engine != "spark":
            raise ValueError(
                "RFM_SPARK_REMOTE is set and RFM_ENGINE is not spark, so no server would be asked: "
                "set RFM_ENGINE=spark, or unset RFM_SPARK_REMOTE"
            )
        return self

    @model_validator(mode="after")
    def _dates_in_order(self) -> "Settings":
        if self.end_date is not None and self.end_date < self.start_date:
            raise ValueError("RFM_END_DATE lies before RFM_START_DATE")
        return self

    @field_validator("*")
    @classmethod
    def _one_place(cls, value: object) -> object:
        """A path means the same to whoever is started elsewhere."""
        return value.absolute() if isinstance(value, Path) else value

    @property
    def quartiles_per_marketplace(self) -> bool:
        return self.quartiles == "marketplace"

    @property
    def lake(self) -> Path:
        """The lake's directory; with `lake_url` nothing but the reports lies there."""
        return self.home / "lake"

    @property
    def spark_sessions(self) -> Path:
        """Where a Spark Connect server and this process hand files to each other."""
        return self.lake / "spark_sessions"

    @property
    def spill(self) -> Path:
        return self.spill_directory or self.home / "spill"

    @property
    def memory_limit(self) -> int:
        """Bytes that the engine may use."""
        if self.memory_limit_mb is not None:
            return self.memory_limit_mb * 1_000_000
        return int(available_memory() * MEMORY_SHARE)


def available_memory() -> int:
    """Bytes of memory that this process may use: the container's limit, else the machine's."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [machine]
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            limits.append(int(Path(path).read_text(encoding="ascii")))
        except (OSError, ValueError):  # not in a container, or "max"
            continue
    return min(limits)


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """The settings of this process, read once.

    Raises:
        SettingsError: a variable has a value that cannot be used.
    """
    settings = read_settings(Path(os.environ.get(f"{PREFIX}HOME") or ".rfm").absolute())
    for name, nearest in mistyped(os.environ, _names()).items():
        _log.warning("%s is no setting and is not read; %s is", name, nearest)
    return settings


def set_in_environment(*names: str) -> list[str]:
    """Those of some variables that have a value in the environment, which goes before the file."""
    present = {name.upper() for name, value in os.environ.items() if value}
    return [name for name in names if name in present]


def _names() -> set[str]:
    """The variables that are read."""
    return {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}


def read_settings(home: Path, **overrides: Any) -> Settings:
    """The settings of a home directory: overrides, environment, ``rfm.env``, defaults."""
    if wrong := problems_of_file(home / HOME_FILE, _names()):
        raise SettingsError("; ".join(wrong))
    try:
        # pydantic's mypy plugin does not know _env_file's companions
        return Settings(_env_file=home / HOME_FILE, home=home, **overrides)
    except UnreadableError as error:
        # Its message names the field; its cause would quote the value.
        name = re.search(r'field "([^"]+)"', str(error))
        variable = f"{PREFIX}{name[1].upper()}" if name else "a variable"
        raise SettingsError(f"{variable} is no JSON") from None
    except ValidationError as error:
        raise SettingsError("; ".join(map(_sentence, error.errors()))) from None


def _sentence(error: ErrorDetails) -> str:
    """What is wrong, after the variable's name; of several variables together the text names them.

    Never the value: what pydantic says of a type or a bound has none.
    """
    name = ".".join(map(str, error["loc"])).upper()
    said = error["msg"].removeprefix("Value error, ")
    return f"{PREFIX}{name}: {said}" if name else said
