"""From the mart into the lake: the two source tables, and source_orders, a day's lines."""

from typing import Any

import dagster as dg

from rfm_platform import catalog
from rfm_platform.assets.definition import customer_asset
from rfm_platform.partitions import days_of
from rfm_platform.presentation import (
    FINGERPRINT,
    OWNERS,
    PERSONAL_DATA,
    ROW_COUNT,
    column_lineage,
    describe,
)
from rfm_platform.reconcile.sides import fingerprint, totals_read
from rfm_platform.wiring import Platform

lines_table = dg.AssetSpec(
    catalog.flatten_order_marketplace.name,
    description=catalog.flatten_order_marketplace.comment,
    group_name="data_mart",
    kinds={"postgres"},
    owners=OWNERS,
    metadata=describe(catalog.flatten_order_marketplace),
)
orders_table = dg.AssetSpec(
    catalog.order_marketplace.name,
    description=catalog.order_marketplace.comment,
    group_name="data_mart",
    kinds={"postgres"},
    owners=OWNERS,
    tags={PERSONAL_DATA: "true"},
    metadata=describe(catalog.order_marketplace),
)


def source_assets(daily: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The two source tables and the asset that reads them, over the given days."""

    @customer_asset(
        daily,
        deps=[lines_table, orders_table],
        kinds={"duckdb", "deltalake"},
        tags={PERSONAL_DATA: "true"},
        description="The day's order lines with their order's recipient, as the mart holds them. "
        "Loading a day again replaces it, whole.",
        metadata=describe(catalog.source_orders),
    )
    def source_orders(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        days = days_of(context)
        totals: list[dict[str, Any]] = []
        platform.transforms.extract(
            platform.mart,
            days[0],
            days[-1],
            progress=lambda day: context.log.info(f"read up to {day}"),
            observe=lambda session: totals.extend(totals_read(session)),
        )
        for day in days:
            mine = [row for row in totals if row["day"] == day]
            context.add_asset_metadata(
                {
                    ROW_COUNT: sum(row["lines"] for row in mine),
                    "orders": sum(row["orders"] for row in mine),
                    FINGERPRINT: fingerprint(totals, day),
                },
                partition_key=day.isoformat(),
            )
        return dg.MaterializeResult(metadata=column_lineage("source_orders"))

    return [lines_table, orders_table, source_orders]
