"""The jobs: loading days, taking snapshots, and both every morning."""

from typing import Any

import dagster as dg

from rfm_platform.partitions import LateChanges

LOADED = ("source_orders", "aggregated_monthly")
SNAPSHOTS = ("final_user_analysis", "rfm_scores", "cohort_matrix")
ANALYSES = (
    "rfm_segments",
    "rfm_migration",
    "cohort_retention",
    "campaign_effect",
    "next_purchase",
    "next_purchase_backtest",
    "customer_report",
)

REDASH_DASHBOARDS = "redash_dashboards"
BI_DATABASE = ("bi_database_inventory", "bi_database_dump", "bi_database_restore")

LOAD_JOB = "load_days"
SNAPSHOT_JOB = "take_snapshot"
DAILY_JOB = "daily"
DEADLINE_JOB = "check_deadline"
DRILL_JOB = "bi_restore_drill"
REDASH_JOB = "redash"
# Whether a new day is like the ones before: nobody asks that of each day of a backfill.
DRIFT = [
    dg.AssetCheckKey(dg.AssetKey("aggregated_monthly"), "days_are_as_usual"),
    dg.AssetCheckKey(dg.AssetKey("rfm_scores"), "segments_are_stable"),
]
DEADLINE = dg.AssetCheckKey(dg.AssetKey("rfm_scores"), "is_published_by_the_deadline")
# On Kubernetes a run is one pod with the resources that helm-values.yaml gives to the transforms.
# Jobs that compute nothing ask for less; nothing else reads this tag.
SMALL_POD: dict[str, Any] = {
    "dagster-k8s/config": {
        "container_config": {
            "resources": {
                "requests": {"cpu": "250m", "memory": "1Gi"},
                "limits": {"cpu": "1", "memory": "1Gi"},
            }
        }
    }
}

_SOURCE_CHECKS = dg.AssetSelection.checks_for_assets("flatten_order_marketplace")


def jobs(*, analyses: bool, redash: bool) -> dict[str, Any]:
    """Each job by its name, with the checks of its assets. Dagster exports no type for it.

    Args:
        analyses: whether a snapshot's jobs make its analyses and its report as well.
        redash: whether every morning brings Redash to the declaration.
    """
    dashboards = (REDASH_DASHBOARDS,) if redash else ()
    snapshot = (*SNAPSHOTS, *(ANALYSES if analyses else ()))
    defined = [
        dg.define_asset_job(
            LOAD_JOB,
            selection=(_with_checks(*LOADED) | _SOURCE_CHECKS) - dg.AssetSelection.checks(*DRIFT),
            description="Reads days from the mart and folds them into their months.",
        ),
        dg.define_asset_job(
            SNAPSHOT_JOB,
            selection=_with_checks(*snapshot) - dg.AssetSelection.checks(*DRIFT),
            description="Customers, scores and cohorts as of a day, from what is loaded.",
        ),
        dg.define_asset_job(
            DAILY_JOB,
            selection=_with_checks(*LOADED, *snapshot, *dashboards) | _SOURCE_CHECKS,
            config=LateChanges.WINDOW.config,
            description="A day from the mart to the published tables, and what has changed since "
            "they were read in the days before it.",
        ),
        dg.define_asset_job(
            DEADLINE_JOB,
            selection=dg.AssetSelection.checks(DEADLINE),
            tags=SMALL_POD,
            description="Looks whether the newest day is published.",
        ),
        dg.define_asset_job(
            REDASH_JOB,
            selection=_with_checks(REDASH_DASHBOARDS),
            tags=SMALL_POD,
            description="Brings Redash to the declared dashboards and proves their figures.",
        ),
        dg.define_asset_job(
            DRILL_JOB,
            selection=_with_checks(*BI_DATABASE),
            description="Dumps the BI platform's database, restores the dump and compares.",
        ),
    ]
    return {job.name: job for job in defined}


def _with_checks(*assets: str) -> dg.AssetSelection:
    selected = dg.AssetSelection.assets(*assets) | dg.AssetSelection.checks_for_assets(*assets)
    return selected - dg.AssetSelection.checks(DEADLINE)
