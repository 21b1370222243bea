"""The calendar of days that are not like other days, read from a YAML file that people edit."""

import datetime as dt
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rfm_platform.errors import PlatformError
from rfm_platform.yaml_file import as_model, read_yaml


class SeasonError(PlatformError):
    """A calendar file that cannot be used: which file, which entry."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: str = Field(min_length=1)
    alike: bool = False
    dates: list[str] = Field(default_factory=list)
    days_of_month: list[Annotated[int, Field(ge=1, le=31)]] = Field(default_factory=list)
    first: dt.date | None = Field(None, alias="from")
    last: dt.date | None = Field(None, alias="to")

    @model_validator(mode="after")
    def _says_when(self) -> "_Entry":
        for date in self.dates:
            if not _is_day_of_a_year(date):
                raise ValueError(f"dates: {date} is no day of a year such as 12-31")
        ways = [bool(self.dates), bool(self.days_of_month), self.first is not None]
        if sum(ways) != 1 or (self.first is None) != (self.last is None):
            raise ValueError("needs one of: dates, days_of_month, or from and to")
        if self.first is not None and self.last is not None and self.last < self.first:
            raise ValueError("to: lies before from")
        return self

    def fits(self, day: dt.date) -> bool:
        if self.first is not None and self.last is not None:
            return self.first <= day <= self.last
        return f"{day:%m-%d}" in self.dates or day.day in self.days_of_month


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: int
    days: list[_Entry]


@dataclass(frozen=True)
class Season:
    """Which days are special."""

    entries: tuple[_Entry, ...]

    def kind(self, day: dt.date) -> str | None:
        """The name of the first entry that a day fits; None: an ordinary day."""
        return next((entry.name for entry in self.entries if entry.fits(day)), None)

    def is_excused(self, day: dt.date) -> bool:
        """Whether a day is not compared at all."""
        entry = next((entry for entry in self.entries if entry.fits(day)), None)
        return entry is not None and not entry.alike

    def are_alike(self, day: dt.date, earlier: dt.date) -> bool:
        """Whether a day may be held against an earlier one."""
        kind = self.kind(day)
        if kind != self.kind(earlier):
            return False
        return kind is not None or day.weekday() == earlier.weekday()


def load_season(path: Path | None = None) -> Season:
    """Reads a calendar file; without a path, the one that comes along.

    Raises:
        SeasonError: the file cannot be read, or an entry says nothing usable.
    """
    source = path or resources.files(__package__).joinpath("season.yaml")
    content = read_yaml(source, SeasonError)
    return Season(tuple(as_model(content, _File, source, SeasonError).days))


def _is_day_of_a_year(text: str) -> bool:
    try:
        return f"{dt.date.fromisoformat(f'2024-{text}'):%m-%d}" == text
    except ValueError:
        return False
