"""What all assets of the chain have in common."""

from collections.abc import Callable
from typing import Any

import dagster as dg

from rfm_platform.partitions import BACKFILL
from rfm_platform.presentation import GROUP, OWNERS

Decorator = Callable[[Callable[..., dg.MaterializeResult[None]]], dg.AssetsDefinition]
POOL = "rfm"  # one writer at a time


def customer_asset(daily: dg.DailyPartitionsDefinition, **arguments: Any) -> Decorator:
    """`dagster.asset` by day, one run for a range, one run at a time.

    Args:
        daily: the partitions.
        arguments: as for `dagster.asset`.
    """
    decorator: Decorator = dg.asset(
        partitions_def=daily,
        backfill_policy=BACKFILL,
        pool=POOL,
        group_name=GROUP,
        owners=OWNERS,
        code_version="1",
        **arguments,
    )
    return decorator
