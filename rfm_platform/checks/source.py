"""The source itself: its columns and types, and rows that no partition will ever hold."""

import datetime as dt
from zoneinfo import ZoneInfo

import dagster as dg

from rfm_platform import catalog
from rfm_platform.wiring import Platform


def source_checks() -> list[dg.AssetChecksDefinition]:
    """Checks on the mart's table of order lines."""
    lines = dg.AssetKey(catalog.flatten_order_marketplace.name)

    @dg.asset_check(
        asset=lines,
        blocking=True,
        description="Both source tables have the columns and types that the platform reads. "
        "Blocks: a renamed column or an amount that became text would be wrong in silence.",
    )
    def source_contract(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
        problems = platform.mart.contract_violations()
        return dg.AssetCheckResult(
            passed=not problems,
            description="; ".join(problems) or "Both tables are as expected.",
            metadata={"table": platform.mart.database.label},
        )

    @dg.asset_check(
        asset=lines,
        description="No order line lies before the first partition or after the last, or has no "
        "timestamp: such lines are in no table.",
    )
    def source_rows_outside_partitions(
        platform: dg.ResourceParam[Platform],
    ) -> dg.AssetCheckResult:
        settings = platform.settings
        # Today's lines belong to tomorrow's run; later ones to no run at all.
        today = dt.datetime.now(ZoneInfo(settings.timezone)).date()
        last = settings.end_date or today
        with platform.mart.snapshot() as snapshot:
            (found,) = snapshot.totals("outside", [settings.start_date, last])
        parts = []
        if found["lines_before"]:
            parts.append(
                f"{found['lines_before']} lines before {settings.start_date} (RFM_START_DATE), "
                f"the earliest {found['earliest']}"
            )
        if found["lines_after"]:
            parts.append(f"{found['lines_after']} lines after {last}, the latest {found['latest']}")
        if found["lines_without_timestamp"]:
            parts.append(f"{found['lines_without_timestamp']} lines without create_timestamp")
        return dg.AssetCheckResult(
            passed=not parts,
            description="; ".join(parts) or "Every line has its partition.",
            metadata={
                "lines_before": found["lines_before"],
                "lines_after": found["lines_after"],
                "lines_without_timestamp": found["lines_without_timestamp"],
            },
        )

    return [source_contract, source_rows_outside_partitions]
