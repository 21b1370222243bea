"""From months to customers, their scores and cohorts."""

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
    Numeric,
    SmallInteger,
    Table,
    Text,
)

from rfm_platform.catalog.schemas import LAKE, WAREHOUSE, as_of_columns, group_columns


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
    *group_columns(),
    Column("month_of_order", Date, comment="First day of the month."),
    *_measure_columns(),
    Index("aggregated_monthly_month_of_order", "month_of_order"),
    comment="One row per shop, customer, region and month. One row set per month.",
)

final_user_analysis_snapshots = Table(
    "final_user_analysis_snapshots",
    WAREHOUSE,
    *as_of_columns("final_user_analysis_snapshots"),
    _key("the five grouping columns"),
    *group_columns(),
    *_measure_columns(),
    comment="One row per shop, customer and region over its whole life, as of a day.",
)

rfm_scores_snapshots = Table(
    "rfm_scores_snapshots",
    WAREHOUSE,
    *as_of_columns("rfm_scores_snapshots"),
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
    *as_of_columns("cohort_matrix_snapshots"),
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

_PUBLISHED_ONLY = ("customer_key", "total_sku", "avg_shipping_amount")


def _in_lake(table: Table, *more: Column[Any]) -> Table:
    """The table as the lake holds it: what merges, of which the published columns are made."""
    kept: list[Column[Any]] = [
        Column(c.name, c.type) for c in table.columns if c.name not in _PUBLISHED_ONLY
    ]
    merging: list[Column[Any]] = [
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
    *as_of_columns("rfm_thresholds"),
    Column("scope", Text, comment="`all` customers, or one marketplace."),
    Column("metric", Text, comment="recency, frequency or monetary."),
    Column("q1", Float(53), comment="First quartile, linear interpolation (type 7)."),
    Column("q3", Float(53), comment="Third quartile, linear interpolation (type 7)."),
    Column("customers", BigInteger, comment="Customers that the quartiles were taken over."),
    Column("is_degenerate", Boolean, comment="Q1 = Q3, or a score that no customer has."),
    comment="What each snapshot was scored with.",
)
