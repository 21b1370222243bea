"""Dashboards in Redash, brought to their declaration after the tables that they show."""

from collections.abc import Sequence

import dagster as dg

from rfm_platform.assets.definition import customer_asset
from rfm_platform.dashboards.check_results import publish_check_results
from rfm_platform.outcomes import check_results
from rfm_platform.partitions import days_of
from rfm_platform.presentation import table_of
from rfm_platform.wiring import Platform
from rfm_platform.wiring.redash import provisioner


class RedashConfig(dg.Config):
    """`overwrite`: whether edits by people in Redash are undone."""

    overwrite: bool = False


def redash_assets(
    daily: dg.DailyPartitionsDefinition, checks: Sequence[dg.AssetCheckSpec]
) -> list[dg.AssetsDefinition]:
    """The dashboards. Redash is one and shows any day: the days only say after which it was done.

    Args:
        checks: those whose verdicts are shown.
    """

    @customer_asset(
        daily,
        deps=["rfm_segments", "rfm_migration", "cohort_retention", "customer_report"],
        kinds={"redash"},
        description="Queries, charts, dashboards and alerts in Redash, as they are declared; what "
        "people edited there is told and left alone. The checks' verdicts go to "
        "rfm.check_results for them.",
    )
    def redash_dashboards(
        context: dg.AssetExecutionContext,
        config: RedashConfig,
        platform: dg.ResourceParam[Platform],
    ) -> dg.MaterializeResult[None]:
        the = provisioner(platform)
        results = check_results(context.instance, checks)
        publish_check_results(platform.warehouse, results, platform.settings.timezone)
        changes = the.apply(
            overwrite=config.overwrite,
            tell=lambda change: context.log.info(
                f"{change.action} {change.address.kind} {change.address.key}"
            ),
        )
        told = [
            {
                "action": change.action,
                "kind": change.address.kind,
                "key": change.address.key,
                "differences": "\n".join(line for d in change.differences for line in d.lines),
            }
            for change in changes
        ]
        edited = sum(change.action == "edited" for change in changes)
        for day in days_of(context):
            context.add_asset_metadata(
                {
                    "server": dg.MetadataValue.url(the.redash.url),
                    "changes": table_of(told),
                    "edited_by_people": edited,
                    "verdicts": len(results),
                },
                partition_key=day.isoformat(),
            )
        return dg.MaterializeResult()

    return [redash_dashboards]
