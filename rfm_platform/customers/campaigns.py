"""The campaign calendar: what ran when, where, and for whom, read from a YAML file.

A marketer edits the file, so every mistake is named by its campaign and field. A list of targeted
customers is a file of its own beside it, CSV or Parquet with the columns ``marketplace`` and
``user_id``, which is what ``rfm audience`` writes; its path counts from the calendar's directory.
Whether it is there is not looked at here (campaign_lists.py). What a campaign changed is computed
elsewhere (campaign_effect.py).
"""

import datetime as dt
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rfm_platform.errors import PlatformError
from rfm_platform.yaml_file import read_yaml

CUSTOMER_FILES = (".csv", ".parquet")


class CampaignsError(PlatformError):
    """A calendar that cannot be used: which file, which campaign, which field."""


class Campaign(BaseModel):
    """A campaign.

    Attributes:
        start, end: first and last day.
        marketplaces, shops: who has ordered there is in its scope; None: everywhere.
        customers: file of the customers it targets; None: everybody in its scope.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    name: str = Field(min_length=1)
    start: dt.date
    end: dt.date
    marketplaces: tuple[str, ...] | None = Field(None, min_length=1)
    shops: tuple[str, ...] | None = Field(None, min_length=1)
    customers: Path | None = None

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> "Campaign":
        if self.end < self.start:
            raise ValueError("end: lies before start")
        if self.customers is not None and self.customers.suffix not in CUSTOMER_FILES:
            raise ValueError(f"customers: {self.customers.name} is no .csv or .parquet file")
        return self

    @property
    def length(self) -> dt.timedelta:
        """How long it ran; the windows before and after are as long."""
        return self.end - self.start + dt.timedelta(days=1)

    @property
    def before(self) -> dt.date:
        """First day of the window before it."""
        return self.start - self.length

    @property
    def after(self) -> dt.date:
        """Last day of the window after it."""
        return self.end + self.length


def load_campaigns(path: Path | None) -> list[Campaign]:
    """The campaigns of a YAML file, in its order; without a file, none.

    Raises:
        CampaignsError: with everything that is wrong with the file.
    """
    if path is None:
        return []
    campaigns: list[Campaign] = []
    problems: list[str] = []
    for number, entry in enumerate(_entries(path), 1):
        where = f"campaign {_name(entry) or number}"
        try:
            campaign = Campaign.model_validate(entry)
        except ValidationError as error:
            problems += [
                f"{where}: {_problem(each['loc'], each['msg'])}" for each in error.errors()
            ]
            continue
        if campaign.name in {other.name for other in campaigns}:
            problems.append(f"{where}: name: is there twice")
        if campaign.customers is not None:
            campaign = campaign.model_copy(update={"customers": path.parent / campaign.customers})
        campaigns.append(campaign)
    if problems:
        raise CampaignsError(f"{path}: {'; '.join(problems)}")
    return campaigns


def _entries(path: Path) -> list[object]:
    content = read_yaml(path, CampaignsError)
    entries = content.get("campaigns") if isinstance(content, dict) else None
    if not isinstance(entries, list) or set(content) != {"campaigns"}:
        raise CampaignsError(f"{path}: must be one list named campaigns")
    return entries


def _name(entry: object) -> str | None:
    name = entry.get("name") if isinstance(entry, dict) else None
    return name if isinstance(name, str) else None


def _problem(place: tuple[int | str, ...], message: str) -> str:
    text = message.removeprefix("Value error, ")
    return f"{'.'.join(map(str, place))}: {text}" if place else text
