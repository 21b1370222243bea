"""The platform's parts, put together from the settings."""

from rfm_platform.wiring.platform import (
    Platform,
    build_platform,
    source_database,
    warehouse_database,
)

__all__ = ["Platform", "build_platform", "source_database", "warehouse_database"]
