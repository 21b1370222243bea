"""Peer: Polars, lazy and streaming, with only the columns that it needs.

Orders and SKUs are collected once, because all four tables are made of them.
"""

import datetime as dt
from pathlib import Path

import polars as pl

from rfm_platform_tests.performance.peers.job import Job, read_job

CUSTOMER = ["marketplace", "shop_id", "shop_name", "user_id", "magpie_region_code"]
PERSON = ["marketplace", "user_id"]
METRICS = ("recency", "frequency", "monetary")


def compute(home: Path) -> None:
    """The four tables as Parquet files."""
    job = read_job(home)
    results = job.results("polars_lazy")
    lines = _read(job)
    orders = _orders(lines).sort("last_timestamp", "order_id").collect(engine="streaming")
    skus = _skus(lines).collect(engine="streaming")
    month = [*CUSTOMER, "month_of_order"]
    tables = {
        "aggregated_monthly": _totals(orders.lazy(), skus.lazy(), month),
        "final_user_analysis": _totals(orders.lazy(), skus.lazy(), CUSTOMER),
        "rfm_scores": _scores(orders.lazy(), job),
        "cohort_matrix": _cohorts(orders.lazy(), job.as_of),
    }
    for name, table in tables.items():
        table.sink_parquet(results / f"{name}.parquet", engine="streaming")


def _read(job: Job) -> pl.LazyFrame:
    return (
        pl.scan_parquet(job.source, hive_partitioning=False)
        .filter(
            pl.col("user_id") != "",
            pl.col("is_cancelled").is_not_null(),
            pl.col("is_returned").is_not_null(),
        )
        .with_columns(
            month_of_order=pl.col("create_timestamp").dt.truncate("1mo").cast(pl.Date),
            is_valid=~pl.col("is_cancelled") & ~pl.col("is_returned"),
        )
    )


def _orders(lines: pl.LazyFrame) -> pl.LazyFrame:
    valid = pl.col("is_valid")
    when = pl.col("create_timestamp")
    valid_when = pl.when(valid).then(when)
    amount = pl.when(valid).then(pl.col("product_gmv_amount"))
    return lines.group_by([*CUSTOMER, "month_of_order", "order_id"]).agg(
        valid.any().alias("is_valid"),
        pl.col("is_cancelled").any(),
        pl.col("is_returned").any(),
        valid_when.min().alias("first_timestamp"),
        valid_when.max().alias("last_timestamp"),
        amount.sum().alias("gmv"),
        (amount * pl.col("kurs_rate")).sum().alias("gmv_base"),
        pl.when(valid).then(pl.col("marketplace_product_barcode")).count().alias("quantity"),
        pl.when(valid).then(pl.col("shipping_amount")).max().alias("shipping_amount"),
        pl.col("address_shipping_name").first(),
        when.max().alias("latest_timestamp"),
        pl.col("kurs_rate").max_by(when),
    )


def _skus(lines: pl.LazyFrame) -> pl.LazyFrame:
    parts = ("marketplace_product_id", "marketplace_variant_id")
    text = pl.concat_str([pl.col(part).fill_null("") for part in parts], separator="/")
    return (
        lines.filter(pl.col("is_valid"), pl.any_horizontal(pl.col(parts).is_not_null()))
        .select(*CUSTOMER, "month_of_order", sku=text)
        .unique()
    )


def _totals(orders: pl.LazyFrame, skus: pl.LazyFrame, keys: list[str]) -> pl.LazyFrame:
    valid = pl.col("is_valid")
    totals = orders.group_by(keys).agg(
        pl.col("kurs_rate").max_by(pl.struct("latest_timestamp", "kurs_rate")),
        pl.col("first_timestamp").min().alias("first_order_timestamp"),
        pl.col("last_timestamp").max().alias("last_order_timestamp"),
        valid.sum().alias("total_order"),
        pl.col("is_cancelled").sum().alias("total_cancelled"),
        pl.col("is_returned").sum().alias("total_returned"),
        pl.col("gmv").sum().alias("total_gmv_amount"),
        pl.col("gmv_base").sum().alias("total_gmv_base_amount"),
        pl.col("quantity").sum().alias("total_quantity"),
        # The orders come sorted by time.
        pl.col("address_shipping_name").filter(valid).last(),
        pl.col("shipping_amount").min().alias("min_shipping_amount"),
        pl.col("shipping_amount").max().alias("max_shipping_amount"),
        # The mean of whole hundredths: exact as a float.
        ((pl.col("shipping_amount") * 100).cast(pl.Int64).mean() / 100)
        .round(mode="half_away_from_zero")
        .cast(pl.Int64)
        .alias("avg_shipping_amount"),
    )
    lists = skus.group_by(keys).agg(pl.col("sku").unique().sort().alias("sku_list"))
    return totals.join(lists, on=keys, how="left", nulls_equal=True).with_columns(
        pl.col("sku_list").fill_null([]),
        total_sku=pl.col("sku_list").list.len().fill_null(0),
    )


def _scores(orders: pl.LazyFrame, job: Job) -> pl.LazyFrame:
    customers = (
        orders.filter(pl.col("is_valid"))
        .group_by(PERSON)
        .agg(
            (pl.lit(job.as_of) - pl.col("last_timestamp").max().dt.date())
            .dt.total_days()
            .alias("recency"),
            pl.col("order_id").n_unique().cast(pl.Int64).alias("frequency"),
            pl.col("gmv_base").sum().alias("monetary"),
        )
    )
    q1, q3 = (
        {name: pl.col(name).quantile(share, "linear") for name in METRICS} for share in (0.25, 0.75)
    )

    def score(name: str, at_most_q1: int, beyond_q3: int) -> pl.Expr:
        value = pl.col(name)
        return (
            pl.when(value <= q1[name])
            .then(at_most_q1)
            .when(value <= q3[name])
            .then(2)
            .otherwise(beyond_q3)
            .alias(f"{name[0]}_score")
        )

    def is_beyond_fences(name: str) -> pl.Expr:
        reach = 1.5 * (q3[name] - q1[name])
        return ~pl.col(name).is_between(q1[name] - reach, q3[name] + reach)

    place, everyone = pl.col("place"), pl.len()
    segments = pl.LazyFrame(
        job.segments, schema=["r_score", "f_score", "m_score", "segment"], orient="row"
    ).with_columns(pl.col("r_score", "f_score", "m_score").cast(pl.Int32))
    return (
        customers.with_columns(
            score("recency", 3, 1),
            score("frequency", 1, 3),
            score("monetary", 1, 3),
            is_outlier=pl.any_horizontal(map(is_beyond_fences, METRICS)),
        )
        .sort("monetary", *PERSON, descending=[True, False, False])
        .with_row_index("place", offset=1)
        .with_columns(
            total_score=pl.sum_horizontal("r_score", "f_score", "m_score"),
            pyramid_tier=pl.when(place <= (everyone * 0.01).ceil())
            .then(pl.lit("top"))
            .when(place <= (everyone * 0.05).ceil())
            .then(pl.lit("big"))
            .when(place <= (everyone * 0.2).ceil())
            .then(pl.lit("medium"))
            .otherwise(pl.lit("small")),
        )
        .join(segments, on=["r_score", "f_score", "m_score"])
    )


def _cohorts(orders: pl.LazyFrame, as_of: dt.date) -> pl.LazyFrame:
    activity = (
        orders.filter(pl.col("is_valid"))
        .group_by(*PERSON, "month_of_order")
        .agg(pl.col("order_id").n_unique().alias("total_order"), pl.col("gmv_base").sum())
    )
    first = activity.group_by(PERSON).agg(pl.col("month_of_order").min().alias("cohort_month"))
    cells = (
        activity.join(first, on=PERSON)
        .group_by("marketplace", "cohort_month", "month_of_order")
        .agg(
            pl.len().alias("value"),
            pl.col("total_order").sum(),
            pl.col("gmv_base").sum().alias("total_gmv_base_amount"),
        )
    )
    sizes = cells.filter(pl.col("month_of_order") == pl.col("cohort_month")).select(
        "marketplace", "cohort_month", cohort_size="value"
    )
    month, cohort = pl.col("month_of_order"), pl.col("cohort_month")
    return (
        sizes.with_columns(month_of_order=pl.date_ranges("cohort_month", as_of, "1mo"))
        .explode("month_of_order")
        .join(cells, on=["marketplace", "cohort_month", "month_of_order"], how="left")
        .with_columns(
            pl.col("value", "total_order", "total_gmv_base_amount").fill_null(0),
            months=(month.dt.year() - cohort.dt.year()) * 12
            + month.dt.month().cast(pl.Int32)
            - cohort.dt.month().cast(pl.Int32),
            is_partial=month.dt.month_end() > as_of,
        )
        .drop("month_of_order")
    )
