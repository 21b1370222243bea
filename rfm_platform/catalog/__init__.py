"""Every table that the platform reads or writes, once: names, types, meaning.

DDL, comments in the warehouse, column schemas in the Dagster UI and the contract of the source are
derived from here. What a number means is said in the column's comment, for whoever meets it in a
BI tool. No behaviour lives here.
"""

from rfm_platform.catalog.analyses import (
    cohort_retention_snapshots,
    customer_report,
    rfm_cells_snapshots,
    rfm_concentration_snapshots,
    rfm_migration_snapshots,
    rfm_segments_snapshots,
)
from rfm_platform.catalog.campaigns import campaign_effect_lake, campaign_effect_snapshots
from rfm_platform.catalog.customers import (
    aggregated_monthly,
    aggregated_monthly_lake,
    cohort_matrix_snapshots,
    final_user_analysis_lake,
    final_user_analysis_snapshots,
    rfm_scores_snapshots,
    rfm_thresholds,
)
from rfm_platform.catalog.forecast import next_purchase_backtest_snapshots, next_purchase_snapshots
from rfm_platform.catalog.ledgers import (
    audiences,
    check_results,
    newest_snapshots,
    publications,
    redash_objects,
    restatements,
    snapshot_publications,
)
from rfm_platform.catalog.orders import flatten_order_marketplace, order_marketplace, source_orders
from rfm_platform.catalog.schemas import FILES, GROUP_COLUMNS, LAKE, SCHEMA, SOURCE, WAREHOUSE

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

__all__ = [
    "CURRENT_VIEWS",
    "FILES",
    "GROUP_COLUMNS",
    "LAKE",
    "SCHEMA",
    "SOURCE",
    "WAREHOUSE",
    "aggregated_monthly",
    "aggregated_monthly_lake",
    "audiences",
    "campaign_effect_lake",
    "campaign_effect_snapshots",
    "check_results",
    "cohort_matrix_snapshots",
    "cohort_retention_snapshots",
    "customer_report",
    "final_user_analysis_lake",
    "final_user_analysis_snapshots",
    "flatten_order_marketplace",
    "newest_snapshots",
    "next_purchase_backtest_snapshots",
    "next_purchase_snapshots",
    "order_marketplace",
    "publications",
    "redash_objects",
    "restatements",
    "rfm_cells_snapshots",
    "rfm_concentration_snapshots",
    "rfm_migration_snapshots",
    "rfm_scores_snapshots",
    "rfm_segments_snapshots",
    "rfm_thresholds",
    "snapshot_publications",
    "source_orders",
]
