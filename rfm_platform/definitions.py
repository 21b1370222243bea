"""Everything that Dagster loads, and nothing else.

`build_defs` makes it for any settings, so that a test has a code location of its own; `defs` is
the one of the environment, made when Dagster asks for it.
"""

import dagster as dg

from rfm_platform.assets.analyses import analysis_assets
from rfm_platform.assets.bi_database import bi_database_assets
from rfm_platform.assets.campaigns import campaign_assets
from rfm_platform.assets.customers import customer_assets
from rfm_platform.assets.forecast import forecast_assets
from rfm_platform.assets.redash import redash_assets
from rfm_platform.assets.source_orders import source_assets
from rfm_platform.automation.alerts import alert_sensors
from rfm_platform.automation.connections import in_process_executor
from rfm_platform.automation.jobs import DAILY_JOB, DEADLINE_JOB, DRILL_JOB, jobs
from rfm_platform.automation.maintenance import maintenance_job
from rfm_platform.automation.schedules import drill_schedule, schedules
from rfm_platform.checks.analyses import analysis_checks
from rfm_platform.checks.bi_database import bi_database_checks
from rfm_platform.checks.deadline import deadline_check
from rfm_platform.checks.drift import drift_checks
from rfm_platform.checks.forecast import forecast_checks
from rfm_platform.checks.quality import quality_checks
from rfm_platform.checks.reconciliation import reconciliation_checks
from rfm_platform.checks.redash import redash_checks
from rfm_platform.checks.snapshots import snapshot_checks
from rfm_platform.checks.source import source_checks
from rfm_platform.partitions import daily_partitions, drill_partitions
from rfm_platform.settings import Settings, load_settings
from rfm_platform.wiring import Platform, build_platform
from rfm_platform.wiring.redash import is_provisioned


def build_defs(settings: Settings, platform: Platform | None = None) -> dg.Definitions:
    """The code location for some settings.

    Args:
        platform: replaces the parts that the settings ask for.
    """
    daily = daily_partitions(settings)
    drills = drill_partitions(settings)
    the_jobs = jobs(analyses=settings.analyses, redash=is_provisioned(settings))
    maintenance = maintenance_job()
    checks = [
        *source_checks(),
        quality_checks(daily),
        *reconciliation_checks(daily),
        *snapshot_checks(daily),
        *analysis_checks(daily),
        *forecast_checks(daily),
        *drift_checks(daily),
        deadline_check(daily),
    ]
    specs = [spec for check in checks for spec in check.check_specs]
    return dg.Definitions(
        assets=[
            *source_assets(daily),
            *customer_assets(daily),
            *analysis_assets(daily, specs),
            *campaign_assets(daily),
            *forecast_assets(daily),
            *redash_assets(daily, specs),
            *bi_database_assets(drills),
        ],
        asset_checks=[*checks, redash_checks(), bi_database_checks(drills)],
        jobs=[*the_jobs.values(), maintenance],
        schedules=[
            *schedules(settings, daily, the_jobs[DAILY_JOB], the_jobs[DEADLINE_JOB], maintenance),
            drill_schedule(settings, the_jobs[DRILL_JOB]),
        ],
        sensors=alert_sensors(running=settings.schedules),
        resources={"platform": platform or build_platform(settings)},
        # A process a step costs six times the work itself: measured in docs/architecture.md.
        executor=in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The code location of this process' environment."""
    return build_defs(load_settings())
