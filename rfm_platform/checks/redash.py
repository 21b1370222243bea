"""Whether Redash shows what the warehouse holds."""

from dataclasses import asdict

import dagster as dg

from rfm_platform.dashboards.redash.proof import counts
from rfm_platform.presentation import table_of
from rfm_platform.wiring import Platform
from rfm_platform.wiring.redash import provisioner


def redash_checks() -> dg.AssetChecksDefinition:
    """The check of the dashboards."""

    @dg.asset_check(
        asset="redash_dashboards",
        description="Redash ran every declared query, its results are the warehouse's, value by "
        "value, and the totals that Sankey and cohort charts draw are the tables'. What people "
        "edited there is not compared, which warns.",
    )
    def redash_shows_the_warehouse(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        proofs = provisioner(platform).prove(context.log.info)
        found = counts(proofs)
        wrong = [f"{proof.query}: {proof.text}" for proof in proofs if proof.state != "equal"]
        return dg.AssetCheckResult(
            passed=not wrong,
            severity=(
                dg.AssetCheckSeverity.ERROR if found["differs"] else dg.AssetCheckSeverity.WARN
            ),
            description="; ".join(wrong[:5]) + (f" … {len(wrong)} in all" if wrong[5:] else "")
            or f"All {len(proofs)} queries show what the warehouse holds.",
            metadata={"queries": table_of([asdict(proof) for proof in proofs])},
        )

    return redash_shows_the_warehouse
