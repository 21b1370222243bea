"""Where alerts go: to whatever Apprise reaches (mail, chat, webhook), or to the log.

What is worth an alert is decided above. A URL holds a secret, so no message names more of it than
its kind.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rfm_platform.errors import PlatformError

_log = logging.getLogger(__name__)


class NotificationError(PlatformError):
    """No receiver took a message: it is still to be sent."""


@dataclass(frozen=True)
class Notifier:
    """Sends messages.

    Attributes:
        urls: Apprise URLs; none: messages go to the log.
    """

    urls: Sequence[str] = field(default=(), repr=False)

    def send(self, title: str, body: str) -> None:
        """Sends a message to every receiver.

        A receiver that cannot be reached is logged: the others have the message.

        Raises:
            NotificationError: none could be reached.
        """
        if not self.urls:
            _log.warning("%s\n%s", title, body)
            return
        from apprise import (  # noqa: PLC0415 - 100 services that a process without an alert skips
            Apprise,
            NotifyFormat,
            OverflowMode,
        )

        failed = []
        for url in self.urls:
            kind, separator, _ = url.partition("://")
            if not separator:  # a password with a blank, say
                failed.append("one without ://")
                continue
            with _silent("apprise"):  # what it cannot read it logs whole
                service = Apprise.instantiate(url)
            if service is None:
                failed.append(kind)
                continue
            if service.overflow_mode == OverflowMode.UPSTREAM:
                # Chats refuse what is longer than they take: it is several messages there.
                service.overflow_mode = OverflowMode.SPLIT
            receiver = Apprise()
            receiver.add(service)
            if not receiver.notify(title=title, body=body, body_format=NotifyFormat.TEXT):
                failed.append(kind)
        if len(failed) == len(self.urls):
            raise NotificationError(
                f"No receiver in RFM_ALERT_URLS took the alert ({', '.join(failed)})"
            )
        if failed:
            _log.error("An alert could not be delivered by %s", ", ".join(failed))


@contextmanager
def _silent(name: str) -> Iterator[None]:
    """Without a word of some logger."""
    logger = logging.getLogger(name)
    was = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = was
