"""Which snapshots of a table stay."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from rfm_platform.calendar import last_day


@dataclass(frozen=True)
class Retention:
    """The newest days stay, and every month's last day.

    Attributes:
        newest: the newest snapshot that is published; None: there is none.
        days: how many days stay, up to the newest.
    """

    newest: dt.date | None
    days: int

    def dropped(self, dates: Iterable[dt.date]) -> list[dt.date]:
        """Those of some snapshots that do not stay, in their order."""
        newest = self.newest
        if newest is None:
            return []
        return [
            date for date in dates if (newest - date).days >= self.days and date != last_day(date)
        ]
