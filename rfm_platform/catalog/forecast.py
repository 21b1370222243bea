"""The next 90 days, and how such a forecast did."""

from sqlalchemy import BigInteger, Column, Date, Float, Integer, SmallInteger, Table, Text

from rfm_platform.catalog.schemas import WAREHOUSE, as_of_columns

next_purchase_snapshots = Table(
    "next_purchase_snapshots",
    WAREHOUSE,
    *as_of_columns("next_purchase_snapshots"),
    Column("marketplace", Text, comment="E-commerce platform."),
    Column("user_id", Text, comment="Customer, unique within a marketplace."),
    Column(
        "repeat_purchases",
        Integer,
        comment="Days with a valid order after the first such day: x of the BG/NBD model.",
    ),
    Column(
        "last_purchase",
        Integer,
        comment="Days from the first to the last day with a valid order: t_x of the model.",
    ),
    Column("age", Integer, comment="Days from the first such day to as_of_date: T of the model."),
    Column("probability_alive", Float(53), comment="That the customer has not left for good."),
    Column(
        "probability_active",
        Float(53),
        comment="Of at least one valid order in the 90 days after as_of_date.",
    ),
    Column("expected_orders", Float(53), comment="Valid orders expected in these 90 days."),
    comment="Forecast of the next 90 days: one row per customer with a valid order, as of a day. "
    "Empty where there is too little data.",
)

_FORECASTERS = {
    "model": "the model",
    "own_rate": "the customer's own past rate",
    "mean": "the mean of all customers' past rates",
}
_ERRORS = {
    "absolute_error": "Mean |forecast − actual| of orders a customer, by {}. Not judged by: where "
    "most customers order nothing, forecasting nothing does well.",
    "squared_error": "Mean (forecast − actual)² of orders a customer, by {}.",
    "brier_score": "Mean (probability − outcome)² of having ordered at all, by {}.",
}

next_purchase_backtest_snapshots = Table(
    "next_purchase_backtest_snapshots",
    WAREHOUSE,
    *as_of_columns("next_purchase_backtest_snapshots"),
    Column("forecast_date", Date, comment="90 days earlier: the forecast knows lines up to here."),
    Column("decile", SmallInteger, comment="Tenth of the customers; 1: most orders forecast."),
    Column("customers", BigInteger, comment="Customers with a valid order as of forecast_date."),
    Column("forecast_orders", Float(53), comment="Their forecast orders in the 90 days since."),
    Column("actual_orders", BigInteger, comment="Their valid orders in these 90 days."),
    Column("forecast_active_share", Float(53), comment="Forecast share with an order, 0 to 1."),
    Column("actual_active_share", Float(53), comment="Share with a valid order, 0 to 1."),
    *(
        Column(f"{error}_{name}", Float(53), comment=meaning.format(forecaster))
        for error, meaning in _ERRORS.items()
        for name, forecaster in _FORECASTERS.items()
    ),
    *(
        Column(
            f"{error}_noise_{name}",
            Float(53),
            comment=f"Standard error, over all customers, of how {what} of the model and of "
            f"{_FORECASTERS[name]} differ.",
        )
        for error, what in {"squared": "squared errors", "brier": "Brier scores"}.items()
        for name in ("own_rate", "mean")
    ),
    comment="The forecast of 90 days ago against what happened since, by decile, as of a day. "
    "From lines as they stand now: what was cancelled since is not in either.",
)
