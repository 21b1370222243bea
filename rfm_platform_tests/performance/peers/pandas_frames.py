"""Peer: pandas, vectorised, with only the columns that it needs and texts as categories.

Everything is in memory at once, which is how pandas works; groups are formed over category codes.
"""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.dataset as ds

from rfm_platform_tests.performance.peers.job import Job, read_job

SHOP = ["marketplace", "shop_id", "shop_name", "magpie_region_code"]
CUSTOMER = [*SHOP, "user_id"]
PERSON = ["marketplace", "user_id"]
READ = [
    *CUSTOMER,
    "create_timestamp",
    "is_cancelled",
    "is_returned",
    "order_id",
    "kurs_rate",
    "product_gmv_amount",
    "marketplace_product_id",
    "marketplace_variant_id",
    "marketplace_product_barcode",
    "shipping_amount",
    "address_shipping_name",
]
SKU = ["marketplace_product_id", "marketplace_variant_id"]
SCORES = ["r_score", "f_score", "m_score"]


def compute(home: Path) -> None:
    """The four tables as Parquet files."""
    job = read_job(home)
    results = job.results("pandas_frames")
    lines = _read(job)
    skus, orders = _skus(lines), _orders(lines)
    del lines
    valid = orders[orders["is_valid"]]
    monthly = _totals(orders, skus, [*CUSTOMER, "month_of_order"])
    monthly.to_parquet(results / "aggregated_monthly.parquet", index=False)
    del monthly
    final = _totals(orders, skus, CUSTOMER)
    final.to_parquet(results / "final_user_analysis.parquet", index=False)
    del final
    _scores(valid, job).to_parquet(results / "rfm_scores.parquet", index=False)
    _cohorts(valid, job.as_of).to_parquet(results / "cohort_matrix.parquet", index=False)


def _read(job: Job) -> pd.DataFrame:
    files = sorted(str(file) for file in job.home.glob("lake/source_orders/*/*.parquet"))
    is_known = pc.field("is_cancelled").is_valid() & pc.field("is_returned").is_valid()
    table = ds.dataset(files).to_table(READ, filter=is_known & (pc.field("user_id") != ""))
    for column in (*CUSTOMER, *SKU):
        place = table.schema.get_field_index(column)
        table = table.set_column(place, column, table[column].dictionary_encode())
    lines: pd.DataFrame = table.to_pandas(self_destruct=True)
    lines["month_of_order"] = lines["create_timestamp"].dt.to_period("M").dt.to_timestamp()
    lines["is_valid"] = ~lines["is_cancelled"].astype(bool) & ~lines["is_returned"].astype(bool)
    # Whole hundredths: exact as floats.
    lines["shipping_amount"] = (lines["shipping_amount"].astype(float) * 100).round()
    return lines.sort_values(["create_timestamp", "kurs_rate"], ignore_index=True)


def _orders(lines: pd.DataFrame) -> pd.DataFrame:
    """The lines come sorted by time: an order's last one is its latest."""
    valid = lines["is_valid"]
    base = lines["product_gmv_amount"] * lines["kurs_rate"]
    lines = lines.assign(
        valid_timestamp=lines["create_timestamp"].where(valid),
        gmv=lines["product_gmv_amount"].where(valid, 0),
        gmv_base=base.where(valid, 0),
        unit=lines["marketplace_product_barcode"].notna() & valid,
        shipping_amount=lines["shipping_amount"].where(valid),
    )
    keys = [*CUSTOMER, "month_of_order", "order_id"]
    groups = lines.groupby(keys, observed=True, dropna=False, sort=False)
    return groups.agg(
        is_valid=("is_valid", "max"),
        is_cancelled=("is_cancelled", "max"),
        is_returned=("is_returned", "max"),
        first_timestamp=("valid_timestamp", "min"),
        last_timestamp=("valid_timestamp", "max"),
        gmv=("gmv", "sum"),
        gmv_base=("gmv_base", "sum"),
        quantity=("unit", "sum"),
        shipping_amount=("shipping_amount", "max"),
        address_shipping_name=("address_shipping_name", "first"),
        latest_timestamp=("create_timestamp", "last"),
        kurs_rate=("kurs_rate", "last"),
    ).reset_index()


def _skus(lines: pd.DataFrame) -> pd.DataFrame:
    bought = lines[lines["is_valid"] & lines[SKU].notna().any(axis=1)]
    bought = bought[[*CUSTOMER, "month_of_order", *SKU]].drop_duplicates()
    product, variant = (bought[part].astype("str").fillna("") for part in SKU)
    return bought.drop(columns=SKU).assign(sku=product + "/" + variant).sort_values("sku")


def _totals(orders: pd.DataFrame, skus: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    orders = orders.sort_values(["latest_timestamp", "kurs_rate"])
    totals = orders.groupby(keys, observed=True, dropna=False, sort=False).agg(
        kurs_rate=("kurs_rate", "last"),
        first_order_timestamp=("first_timestamp", "min"),
        last_order_timestamp=("last_timestamp", "max"),
        total_order=("is_valid", "sum"),
        total_cancelled=("is_cancelled", "sum"),
        total_returned=("is_returned", "sum"),
        total_gmv_amount=("gmv", "sum"),
        total_gmv_base_amount=("gmv_base", "sum"),
        total_quantity=("quantity", "sum"),
        min_shipping_amount=("shipping_amount", "min"),
        max_shipping_amount=("shipping_amount", "max"),
        avg_shipping_amount=("shipping_amount", "mean"),
    )
    mean = np.floor(totals["avg_shipping_amount"] / 100 + 0.5)
    totals["avg_shipping_amount"] = mean.astype("Int64")
    for column in ("min_shipping_amount", "max_shipping_amount"):
        totals[column] /= 100
    latest = orders[orders["is_valid"]].sort_values(["last_timestamp", "order_id"])
    latest = latest[[*keys, "address_shipping_name"]].drop_duplicates(keys, keep="last")
    bought = skus[[*keys, "sku"]].drop_duplicates()
    lists = bought.groupby(keys, observed=True, dropna=False, sort=False)["sku"].agg(list)
    joined = totals.reset_index().merge(latest, "left", keys)
    joined = joined.merge(lists.rename("sku_list").reset_index(), "left", keys)
    joined["total_sku"] = joined["sku_list"].str.len().fillna(0).astype("int64")
    empty = joined["sku_list"].isna()
    joined.loc[empty, "sku_list"] = pd.Series([[]] * empty.sum(), joined.index[empty])
    return joined


def _scores(valid: pd.DataFrame, job: Job) -> pd.DataFrame:
    groups = valid.groupby(PERSON, observed=True)
    customers = groups.agg(
        last=("last_timestamp", "max"),
        frequency=("order_id", "nunique"),
        monetary=("gmv_base", "sum"),
    ).reset_index()
    customers["recency"] = (pd.Timestamp(job.as_of) - customers.pop("last").dt.normalize()).dt.days
    is_outlier = np.zeros(len(customers), dtype=bool)
    for metric, (low, high) in {"recency": (3, 1), "frequency": (1, 3), "monetary": (1, 3)}.items():
        values = customers[metric]
        q1, q3 = values.quantile([0.25, 0.75])
        reach = 1.5 * (q3 - q1)
        is_outlier |= ~values.between(q1 - reach, q3 + reach)
        classes = [values <= q1, values <= q3]
        customers[f"{metric[0]}_score"] = np.select(classes, [low, 2], high)
    customers["is_outlier"] = is_outlier
    customers["total_score"] = customers[SCORES].sum(axis=1)
    for column in PERSON:
        customers[column] = customers[column].astype("str")
    customers = customers.sort_values(["monetary", *PERSON], ascending=[False, True, True])
    place, everyone = np.arange(1, len(customers) + 1), len(customers)
    tiers = [place <= np.ceil(everyone * share) for share in (0.01, 0.05, 0.2)]
    customers["pyramid_tier"] = np.select(tiers, ["top", "big", "medium"], "small")
    return customers.merge(pd.DataFrame(job.segments, columns=[*SCORES, "segment"]), on=SCORES)


def _cohorts(valid: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    activity = (
        valid.groupby([*PERSON, "month_of_order"], observed=True)
        .agg(total_order=("order_id", "nunique"), total_gmv_base_amount=("gmv_base", "sum"))
        .reset_index()
    )
    months = activity["month_of_order"]
    activity["month"] = months.dt.year * 12 + months.dt.month - 1
    activity["cohort"] = activity.groupby(PERSON, observed=True)["month"].transform("min")
    cells = activity.groupby(["marketplace", "cohort", "month"], observed=True).agg(
        value=("user_id", "size"),
        total_order=("total_order", "sum"),
        total_gmv_base_amount=("total_gmv_base_amount", "sum"),
    )
    cells = cells.reset_index()
    sizes = cells.loc[cells["month"] == cells["cohort"], ["marketplace", "cohort", "value"]]
    reached = as_of.year * 12 + as_of.month - 1
    grid = sizes.rename(columns={"value": "cohort_size"}).merge(
        pd.DataFrame({"month": np.arange(cells["month"].min(), reached + 1)}), "cross"
    )
    dense = grid[grid["month"] >= grid["cohort"]].merge(
        cells, "left", ["marketplace", "cohort", "month"]
    )
    counts = ["value", "total_order", "total_gmv_base_amount"]
    dense[counts] = dense[counts].fillna(0).astype("int64")
    dense["months"] = dense["month"] - dense["cohort"]
    year, month = dense.pop("cohort").divmod(12)
    dense["cohort_month"] = pd.to_datetime({"year": year, "month": month + 1, "day": 1})
    is_over = (as_of + dt.timedelta(days=1)).month != as_of.month
    dense["is_partial"] = (dense.pop("month") == reached) & (not is_over)
    return dense
