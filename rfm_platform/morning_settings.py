"""The variables of every morning, what is unusual in one, and whom to tell: a part of `Settings`,
which reads them.
"""

import datetime as dt
from pathlib import Path
from typing import Literal

from pydantic import Field, FiniteFloat, SecretStr, model_validator
from pydantic_settings import BaseSettings

from rfm_platform.setting_types import LocalTime

# A day is held against those of so many weeks before it, which hold as many of its weekday: a month
# of special days still leaves enough ordinary ones.
WEEKS_COMPARED = 12


class MorningSettings(BaseSettings):
    """When runs start and have to be done, how days are held against earlier ones, alerts."""

    schedules: bool = Field(
        True, description="Whether schedules and alerts run without being switched on."
    )
    daily_at: LocalTime = Field(
        dt.time(2, 30), description="When every morning's run starts, local time."
    )
    whole_history_on: Literal[
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
    ] = Field(
        "sunday",
        description="When all days are looked at for late changes, an hour after every morning's "
        "run.",
    )
    deadline: LocalTime = Field(
        dt.time(6, 0), description="When the day before has to be published, local time."
    )
    season_file: Path | None = Field(
        None, description="Your own calendar of special days. Unset: the one that comes along."
    )
    drift_spread: FiniteFloat = Field(
        5.0, gt=0, description="A day is unusual so many robust standard deviations off."
    )
    drift_change: FiniteFloat = Field(
        0.3, ge=0, description="Smaller changes of counts, amounts and thresholds are ignored."
    )
    drift_points: FiniteFloat = Field(
        0.03, ge=0, description="Smaller changes of shares are ignored."
    )
    drift_history: int = Field(
        4,
        ge=3,
        le=WEEKS_COMPARED,
        description="Comparable earlier days that a day needs to be judged.",
    )
    drift_orders: int = Field(
        50, ge=1, description="Orders a day that a shop or marketplace needs to be judged."
    )
    stability: FiniteFloat = Field(
        0.25, gt=0, description="Population stability index above which segments have shifted."
    )
    alert_urls: SecretStr | None = Field(
        None, description="Apprise URLs that alerts go to, with blanks between. Unset: the log."
    )
    ui_url: str | None = Field(None, description="Dagster's address, for links in alerts.")

    @model_validator(mode="after")
    def _deadline_comes_after_the_run(self) -> "MorningSettings":
        if self.deadline <= self.daily_at:
            raise ValueError(
                f"RFM_DEADLINE ({self.deadline:%H:%M}) must come after RFM_DAILY_AT "
                f"({self.daily_at:%H:%M}) on the same day, for the morning to have a chance"
            )
        return self
