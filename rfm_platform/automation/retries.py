"""When to try again to send what nobody took.

A receiver that is down for a while gets its message once it answers. One that takes a message and
says that it did not, such as a chat of two rooms of which one is closed, would get it every minute
otherwise, for ever; so sending is given up after a day, and what is new then has its turn.
"""

import datetime as dt
from dataclasses import dataclass

LONGEST_MINUTES = 60
MOST_FAILURES = 30  # an hour for the first six, then a day


@dataclass(frozen=True)
class Retry:
    """How often sending has failed in a row, and when it is tried again.

    Attributes:
        failed: times; 0: the last message was taken.
        at: seconds since 1970, before which it is not tried.
    """

    failed: int = 0
    at: float = 0

    def later(self, now: dt.datetime) -> "Retry":
        """After one more failure: at the next tick, then after 1, 3, 7 … minutes, at last 60."""
        minutes = min(2 ** min(self.failed, 10) - 1, LONGEST_MINUTES)
        return Retry(self.failed + 1, now.timestamp() + 60 * minutes)

    def is_due(self, now: dt.datetime) -> bool:
        """Whether to try (again). A clock that was set back does not put it off."""
        return not 0 < self.at - now.timestamp() <= 60 * LONGEST_MINUTES

    @property
    def is_given_up(self) -> bool:
        """Whether it has failed too often."""
        return self.failed >= MOST_FAILURES

    def describe(self) -> str:
        """For a person."""
        at = dt.datetime.fromtimestamp(self.at, dt.UTC)
        return f"Sending has failed {self.failed} times; tried again from {at:%H:%M} UTC."


NO_RETRY = Retry()  # the last message was taken
