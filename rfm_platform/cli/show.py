"""The tables that `rfm` prints."""

import datetime as dt
from decimal import Decimal
from itertools import groupby

from rich.console import Console
from rich.markup import escape

from rfm_platform.automation.instance import open_instance
from rfm_platform.cli.arguments import UsageError, View
from rfm_platform.cli.failed_checks import EXPLAINED, sentences
from rfm_platform.cli.progress import print_whole, titled
from rfm_platform.cli.untouched import NOTHING, has_warehouse, is_untouched
from rfm_platform.customers.overviews import monthly_table, retention_table, segment_table
from rfm_platform.definitions import build_defs
from rfm_platform.errors import PlatformError
from rfm_platform.lake import LakeTable
from rfm_platform.outcomes import failures
from rfm_platform.settings import Settings
from rfm_platform.verdicts import newest_verdicts
from rfm_platform.wiring import build_platform

ORDER = (
    "flatten_order_marketplace",
    "order_marketplace",
    "source_orders",
    "aggregated_monthly",
    "final_user_analysis",
    "rfm_scores",
    "cohort_matrix",
    "rfm_segments",
    "rfm_migration",
    "cohort_retention",
    "campaign_effect",
    "next_purchase",
    "next_purchase_backtest",
    "customer_report",
    "redash_dashboards",
    "bi_database_inventory",
    "bi_database_dump",
    "bi_database_restore",
)
REVENUE = "revenue"


def show_view(settings: Settings, console: Console, view: View, as_of: dt.date | None) -> None:
    """Prints what `rfm show` is asked for.

    Raises:
        UsageError: a day is named for what has none.
    """
    if view is View.SEGMENTS:
        return show_segments(settings, console, as_of)
    if view is View.COHORTS:
        return show_cohorts(settings, console, as_of)
    if as_of is not None:
        raise UsageError(f"--as-of is for segments and cohorts: {view} are shown as they are now.")
    if is_untouched(settings):
        return console.print(NOTHING)
    return (
        show_months(settings, console) if view is View.MONTHLY else show_checks(settings, console)
    )


def show_segments(settings: Settings, console: Console, as_of: dt.date | None = None) -> None:
    """Segments of a snapshot with their actions."""
    platform = build_platform(settings)
    day = _snapshot(platform.lake.rfm_scores, as_of)
    if day is None:
        console.print(NOTHING)
        return
    overview = segment_table(platform.lake, platform.engine, platform.segments(), day)
    table = titled(f"Customers as of {day}, revenue in {settings.currency}")
    table.add_column("segment", style="bold", overflow="fold")
    for name in ("customers", "%", "orders", "revenue", "%"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in overview.segments:
        table.add_row(
            escape(row["segment"]),
            f"{row['customers']:,}",
            f"{row['customers_percent']:.1f}",
            f"{row['orders']:,}",
            _amount(settings, row["revenue"]),
            f"{row['revenue_percent']:.1f}",
        )
    print_whole(console, table)
    if overview.revenue_share_of_top_20_percent is not None:
        share = overview.revenue_share_of_top_20_percent
        console.print(f"The top 20 % of customers bring {share:.0%} of the revenue.\n")
    actions = titled("What to do")
    actions.add_column("segment", style="bold", no_wrap=True)
    actions.add_column("action")
    for row in overview.segments:
        actions.add_row(escape(row["segment"]), escape(row["action"]))
    console.print(actions)


def show_cohorts(settings: Settings, console: Console, as_of: dt.date | None = None) -> None:
    """Retention by month of first order, a darker cell for a larger share."""
    platform = build_platform(settings)
    day = _snapshot(platform.lake.cohort_matrix, as_of)
    if day is None:
        console.print(NOTHING)
        return
    rows = retention_table(platform.lake, platform.engine, day)
    months = [name for name in (rows[0] if rows else ()) if name.startswith("m")]
    table = titled(f"Per cent of a month's new customers who bought n months later, as of {day}")
    table.padding = (0, 0)
    table.add_column("cohort", style="bold", no_wrap=True, min_width=8)
    table.add_column("new ", justify="right", no_wrap=True)
    for month in months:
        table.add_column(month.removeprefix("m"), justify="right", no_wrap=True)
    for row in rows:
        cells = [_shaded(row[month]) for month in months]
        table.add_row(row["cohort"], f"{row['customers']:,} ", *cells)
    print_whole(console, table)
    if any(str(row[month]).endswith("*") for row in rows for month in months):
        console.print("* the month is not over.\n")


def show_months(settings: Settings, console: Console) -> None:
    """Published months per marketplace."""
    rows = monthly_table(build_platform(settings).warehouse) if has_warehouse(settings) else []
    if not rows:
        console.print(NOTHING)
        return
    table = titled(f"Months, revenue in {settings.currency}")
    for name in rows[0]:
        if name in _TEXT:
            table.add_column(name, overflow="fold")
        else:
            table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        texts = {name: f"{v:,}" if isinstance(v, int) else str(v) for name, v in row.items()}
        if row[REVENUE] is not None:
            texts[REVENUE] = _amount(settings, row[REVENUE])
        table.add_row(*map(escape, texts.values()))
    print_whole(console, table)


def show_checks(settings: Settings, console: Console) -> None:
    """Each check: how many days passed and failed, and what it says of those that fail now."""
    definitions = build_defs(settings)
    graph = definitions.resolve_asset_graph()
    table = titled("Checks, newest verdict of each day")
    table.add_column("check", no_wrap=True)
    table.add_column("passed", justify="right")
    table.add_column("failed", justify="right")
    failing: list[str] = []
    with open_instance(settings) as instance:
        keys = sorted(graph.asset_check_keys, key=lambda k: (ORDER.index(k.asset_key.path[-1]), k))
        for asset, group in groupby(keys, key=lambda key: key.asset_key.path[-1]):
            verdicts = {
                key: newest_verdicts(
                    instance, key, by_day=graph.get_check_spec(key).partitions_def is not None
                )
                for key in group
            }
            if asset not in ORDER[:-4] and not any(verdicts.values()):
                continue  # neither Redash nor the drill is everywhere
            table.add_row(f"[bold]{asset}[/]")
            for key, by_day in verdicts.items():
                failed = sorted((day for day, passed in by_day.items() if not passed), key=str)
                colour = "red" if failed else "green" if by_day else "dim"
                passed = f"{len(by_day) - len(failed):,}"
                table.add_row(f"  [{colour}]{key.name}[/]", passed, f"{len(failed):,}")
                others = [day for day in failed[:-EXPLAINED] if day is not None]
                failing += sentences(failures(instance, key, failed[-EXPLAINED:]), others)
    console.print(table)
    for sentence in failing:
        console.print(sentence, highlight=False)
    if not failing:
        console.print("[green]No check has failed.[/]")


_TEXT = ("month", "marketplace")


def _amount(settings: Settings, value: int) -> str:
    """An amount in whole units of the currency, with the decimals that it carries."""
    decimals = settings.currency_decimals
    return f"{Decimal(value).scaleb(-decimals):,.{decimals}f}"


def _snapshot(table: LakeTable, as_of: dt.date | None) -> dt.date | None:
    """The day that is asked for, else the newest; None: nobody asked for one, and there is none."""
    days = [partition.value for partition in table.partitions()]
    if as_of is None:
        return days[-1] if days else None
    if as_of not in days:
        kept = f"The newest are: {', '.join(map(str, days[-10:]))}" if days else NOTHING
        raise PlatformError(f"There is no snapshot of {as_of}. {kept}")
    return as_of


def _shaded(value: object) -> str:
    if value is None:
        return ""
    text = str(value).replace("%", "")
    shade = 255 - min(19, int(text.rstrip("*")) // 5)
    return f"[{'black' if shade > 243 else 'white'} on color({shade})]{text:>4}[/]"
