"""Dirty rows of a day: counted and reported, so that one odd row does not cost a morning.

The findings come from one look at the day's files, and each of them is a check of its own, so that
the UI shows which kind of dirt a day has. Only an order number on two days blocks: it would be
counted twice.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from rfm_platform.checks.per_day import Verdict, report
from rfm_platform.materializations import READ, look_at_the_newest
from rfm_platform.partitions import days_of
from rfm_platform.reconcile.quality import Quality, examine_days
from rfm_platform.verdicts import LIES_WITHIN_ONE_DAY
from rfm_platform.wiring import Platform

SAMPLE = 10  # examples in a message; the rest is counted
TEXT_SHOWN = 40

FLAGS = "flags_are_known"
FEES = "shipping_fees_are_numbers"
CUSTOMERS = "customers_are_known"
COMPLETE = "lines_are_complete"

_DESCRIPTIONS = {
    FLAGS: "Every cancelled_flag and returned_flag says true or false. Other lines are kept out of "
    "all totals.",
    FEES: "Every order_shipping_fee_buyer_amount is a number. Other fees are taken as absent.",
    CUSTOMERS: "Every line has a user_id. Other lines are in no customer table.",
    COMPLETE: "Every line has a marketplace, an order number, an amount and a rate. A missing "
    "amount or rate adds nothing to the totals.",
    LIES_WITHIN_ONE_DAY: "No order number of the day appears on another loaded day. Blocks: such "
    "an order would be counted twice.",
}


def quality_checks(daily: dg.DailyPartitionsDefinition) -> dg.AssetChecksDefinition:
    """The data-quality checks of source_orders."""

    @dg.multi_asset_check(
        name="source_orders_quality",
        specs=[
            dg.AssetCheckSpec(
                name,
                asset="source_orders",
                description=description,
                blocking=name == LIES_WITHIN_ONE_DAY,
                partitions_def=daily,
            )
            for name, description in _DESCRIPTIONS.items()
        ],
    )
    def source_orders_quality(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterable[dg.AssetCheckResult]:
        days = days_of(context.op_execution_context, "source_orders")
        quality, readings = look_at_the_newest(
            context.instance,
            READ,
            days,
            lambda: examine_days(platform.lake, platform.engine, days),
        )
        for name, verdicts in judge(quality, days).items():
            yield report(
                context,
                "source_orders",
                name,
                verdicts,
                blocking=name == LIES_WITHIN_ONE_DAY,
                looked_at=readings,
            )

    return source_orders_quality


def judge(quality: Quality, days: list[dt.date]) -> dict[str, dict[dt.date, Verdict]]:
    """Each check's verdict on each day."""
    return {
        FLAGS: {day: _flags(quality, day) for day in days},
        FEES: {
            day: _count(quality.counts.get(day), "unreadable_fees", "have a fee that is no number")
            for day in days
        },
        CUSTOMERS: {
            day: _count(quality.counts.get(day), "without_customer", "have no user_id")
            for day in days
        },
        COMPLETE: {
            day: _count(
                quality.counts.get(day),
                "incomplete",
                "lack marketplace, order_id, product_gmv_amount or kurs_rate",
            )
            for day in days
        },
        LIES_WITHIN_ONE_DAY: {day: _one_day(quality, day) for day in days},
    }


def _count(counts: Mapping[str, int] | None, measure: str, problem: str) -> Verdict:
    lines, bad = (counts["lines"], counts[measure]) if counts else (0, 0)
    return Verdict(
        passed=bad == 0,
        summary=f"{bad} of {lines} lines {problem}.",
        metadata={"lines": bad, "of": lines},
    )


def _flags(quality: Quality, day: dt.date) -> Verdict:
    found = quality.unknown_flags.get(day, [])
    verdict = _count(quality.counts.get(day), "unknown_flags", "have a flag that nobody knows")
    if not found:
        return verdict
    shown = ", ".join(f"{flag}={value[:TEXT_SHOWN]!r}: {n}" for flag, value, n in found[:SAMPLE])
    more = f" and {len(found) - SAMPLE} more values" if len(found) > SAMPLE else ""
    return Verdict(False, f"{verdict.summary} {shown}{more}.", metadata=verdict.metadata)


def _one_day(quality: Quality, day: dt.date) -> Verdict:
    found = quality.split_orders.get(day, [])
    if not found:
        return Verdict(True, "Every order lies within one day.", metadata={"orders": 0})
    shown = "; ".join(
        # Names are the mart's: one with a line break must not begin a line of its own.
        f"{' '.join(f'{marketplace} {order}'.split())} on {_named(days)}"
        for marketplace, order, days in found[:SAMPLE]
    )
    more = f" and {len(found) - SAMPLE} more" if len(found) > SAMPLE else ""
    return Verdict(
        False,
        f"{len(found)} orders have lines on another day too: {shown}{more}.",
        metadata={"orders": len(found)},
    )


def _named(days: Sequence[dt.date]) -> str:
    more = f" and {len(days) - SAMPLE} more days" if len(days) > SAMPLE else ""
    return f"{', '.join(map(str, days[:SAMPLE]))}{more}"
