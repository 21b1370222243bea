"""Column lineage, as the Dagster UI shows it, is what the SQL says.

Resolving it takes seconds, so it is written down once in ``lineage.json`` and held against the SQL
here. ``UPDATE_SNAPSHOTS=1 pytest`` writes it anew after a transform has changed.
"""

import json
import os
from importlib import resources
from pathlib import Path

import sqlalchemy as sa
from sqlglot import exp
from sqlglot.lineage import Node, lineage

from rfm_platform import catalog
from rfm_platform.customers.analyses import ACTIONS
from rfm_platform.customers.transforms import SEGMENT_CELLS
from rfm_platform.engine import read_sql

PACKAGE = "rfm_platform.customers"
FILE = Path(str(resources.files(PACKAGE).joinpath("lineage.json")))

# Asset → its last query, the queries that it reads under a name, and what the tables below are:
# a name that a query uses → the asset and its columns.
Tables = dict[str, sa.Table]
MONTHS = {
    "month_orders": "month_orders",
    "month_skus": "month_skus",
    "month_sku_lists": "month_sku_lists",
    "customer_skus": "customer_skus",
    "aggregated_monthly": "aggregated_monthly",
}
CUSTOMERS = (
    *("repeated_customers", "repeated_months", "merged_customers"),
    "final_user_analysis",
)
SCORES = {
    "rfm_customers": "rfm_customers",
    "rfm_quartiles": "rfm_quartiles",
    "rfm_scores": "rfm_scores",
}
SCORED: Tables = {
    "rfm_scores": catalog.rfm_scores_snapshots,
    "final_user_analysis": catalog.final_user_analysis_lake,
}
# Each customer's cause, which comes from the scores and thresholds of both snapshots.
CAUSES = sa.Table(
    "migration_causes",
    sa.MetaData(),
    *(sa.Column(name, sa.Text) for name in ("marketplace", "user_id", "cause")),
)
NEXT_PURCHASE = (
    "next_purchase",
    "customer_forecasts",
    "customer_histories",
    "purchase_days",
    "customer_days",
)
# What the model makes of a history.
FORECASTS = sa.Table(
    "forecasts",
    sa.MetaData(),
    *(
        sa.Column(name, sa.Text)
        for name in (
            *("repeats", "last_purchase", "age"),
            *("probability_alive", "probability_active", "expected_purchases"),
        )
    ),
)
MONTHLY: Tables = {"months": catalog.aggregated_monthly_lake}
# The lake's merging columns, by the published column that they carry on.
CARRIED_AS = {
    "shipping_total": "avg_shipping_amount",
    "shipping_orders": "avg_shipping_amount",
    "shared_order": "total_order",
}
NO_COLUMNS: tuple[str, dict[str, str], Tables, sa.Table] = (
    "publish_rfm_segments",
    {},
    {},
    sa.Table("none", sa.MetaData()),
)
ASSETS: dict[str, tuple[str, dict[str, str], Tables, sa.Table]] = {
    "source_orders": (
        "source_orders",
        {"read_lines": "read_lines", "read_days": "read_days"},
        {"mart_lines": catalog.flatten_order_marketplace, "mart_names": catalog.order_marketplace},
        catalog.source_orders,
    ),
    "aggregated_monthly": (
        "publish_aggregated_monthly",
        MONTHS,
        {"month_lines": catalog.source_orders},
        catalog.aggregated_monthly,
    ),
    "final_user_analysis": (
        "publish_final_user_analysis",
        {name: name for name in CUSTOMERS},
        MONTHLY,
        catalog.final_user_analysis_snapshots,
    ),
    "rfm_scores": (
        "publish_rfm_scores",
        SCORES,
        {"final_user_analysis": catalog.final_user_analysis_lake},
        catalog.rfm_scores_snapshots,
    ),
    "cohort_matrix": (
        "publish_cohort_matrix",
        {"cohort_matrix": "cohort_matrix"},
        MONTHLY,
        catalog.cohort_matrix_snapshots,
    ),
    "rfm_segments": (
        "publish_rfm_segments",
        {name: name for name in ("rfm_segments", "shop_customers", "slice_counts", "slice_totals")},
        SCORED | {"segment_actions": ACTIONS},
        catalog.rfm_segments_snapshots,
    ),
    "rfm_migration": (
        "publish_rfm_migration",
        {
            "rfm_migration": "rfm_migration",
            "slices_now": "slices",
            "slices_before": "slices",
            "shop_customers": "shop_customers",
        },
        SCORED | {"segment_cells": SEGMENT_CELLS, "migration_causes": CAUSES},
        catalog.rfm_migration_snapshots,
    ),
    "cohort_retention": (
        "publish_cohort_retention",
        {"cohort_retention": "cohort_retention"},
        MONTHLY | {"cohort_matrix": catalog.cohort_matrix_snapshots},
        catalog.cohort_retention_snapshots,
    ),
    # Computed outside of SQL, from source_orders and the calendar.
    "campaign_effect": NO_COLUMNS,
    "next_purchase": (
        "publish_next_purchase",
        {name: name for name in NEXT_PURCHASE},
        {"source_orders": catalog.source_orders, "forecasts": FORECASTS},
        catalog.next_purchase_snapshots,
    ),
    "next_purchase_backtest": NO_COLUMNS,
    "customer_report": NO_COLUMNS,
}
# The segment file, which is no asset, what is made of scores and it, and what a model says.
FROM_FILE = ("segment_actions", "segment_cells", "migration_causes", "forecasts")
ASSET_OF = {
    "mart_lines": "flatten_order_marketplace",
    "mart_names": "order_marketplace",
    "source_orders": "source_orders",
    "month_lines": "source_orders",
    "months": "aggregated_monthly",
    "final_user_analysis": "final_user_analysis",
    "rfm_scores": "rfm_scores",
    "cohort_matrix": "cohort_matrix",
}


def _resolve(asset: str) -> dict[str, list[list[str]]]:
    query, steps, tables, published = ASSETS[asset]
    schema = {
        name: {column.name: "text" for column in table.columns} for name, table in tables.items()
    }
    sources = {name: read_sql(PACKAGE, step) for name, step in steps.items()}
    found = {}
    for column in published.columns:
        node = lineage(
            column.name, read_sql(PACKAGE, query), schema, sources=sources, dialect="duckdb"
        )
        found[column.name] = [list(leaf) for leaf in sorted(_leaves(node, tables))]
    return found


def _leaves(node: Node, tables: Tables) -> set[tuple[str, str]]:
    leaves = set()
    for leaf in node.walk():
        table = leaf.source.find(exp.Table) if not leaf.downstream else None
        name = leaf.name.rpartition(".")[2].strip('"')
        if table is not None and table.name in tables and name in tables[table.name].columns:
            if table.name in FROM_FILE:
                continue
            leaves.add((ASSET_OF[table.name], CARRIED_AS.get(name, name)))
    return leaves


def test_the_lineage_that_the_ui_shows_is_the_sqls() -> None:
    resolved = {asset: _resolve(asset) for asset in ASSETS}
    if os.environ.get("UPDATE_SNAPSHOTS"):
        FILE.write_text(json.dumps(resolved, indent=1) + "\n", encoding="utf-8")
    assert json.loads(FILE.read_text(encoding="utf-8")) == resolved


def test_every_figure_has_a_source() -> None:
    # Times of a run, months of a calendar, names from the segment file.
    sourceless = {
        "load_timestamp",
        "etl_batch_time",
        "as_of_date",
        "month_of_order",
        "segment",
        "is_partial",
        "from_date",
        "action",
        "scope",
        "withheld",
        "cause",
        "from_segment",
        "to_segment",
        "is_left_truncated",
        "probability_alive",
        "probability_active",
    }
    for asset, columns in json.loads(FILE.read_text(encoding="utf-8")).items():
        without = {column for column, sources in columns.items() if not sources}
        assert without <= sourceless, asset
