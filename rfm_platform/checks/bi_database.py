"""Whether the restored BI database is what was dumped: every row, every object, every secret."""

from collections.abc import Iterator

import dagster as dg

from rfm_platform.bi_database.gates import look_at_application
from rfm_platform.bi_database.move import Move
from rfm_platform.bi_database.results import Verification
from rfm_platform.presentation import table_of
from rfm_platform.wiring import Platform
from rfm_platform.wiring.bi_database import bi_drill

ASSET = dg.AssetKey("bi_database_restore")
ROWS, OBJECTS, APPLICATION = "every_row_is_there", "every_object_is_there", "application_is_whole"
DESCRIPTIONS = {
    ROWS: "Each table holds every value of every row that the dump's snapshot saw. A table that "
    "was skipped says why.",
    OBJECTS: "Columns, keys, indexes, triggers, functions, views, comments, large objects, "
    "sequences, owners and rights are as they were.",
    APPLICATION: "What people made in Redash is there, the schema's revision is known, and the "
    "secret key opens every encrypted row.",
}


def bi_database_checks(daily: dg.DailyPartitionsDefinition) -> dg.AssetChecksDefinition:
    """The checks on the day's restore."""

    @dg.multi_asset_check(
        name="bi_database_checks",
        specs=[
            dg.AssetCheckSpec(name, asset=ASSET, description=text, partitions_def=daily)
            for name, text in DESCRIPTIONS.items()
        ],
    )
    def checks(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.AssetCheckResult]:
        move = bi_drill(platform.settings, context.partition_key)
        found = move.verify()
        yield _rows(found)
        yield _objects(found)
        yield _application(move)

    return checks


def _rows(found: Verification) -> dg.AssetCheckResult:
    bad = found.bad_tables
    return dg.AssetCheckResult(
        check_name=ROWS,
        passed=not bad,
        description="; ".join(f"{each.table} {each.state}: {each.why}" for each in bad[:10])
        or f"{sum(each.state == 'validated' for each in found.tables)} tables validated.",
        metadata={"tables": table_of([each.model_dump() for each in found.tables])},
    )


def _objects(found: Verification) -> dg.AssetCheckResult:
    bad = [section for section in found.sections if not section.is_equal]
    return dg.AssetCheckResult(
        check_name=OBJECTS,
        passed=not bad,
        description="; ".join(f"{each.section}: {each.verdict}" for each in bad)
        or f"{sum(each.compared for each in found.sections)} objects compared, all equal.",
        metadata={
            "kinds": table_of(
                [
                    {"kind": each.section, "equal": each.is_equal, "finding": each.verdict}
                    for each in found.sections
                ]
            ),
            "notes": "\n".join(found.notes) or "none",
        },
    )


def _application(move: Move) -> dg.AssetCheckResult:
    outcome = look_at_application(move)
    return dg.AssetCheckResult(
        check_name=APPLICATION,
        passed=outcome.state != "failed",
        description=outcome.text,
        metadata={
            "findings": table_of([each.model_dump() for each in outcome.details]),
            "objects": table_of(outcome.objects),
        },
    )
