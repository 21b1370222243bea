"""Homes in which nothing ever ran: who only looks makes nothing there, the name may be mistyped."""

from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.settings import Settings

NOTHING = "There is nothing to show yet: run `rfm demo`, or `rfm materialize --from … --to …`."


def has_warehouse(settings: Settings) -> bool:
    """Whether there is one to ask; to ask the embedded server would make it."""
    made = EmbeddedServer(settings.home).status().version is not None
    return made or settings.warehouse_url is not None


def is_untouched(settings: Settings) -> bool:
    """Whether no run and no server was ever in the home, and no other warehouse is set."""
    return not has_warehouse(settings) and not (settings.home / "dagster").exists()
