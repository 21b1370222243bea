"""Whether every scored customer is forecast, and whether the forecast is worth its name."""

import datetime as dt

import dagster as dg

from rfm_platform.checks.per_day import Verdict, judge_days
from rfm_platform.presentation import table_of
from rfm_platform.wiring import Platform

WARN = dg.AssetCheckSeverity.WARN
# Standard errors by which the model may be behind: of 2,400 real customers it once was by 0.3.
CHANCE = 2
# With too little data there is no forecast, and the materialization says why.
WITHHELD = Verdict(True, "Nothing to compare: the forecast is withheld, or not kept.", WARN)
BASELINES = {"own_rate": "each customer's own past rate", "mean": "the mean of all"}


def forecast_checks(daily: dg.DailyPartitionsDefinition) -> list[dg.AssetChecksDefinition]:
    """The checks of forecast and back-test over the given days."""

    @dg.asset_check(
        asset="next_purchase",
        partitions_def=daily,
        description="Every scored customer has one forecast, and nobody else has.",
    )
    def every_scored_customer_is_forecast(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        return judge_days(
            context,
            platform.lake.next_purchase,
            "every_scored_customer_is_forecast",
            lambda day: _coverage(platform, day),
            without_rows=WITHHELD,
        )

    @dg.asset_check(
        asset="next_purchase_backtest",
        partitions_def=daily,
        description="The forecast of 90 days before was at least as close to what happened as each "
        "customer's own past rate and as the mean of all, but for chance. Warns.",
    )
    def forecast_keeps_up_with_baselines(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        return judge_days(
            context,
            platform.lake.next_purchase_backtest,
            "forecast_keeps_up_with_baselines",
            lambda day: _worth(platform, day),
            without_rows=WITHHELD,
        )

    return [every_scored_customer_is_forecast, forecast_keeps_up_with_baselines]


def _coverage(platform: Platform, day: dt.date) -> Verdict:
    found = platform.forecasts.differs_from_scores(day)
    if not any(found.values()):
        return Verdict(True, "Every scored customer is forecast.")
    return Verdict(
        False,
        f"{found['forecast_only']} customers are forecast and not scored, {found['scored_only']} "
        f"scored and not forecast as of {day}: materialize both from the same days.",
        metadata=found,
    )


def _worth(platform: Platform, day: dt.date) -> Verdict:
    errors = platform.forecasts.errors(day)
    lost = [
        f"{row['error']}: {row['model']:.4g}, by {said} {row[baseline]:.4g}"
        for row in errors
        for baseline, said in BASELINES.items()
        # What is no number loses as well.
        if not row["model"] <= row[baseline] + CHANCE * row[f"{baseline}_noise"]
    ]
    return Verdict(
        not lost,
        f"The forecast loses to a baseline ({'; '.join(lost)}): do not act on it."
        if lost
        else "The forecast does not lose to each customer's own past rate or the mean of all.",
        WARN,
        {"errors": table_of(errors)},
    )
