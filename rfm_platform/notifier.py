"""Where alerts go: to whatever Apprise reaches (mail, chat, webhook), or to the log.

What is worth an alert is decided above. A URL holds a secret, so no message names more of it than
its kind.
"""

import logging
from collections.abc import Sequence
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
        # Every process makes a notifier and few ever send: they do not load Apprise's 100 services.
        from apprise import Apprise, NotifyFormat  # noqa: PLC0415

        failed = []
        for url in self.urls:
            receiver = Apprise()
            kind, separator, _ = url.partition("://")
            if not separator:  # a password with a blank, say: Apprise would log it whole
                failed.append("one without ://")
                continue
            delivered = receiver.add(url) and receiver.notify(
                title=title, body=body, body_format=NotifyFormat.TEXT
            )
            if not delivered:
                failed.append(kind)
        if len(failed) == len(self.urls):
            raise NotificationError(
                f"No receiver in RFM_ALERT_URLS took the alert ({', '.join(failed)})"
            )
        if failed:
            _log.error("An alert could not be delivered by %s", ", ".join(failed))
