"""What a month or a snapshot was built from, and how: while that is the same, so is the result."""

import datetime as dt
import hashlib
from collections.abc import Iterable

from rfm_platform.engine import SqlSession, read_sql
from rfm_platform.lake import Partition

# What a month's rows depend on. Whichever engine ran them, they are the same.
_MONTH_STEPS = (
    "month_orders",
    "month_skus",
    "month_sku_lists",
    "customer_skus",
    "customer_sku_texts",
    "aggregated_monthly",
)
# And what a snapshot's rows depend on beside them.
_CUSTOMER_STEPS = (
    "repeated_customers",
    "repeated_months",
    "merged_customers",
    "final_user_analysis",
)
# What stands between how and from what.
_FROM = " from "


def built_months(session: SqlSession) -> dict[dt.date, str]:
    """What each month in ``aggregated_monthly`` of a session was built from."""
    return dict(session.rows(read_sql(__package__, "built_months")))


def built_from(days: Iterable[Partition]) -> str:
    """Identifies what a month was built from: its days, and how."""
    return digest(_recipe(*_MONTH_STEPS), *(day.token for day in days))


def customers_recipe(table: str | None) -> str:
    """Identifies how a snapshot of customers is computed today, and from which source_orders."""
    return f"{_recipe(*_CUSTOMER_STEPS, *_MONTH_STEPS)}{_FROM}{table}"


def made_from(recipe: str) -> str | None:
    """Identifies the source_orders of a snapshot with such a recipe; None: it does not say."""
    return recipe.partition(_FROM)[2] or None


def _recipe(*names: str) -> str:
    return digest(*(read_sql(__package__, name) for name in names))


def digest(*texts: str) -> str:
    """Identifies texts: equal as long as they are."""
    return hashlib.md5("\n".join(texts).encode(), usedforsecurity=False).hexdigest()
