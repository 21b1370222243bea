"""Every table that the platform reads or writes, once: names, types, meaning.

DDL, comments in the warehouse, column schemas in the Dagster UI and the contract of the source are
derived from here. What a number means is said in the column's comment, for whoever meets it in a
BI tool. No behaviour lives here.
"""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Index,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
)

SCHEMA = "rfm"

SOURCE = MetaData()
WAREHOUSE = MetaData(schema=SCHEMA)

GROUP_COLUMNS = ("marketplace", "shop_id", "shop_name", "user_id", "magpie_region_code")


def _group_columns() -> list[Column[str]]:
    return [
        Column("marketplace", Text, comment="E-commerce platform."),
        Column("shop_id", Text, comment="Shop, as the marketplace numbers it."),
        Column("shop_name", Text, comment="Shop, as people call it."),
        Column("user_id", Text, comment="Customer, unique within a marketplace."),
        Column("magpie_region_code", Text, comment="Region of the shop: ID, MY …"),
    ]


flatten_order_marketplace = Table(
    "flatten_order_marketplace",
    SOURCE,
    *_group_columns(),
    Column("kurs_rate", Integer, comment="Base-currency units for one unit of the row's currency."),
    Column("create_timestamp", DateTime, comment="Order creation, local time."),
    Column("cancelled_flag", Text, comment="Cancelled? Changes after the order was created."),
    Column("returned_flag", Text, comment="Returned? Changes after the order was created."),
    Column("order_id", Text, comment="Order, unique within a marketplace."),
    Column("product_gmv_amount", BigInteger, comment="Value of the line, in the row's currency."),
    Column("marketplace_product_id", Text, comment="Product; the SKU is product and variant."),
    Column("marketplace_variant_id", Text, comment="Variant; the SKU is product and variant."),
    Column("marketplace_product_barcode", Text, comment="One per sold unit."),
    Column(
        "order_shipping_fee_buyer_amount",
        Text,
        comment="The buyer's shipping fee of the order, as text, repeated on each of its lines.",
    ),
    comment="Data mart: one row per order line.",
)

order_marketplace = Table(
    "order_marketplace",
    SOURCE,
    Column("marketplace", Text, comment="E-commerce platform."),
    Column("order_id", Text, comment="Order, unique within a marketplace."),
    Column("address_shipping_name", Text, comment="Recipient of the order. Personal data."),
    comment="Data mart: one row per order.",
)

LAKE = MetaData()
# Files beside the lake's tables.
FILES = MetaData()

source_orders = Table(
    "source_orders",
    LAKE,
    Column("day", Date, comment="Local day of create_timestamp: the partition."),
    *(
        Column(column.name, column.type, comment=column.comment)
        for column in flatten_order_marketplace.columns
    ),
    Column("address_shipping_name", Text, comment="Recipient of the order. Personal data."),
    Column("is_cancelled", Boolean, comment="cancelled_flag as read; null: a value nobody knows."),
    Column("is_returned", Boolean, comment="returned_flag as read; null: a value nobody knows."),
    Column(
        "shipping_amount", Numeric(18, 2), comment="The fee as a number; null where it is none."
    ),
    Column("day_fingerprint", Text, comment="Of the day's rows in the mart, as read."),
    comment="The day's order lines with their order's recipient, as the mart held them.",
)


def _measure_columns() -> list[Column[Any]]:
    return [
        Column("kurs_rate", Integer, comment="Rate of the latest line (ties: the highest)."),
        Column("first_order_timestamp", DateTime, comment="First valid line; null: none."),
        Column("last_order_timestamp", DateTime, comment="Last valid line; null: none."),
        Column("total_order", BigInteger, comment="Valid orders: with a valid line."),
        Column("total_cancelled", BigInteger, comment="Orders with a cancelled line."),
        Column("total_returned", BigInteger, comment="Orders with a returned line."),
        Column("total_gmv_amount", BigInteger, comment="GMV of valid lines, row currency."),
        Column(
            "total_gmv_base_amount",
            BigInteger,
            comment="GMV of valid lines × kurs_rate: the money that adds up across currencies.",
        ),
        Column("total_sku", BigInteger, comment="Distinct SKUs of valid lines."),
        Column("sku_list", ARRAY(Text), comment="SKUs as product/variant, sorted; empty: none."),
        Column("total_quantity", BigInteger, comment="Units: barcodes on valid lines."),
        Column(
            "address_shipping_name",
            Text,
            comment="Recipient of the latest valid order (ties: highest order_id). Personal data.",
        ),
        Column(
            "min_shipping_amount",
            Numeric(18, 2),
            comment="Smallest buyer's shipping fee over valid orders.",
        ),
        Column(
            "max_shipping_amount",
            Numeric(18, 2),
            comment="Largest buyer's shipping fee over valid orders.",
        ),
        Column(
            "avg_shipping_amount",
            BigInteger,
            comment="Mean shipping fee over valid orders, each once, rounded half away from zero.",
        ),
        Column("load_timestamp", DateTime, comment="When the row was written, local time."),
        Column("etl_batch_time", DateTime, comment="The batch: newest day that the rows hold."),
    ]


def _key(hashed: str) -> Column[str]:
    return Column("customer_key", Text, comment=f"Stable hash of {hashed}.")


aggregated_monthly = Table(
    "aggregated_monthly",
    WAREHOUSE,
    _key("the five grouping columns and the month"),
    *_group_columns(),
    Column("month_of_order", Date, comment="First day of the month."),
    *_measure_columns(),
    Index("aggregated_monthly_month_of_order", "month_of_order"),
    comment="One row per shop, customer, region and month. One row set per month.",
)


def _as_of(table: str) -> list[Column[Any] | Index]:
    return [
        Column("as_of_date", Date, nullable=False, comment="Lines up to this day count."),
        Index(f"{table}_as_of_date", "as_of_date"),
    ]


final_user_analysis_snapshots = Table(
    "final_user_analysis_snapshots",
    WAREHOUSE,
    *_as_of("final_user_analysis_snapshots"),
    _key("the five grouping columns"),
    *_group_columns(),
    *_measure_columns(),
    comment="One row per shop, customer and region over its whole life, as of a day.",
)

rfm_scores_snapshots = Table(
    "rfm_scores_snapshots",
    WAREHOUSE,
    *_as_of("rfm_scores_snapshots"),
    Column("marketplace", Text, comment="E-commerce platform."),
    Column("user_id", Text, comment="Customer, unique within a marketplace."),
    Column("recency", Integer, comment="Days since the last valid order; 0: on the day itself."),
    Column("r_score", SmallInteger, comment="3: recency ≤ Q1, 2: ≤ Q3, 1: longer ago."),
    Column("frequency", BigInteger, comment="Valid orders."),
    Column("f_score", SmallInteger, comment="1: frequency ≤ Q1, 2: ≤ Q3, 3: more."),
    Column("monetary", BigInteger, comment="GMV of valid lines in base currency."),
    Column("m_score", SmallInteger, comment="1: monetary ≤ Q1, 2: ≤ Q3, 3: more."),
    Column("total_score", SmallInteger, comment="r_score + f_score + m_score: 3 to 9."),
    Column("segment", Text, comment="Name of the (r, f, m) cell in the segment file."),
    Column(
        "pyramid_tier",
        Text,
        comment="By monetary: top 1 %, big up to 5 %, medium up to 20 %, small the rest.",
    ),
    Column("is_outlier", Boolean, comment="A metric lies beyond Q1 − 1.5·IQR or Q3 + 1.5·IQR."),
    comment="One row per customer with a valid order, as of a day.",
)

cohort_matrix_snapshots = Table(
    "cohort_matrix_snapshots",
    WAREHOUSE,
    *_as_of("cohort_matrix_snapshots"),
    Column("marketplace", Text, comment="E-commerce platform."),
    Column("cohort_month", Date, comment="Month of the customers' first valid order."),
    Column("cohort_size", BigInteger, comment="Customers whose first valid order is in the month."),
    Column("months", Integer, comment="Calendar months since cohort_month; 0: the month itself."),
    Column("value", BigInteger, comment="Customers of the cohort with a valid order in the month."),
    Column("total_order", BigInteger, comment="Their valid orders."),
    Column("total_gmv_base_amount", BigInteger, comment="Their GMV in base currency."),
    Column("is_partial", Boolean, comment="The month was not over as of the day."),
    comment="Retention: one row per marketplace, cohort and month since, as of a day.",
)

_PUBLISHED_ONLY = (
    "customer_key",
    "kurs_rate",
    "total_sku",
    "address_shipping_name",
    "avg_shipping_amount",
)


def _in_lake(table: Table, *more: Column[Any]) -> Table:
    """The table as the lake holds it: what merges, of which the published columns are made."""
    kept: list[Column[Any]] = [
        Column(c.name, c.type) for c in table.columns if c.name not in _PUBLISHED_ONLY
    ]
    merging: list[Column[Any]] = [
        Column("latest_order", Text),
        Column("latest_rate", Numeric(38, 0)),
        Column("shipping_total", Numeric(38, 2)),
        Column("shipping_orders", BigInteger),
        Column("shared_order", BigInteger),
    ]
    return Table(table.name, LAKE, *kept, *merging, *more)


aggregated_monthly_lake = _in_lake(aggregated_monthly, Column("built_from", Text))
final_user_analysis_lake = _in_lake(
    final_user_analysis_snapshots, Column("source_version", BigInteger), Column("recipe", Text)
)

rfm_thresholds = Table(
    "rfm_thresholds",
    WAREHOUSE,
    *_as_of("rfm_thresholds"),
    Column("scope", Text, comment="`all` customers, or one marketplace."),
    Column("metric", Text, comment="recency, frequency or monetary."),
    Column("q1", Float(53), comment="First quartile, linear interpolation (type 7)."),
    Column("q3", Float(53), comment="Third quartile, linear interpolation (type 7)."),
    Column("customers", BigInteger, comment="Customers that the quartiles were taken over."),
    Column("is_degenerate", Boolean, comment="Q1 = Q3, or a score that no customer has."),
    comment="What each snapshot was scored with.",
)


def _slice_columns(*, names: bool = True) -> list[Column[Any]]:
    columns: list[Column[Any]] = [
        Column("scope", Text, comment="The slice: `all` customers, a `marketplace`, or a `shop`."),
        Column("marketplace", Text, comment="The slice's marketplace; null for all."),
        Column("shop_id", Text, comment="The slice's shop; null but for a shop."),
    ]
    if names:
        columns.append(Column("shop_name", Text, comment="Shop, as people call it."))
    return columns


rfm_segments_snapshots = Table(
    "rfm_segments_snapshots",
    WAREHOUSE,
    *_as_of("rfm_segments_snapshots"),
    *_slice_columns(),
    Column("segment", Text, comment="Segment; null: the slice has too little data, see withheld."),
    Column("customers", BigInteger, comment="Customers of the segment with an order in the slice."),
    Column("customers_share", Float(53), comment="Of the slice's customers, 0 to 1."),
    Column("orders", BigInteger, comment="Their valid orders in the slice."),
    Column("revenue", BigInteger, comment="Their GMV in the slice, base currency."),
    Column("revenue_share", Float(53), comment="Of the slice's revenue; null without revenue."),
    Column("average_order_value", Float(53), comment="revenue ÷ orders."),
    Column("median_recency", Float(53), comment="Median days since their last order anywhere."),
    Column("action", Text, comment="What to do, from the segment file."),
    Column("withheld", Text, comment="Why the slice is not segmented; null: it is."),
    comment="Segments by slice, as of a day. Shops overlap: never add them up.",
)

rfm_cells_snapshots = Table(
    "rfm_cells_snapshots",
    WAREHOUSE,
    *_as_of("rfm_cells_snapshots"),
    *_slice_columns(names=False),
    Column("r_score", SmallInteger, comment="Recency score, 3: lately."),
    Column("f_score", SmallInteger, comment="Frequency score, 3: often."),
    Column("m_score", SmallInteger, comment="Monetary score, 3: much."),
    Column("segment", Text, comment="Segment of the cell."),
    Column("customers", BigInteger, comment="Customers of the cell with an order in the slice."),
    Column("revenue", BigInteger, comment="Their GMV in the slice, base currency."),
    comment="The R×F×M grid by slice, as of a day. Shops overlap: never add them up.",
)

rfm_concentration_snapshots = Table(
    "rfm_concentration_snapshots",
    WAREHOUSE,
    *_as_of("rfm_concentration_snapshots"),
    *_slice_columns(names=False),
    Column("percent", SmallInteger, comment="The largest so many per cent of the slice."),
    Column("customers", BigInteger, comment="How many customers that is, rounded up."),
    Column("revenue", BigInteger, comment="What they bring in the slice, base currency."),
    Column("revenue_share", Float(53), comment="Of the slice's revenue; null without revenue."),
    comment="Concentration of revenue by slice, as of a day; 1, 5, 20 and 100 % are the pyramid.",
)

rfm_migration_snapshots = Table(
    "rfm_migration_snapshots",
    WAREHOUSE,
    *_as_of("rfm_migration_snapshots"),
    Column("from_date", Date, comment="The earlier snapshot: the end of the month before."),
    *_slice_columns(names=False),
    Column("from_segment", Text, comment="Segment before; null: first order since, an entrant."),
    Column("to_segment", Text, comment="Segment now; null: no valid order any more, a leaver."),
    Column(
        "cause",
        Text,
        comment="What the move needed: new_order, cancellation, time, thresholds, joined by +; "
        "any_of_several: none alone; stayed: no move.",
    ),
    Column("customers", BigInteger, comment="Customers who went this way for this cause."),
    comment="From which segment to which since the end of the month before, by cause and slice.",
)

cohort_retention_snapshots = Table(
    "cohort_retention_snapshots",
    WAREHOUSE,
    *_as_of("cohort_retention_snapshots"),
    *_slice_columns(),
    Column("cohort_month", Date, comment="Month of the first valid order in the slice."),
    Column("cohort_size", BigInteger, comment="Customers of the cohort."),
    Column("months", Integer, comment="Calendar months since cohort_month; 0: the month itself."),
    Column("customers", BigInteger, comment="Of the cohort, with a valid order in the month."),
    Column("orders", BigInteger, comment="Their valid orders in the month."),
    Column("revenue", BigInteger, comment="Their GMV in the month, base currency."),
    Column("cumulative_revenue", BigInteger, comment="revenue up to and with the month."),
    Column("is_partial", Boolean, comment="The month was not over as of the day."),
    Column(
        "is_left_truncated",
        Boolean,
        comment="The first month that is loaded: its customers may have bought before.",
    ),
    comment="Retention by customers, orders and revenue of each slice, as of a day. "
    "Shops overlap: never add them up.",
)

_BY_ARM = {
    "customers": "with a valid order before the campaign",
    "excluded": "of those, left out: another campaign reached them within the windows",
    "matched": "of the rest, in an R×F×M cell that holds both, as of the day before the campaign",
}
_ARMS = {"targeted": "Customers that the campaign reached", "comparison": "Those it did not reach"}

campaign_effect_snapshots = Table(
    "campaign_effect_snapshots",
    WAREHOUSE,
    *_as_of("campaign_effect_snapshots"),
    Column("campaign", Text, comment="Name, from the campaign calendar."),
    Column("first_day", Date, comment="The campaign's first day."),
    Column("last_day", Date, comment="The campaign's last day."),
    Column(
        "breakdown",
        Text,
        comment="`all` customers, by `cohort` (month of the first valid order) or by `segment`, "
        "as of the day before the campaign.",
    ),
    Column("breakdown_value", Text, comment="The cohort (YYYY-MM) or segment; null for all."),
    Column("period", Text, comment="`during` the campaign, or as many days right `after` it."),
    Column(
        "outcome",
        Text,
        comment="A customer's valid `orders`, their `revenue` (base currency), or whether there "
        "was one (`active`).",
    ),
    *(
        Column(f"{arm}_{count}", BigInteger, comment=f"{who}: {meaning}.")
        for arm, who in _ARMS.items()
        for count, meaning in _BY_ARM.items()
    ),
    Column(
        "comparison_effective",
        Float(53),
        comment="Customers that the weighted comparison is worth (Kish's effective sample size).",
    ),
    *(
        Column(f"{arm}_{when}", Float(53), comment=f"{who}: the outcome's mean {meaning}.")
        for arm, who in (
            ("targeted", "Matched targeted customers"),
            ("comparison", "Matched comparison customers, weighted like the targeted"),
        )
        for when, meaning in (
            ("before", "in as many days right before the campaign"),
            ("then", "in the period"),
        )
    ),
    Column(
        "effect",
        Float(53),
        comment="Difference in differences, per customer: (targeted_then − targeted_before) − "
        "(comparison_then − comparison_before).",
    ),
    Column("effect_low", Float(53), comment="Lower end of its 95 % confidence interval."),
    Column("effect_high", Float(53), comment="Upper end of its 95 % confidence interval."),
    Column(
        "verdict",
        Text,
        comment="`higher` or `lower`: the interval lies above or below 0; `unclear`: it holds 0. "
        "No answer: `too_early`, `not_over`, `nobody_reached`, `no_comparison`, `too_few`, "
        "`not_alike`; see reason.",
    ),
    Column("reason", Text, comment="Why there is no answer; null: there is one."),
    comment="What each campaign that is over changed in existing customers' orders, against "
    "customers like them that it did not reach, as of a day.",
)

next_purchase_snapshots = Table(
    "next_purchase_snapshots",
    WAREHOUSE,
    *_as_of("next_purchase_snapshots"),
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
    *_as_of("next_purchase_backtest_snapshots"),
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

customer_report = Table(
    "customer_report",
    FILES,
    Column("as_of_date", Date, comment="The snapshot that it shows."),
    Column("file", Text, comment="One HTML file, self-contained."),
    comment="What marketers read: segments, moves, retention. Aggregates only.",
)

_RESTATED = {
    "total_order": "Valid orders",
    "total_cancelled": "Orders with a cancelled line",
    "total_returned": "Orders with a returned line",
    "total_quantity": "Units on valid lines",
    "total_gmv_base_amount": "GMV of valid lines in base currency",
    "customers": "Customers with a valid order",
}

restatements = Table(
    "restatements",
    WAREHOUSE,
    Column("restated_at", DateTime, comment="When the new figures were published, local time."),
    Column("run_id", Text, comment="The run that published them."),
    Column("month_of_order", Date, comment="First day of the month that was restated."),
    Column("marketplace", Text, comment="E-commerce platform."),
    Column("through", Date, comment="Both figures count the month's days up to this one."),
    *(
        Column(f"{measure}_{when}", BigInteger, comment=f"{meaning}, {said}.")
        for measure, meaning in _RESTATED.items()
        for when, said in (("before", "as published before"), ("after", "as published now"))
    ),
    comment="Each change to an already published month: one row per run, month and marketplace.",
)

publications = Table(
    "publications",
    WAREHOUSE,
    Column("month_of_order", Date, comment="First day of the month."),
    Column("version", Text, comment="Which computation of the month is published."),
    Column("published_at", DateTime, comment="When, local time."),
    comment="What aggregated_monthly holds of each month, so that a month that was computed and "
    "not published is noticed.",
)

snapshot_publications = Table(
    "snapshot_publications",
    WAREHOUSE,
    Column("as_of_date", Date, comment="Of the snapshot."),
    Column("version", Text, comment="Which computation of the snapshot is published."),
    Column("published_at", DateTime, comment="When, local time."),
    comment="What final_user_analysis_snapshots holds as of each day, so that the next snapshot "
    "can take over the rows that are the same.",
)

audiences = Table(
    "audiences",
    WAREHOUSE,
    Column("exported_at", DateTime, comment="When, local time."),
    Column("exported_by", Text, comment="Who: the account on the machine, or the name given."),
    Column("as_of_date", Date, comment="The snapshot that the customers are of."),
    Column("segment", Text, comment="The segment."),
    Column("marketplace", Text, comment="The marketplace; null: all."),
    Column("customers", BigInteger, comment="How many customers the file holds."),
    Column("action", Text, comment="What was to be done with them."),
    Column("purpose", Text, comment="What they were wanted for."),
    Column("file", Text, comment="Name of the file."),
    Column("sha256", Text, comment="Of the file, to know it again."),
    comment="Receipts: each export of customers for activation. No customer is in it.",
)

# Views of the newest snapshot: what an analyst asks for by name.
CURRENT_VIEWS = {
    "final_user_analysis": final_user_analysis_snapshots,
    "rfm_scores": rfm_scores_snapshots,
    "cohort_matrix": cohort_matrix_snapshots,
    "rfm_segments": rfm_segments_snapshots,
    "rfm_cells": rfm_cells_snapshots,
    "rfm_concentration": rfm_concentration_snapshots,
    "rfm_migration": rfm_migration_snapshots,
    "cohort_retention": cohort_retention_snapshots,
    "campaign_effect": campaign_effect_snapshots,
    "next_purchase": next_purchase_snapshots,
    "next_purchase_backtest": next_purchase_backtest_snapshots,
}
