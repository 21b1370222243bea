"""What customers will do next, by day, and how good such a forecast was 90 days ago.

Where the data do not carry a forecast there are no rows, and the materialization says why.
"""

import datetime as dt

import dagster as dg

from rfm_platform import catalog
from rfm_platform.assets.definition import customer_asset, report_snapshot
from rfm_platform.assets.stopped import refuse_stopped_days
from rfm_platform.customers.forecast import Basis
from rfm_platform.partitions import days_of
from rfm_platform.presentation import column_lineage, describe, table_of
from rfm_platform.wiring import Platform

KINDS = {"duckdb", "scipy", "deltalake", "postgres"}


def forecast_assets(daily: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Forecast and back-test over the given days."""

    @customer_asset(
        daily,
        deps=["source_orders", "rfm_scores"],
        kinds=KINDS,
        description="Expected orders of each customer, and the probability of any, in the 90 days "
        "after the day: a BG/NBD model of all purchase days up to it.",
        metadata=describe(catalog.next_purchase_snapshots),
    )
    def next_purchase(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        refuse_stopped_days(context, platform, days_of(context)[-1])
        for day in days_of(context):
            basis = platform.forecasts.forecast(day)
            kept = platform.publisher.publish_analyses(day, "next_purchase")
            table = platform.lake.next_purchase
            report_snapshot(context, day, table, kept=kept, **basis.facts())
            _warn(context, day, basis)
        return dg.MaterializeResult(metadata=column_lineage("next_purchase"))

    @customer_asset(
        daily,
        deps=["source_orders", "rfm_scores"],
        kinds=KINDS,
        description="The forecast of 90 days before the day against what happened since, by decile "
        "of forecast, with its errors and those of two naive forecasts.",
        metadata=describe(catalog.next_purchase_backtest_snapshots),
    )
    def next_purchase_backtest(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        refuse_stopped_days(context, platform, days_of(context)[-1])
        for day in days_of(context):
            basis = platform.forecasts.backtest(day)
            deciles = table_of(platform.forecasts.deciles(day))
            kept = platform.publisher.publish_analyses(day, "next_purchase_backtest")
            table = platform.lake.next_purchase_backtest
            report_snapshot(context, day, table, kept=kept, deciles=deciles, **basis.facts())
            _warn(context, day, basis)
        return dg.MaterializeResult(metadata=column_lineage("next_purchase_backtest"))

    return [next_purchase, next_purchase_backtest]


def _warn(context: dg.AssetExecutionContext, day: dt.date, basis: Basis) -> None:
    if basis.withheld:
        context.log.warning(f"as of {day} nothing is told: {basis.withheld}")
