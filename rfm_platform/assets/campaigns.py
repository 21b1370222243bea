"""What campaigns changed, by day: only those that the calendar holds and that are over."""

import dagster as dg

from rfm_platform import catalog
from rfm_platform.assets.definition import customer_asset, report_snapshot
from rfm_platform.assets.stopped import refuse_stopped_days
from rfm_platform.customers.campaign_lists import without_list
from rfm_platform.partitions import days_of
from rfm_platform.presentation import column_lineage, describe, table_of
from rfm_platform.wiring import Platform


def campaign_assets(daily: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The evaluation of campaigns over the given days."""

    @customer_asset(
        daily,
        deps=["source_orders"],
        kinds={"duckdb", "deltalake", "postgres"},
        description="What each campaign that is over changed in existing customers' orders, "
        "against customers like them that it did not reach: difference in differences during and "
        "after it, with a confidence interval, or why there is no answer.",
        metadata=describe(catalog.campaign_effect_snapshots),
    )
    def campaign_effect(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        refuse_stopped_days(context, platform, days_of(context)[-1])
        campaigns = platform.campaigns()
        for day in days_of(context):
            begun = [campaign for campaign in campaigns if campaign.start <= day]
            for problem in without_list(begun):
                context.log.warning(
                    f"{problem}: what was judged by it before stays as it was found"
                )
            odd: list[str] = []
            over = platform.campaign_effects.evaluate(
                day, campaigns, platform.segments(), odd.append
            )
            for problem in odd:
                context.log.warning(problem)
            kept = platform.publisher.publish_analyses(day, "campaign_effect")
            said = f"{over} of {len(campaigns)} are over"
            report_snapshot(
                context,
                day,
                platform.lake.campaign_effect,
                kept=kept,
                campaigns=said if campaigns else "no calendar: RFM_CAMPAIGNS_FILE",
                calendar="; ".join(odd) or "nothing odd about what was judged anew",
                effects=table_of(platform.campaign_effects.overview(day)),
            )
        return dg.MaterializeResult(metadata=column_lineage("campaign_effect"))

    return [campaign_effect]
