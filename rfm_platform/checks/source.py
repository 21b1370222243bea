"""The source itself: its columns and types, and rows that no partition will ever hold."""

import datetime as dt
from collections.abc import Mapping
from zoneinfo import ZoneInfo

import dagster as dg

from rfm_platform import catalog
from rfm_platform.presentation import IS_NEWS, PARTS
from rfm_platform.verdicts import the_one_that_counts
from rfm_platform.wiring import Platform

SCHEMA = "source_schema_is_as_before"
COLUMNS = "columns"
_OUTSIDE = ("lines_before", "lines_after", "lines_without_timestamp")


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
        last = min(settings.end_date or today, today)
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
                **{name: found[name] for name in _OUTSIDE},
                PARTS: ", ".join(name for name in _OUTSIDE if found[name]),
            },
        )

    @dg.asset_check(
        asset=lines,
        name=SCHEMA,
        description="No column of the two source tables has come, gone or changed its type since "
        "this was last looked at. Warns: what the platform needs is the contract's business.",
    )
    def source_schema_is_as_before(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        now = platform.mart.columns()
        before = _columns_before(context.instance)
        changes = schema_changes(before, now) if before else []
        return dg.AssetCheckResult(
            passed=not changes,
            severity=dg.AssetCheckSeverity.WARN,
            description="; ".join(changes) or f"{len(now)} columns, as before.",
            metadata={COLUMNS: dg.MetadataValue.json(now), IS_NEWS: bool(changes)},
        )

    return [source_contract, source_rows_outside_partitions, source_schema_is_as_before]


def schema_changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What happened to columns, a sentence each."""
    return [
        *(f"{name} is new ({now[name]})" for name in sorted(now.keys() - before.keys())),
        *(f"{name} is gone ({before[name]})" for name in sorted(before.keys() - now.keys())),
        *(
            f"{name} was {before[name]} and is {now[name]}"
            for name in sorted(now.keys() & before.keys())
            if now[name] != before[name]
        ),
    ]


def _columns_before(instance: dg.DagsterInstance) -> Mapping[str, str] | None:
    """The columns as the newest earlier verdict has them; None: there is none."""
    key = dg.AssetCheckKey(dg.AssetKey(catalog.flatten_order_marketplace.name), SCHEMA)
    before = the_one_that_counts(instance, key, None, None)
    columns = before.metadata[COLUMNS].value if before is not None else None
    return columns if isinstance(columns, dict) else None
