"""What a campaign's rows are computed from, in one text: as long as it is the same, so are they.

Most mornings change nothing that an old campaign was judged by, so its rows are taken from an
earlier snapshot instead of scoring everybody as of its day again.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from rfm_platform.customers.built import digest
from rfm_platform.customers.campaign_lists import listed
from rfm_platform.customers.campaigns import Campaign
from rfm_platform.customers.segments import Segments
from rfm_platform.lake import Partition


@dataclass(frozen=True)
class CampaignInputs:
    """Everything that judging campaigns as of a day depends on.

    Attributes:
        as_of: the day.
        days: of source_orders, up to the day, in order.
        campaigns: the whole calendar: others may have reached the same customers.
        segments: the segment table.
        min_customers, per_marketplace: the settings.
    """

    as_of: dt.date
    days: Sequence[Partition]
    campaigns: Sequence[Campaign]
    segments: Segments
    min_customers: int
    per_marketplace: bool

    def near(self, campaign: Campaign) -> list[int]:
        """By which of the calendar's campaigns one is judged: it, and those within its windows.

        As long as the window after it is not over, it is judged without that.
        """
        counted = self._counted(campaign)
        return [
            n
            for n, other in enumerate(self.campaigns)
            if other.end >= campaign.before and other.start <= counted
        ]

    def _counted(self, campaign: Campaign) -> dt.date:
        return campaign.after if campaign.after <= self.as_of else campaign.end

    def digest(self, campaign: Campaign) -> str:
        """Identifies what one of the campaigns is judged by.

        No input are orders after windows that are over, and campaigns beyond those windows.

        Raises:
            NoListError: its list of customers cannot be read, or that of a campaign near it.
        """
        counted = self._counted(campaign)
        near = [self.campaigns[n] for n in self.near(campaign)]
        inputs = (
            _code(),
            campaign,
            campaign.after <= self.as_of,
            [(other, listed(other)) for other in near],
            [day.token for day in self.days if day.value <= counted],
            self.days[0].value,
            sorted(self.segments.cells.items()),
            self.min_customers,
            self.per_marketplace,
        )
        return digest(repr(inputs))


@cache
def _code() -> str:
    """Identifies the modules and queries that compute the rows; a few queries more do no harm."""
    package = resources.files(__package__)
    names = (
        *("campaigns.py", "campaign_lists.py", "campaign_reach.py", "campaign_effect.py"),
        *("campaign_comparison.py", "balance.py", "difference.py"),
    )
    queries = [
        file
        for file in package.joinpath("sql").iterdir()
        if file.name.startswith(("campaign_", "customer_days", "rfm_"))
    ]
    files = [*(package.joinpath(name) for name in names), *sorted(queries, key=lambda f: f.name)]
    return digest(*(file.read_text("utf-8") for file in files))
