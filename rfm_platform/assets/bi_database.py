"""The BI platform's database by day: what it is, a dump of it, and a restore that proves the dump.

The daily drill: a backup counts only once it was restored and compared, which the checks do. The
restore goes into a database that the drill owns and replaces every day; the move to the new server
is `rfm bi migrate`, with the same code.
"""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from rfm_platform.assets.definition import Decorator
from rfm_platform.bi_database import redash
from rfm_platform.bi_database.emptying import contents
from rfm_platform.bi_database.move import DRILL_MARK
from rfm_platform.bi_database.overview import facts_of, sequences_of, tables_of
from rfm_platform.bi_database.state import read_definitions
from rfm_platform.bi_database.target import is_ours, mark_as_ours
from rfm_platform.presentation import BI_GROUP, BI_OWNERS, PERSONAL_DATA, table_of
from rfm_platform.settings import Settings
from rfm_platform.wiring import Platform
from rfm_platform.wiring.bi_database import bi_drill, bi_source, refuse_moved

POOL = "bi_database"


def bi_database_assets(daily: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The three assets over the given days."""

    def asset(**arguments: Any) -> Decorator:
        decorator: Decorator = dg.asset(
            partitions_def=daily,
            group_name=BI_GROUP,
            owners=BI_OWNERS,
            pool=POOL,
            kinds={"postgres"},
            code_version="1",
            **arguments,
        )
        return decorator

    @asset(
        description="What the BI platform's database is and holds: release, size, encoding, roles, "
        "tables, sequences, and the application with its schema's revision.",
    )
    def bi_database_inventory(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        _only_today(context, platform.settings)
        source = bi_source(platform.settings)
        with source.session() as session:
            state = read_definitions(session)
            application = redash.read_application(session, state)
        return dg.MaterializeResult(
            metadata={
                "source": source.label,
                "bytes": state.bytes,
                **{name: text for name, text in facts_of(state, application).items() if text},
                "tables": table_of(tables_of(state)),
                "sequences": table_of(sequences_of(state)),
            }
        )

    @asset(
        deps=[bi_database_inventory],
        tags={PERSONAL_DATA: "true"},
        description="A dump of one consistent snapshot, with a manifest of every table's rows and "
        "content as that snapshot saw them.",
    )
    def bi_database_dump(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        _only_today(context, platform.settings)
        move = bi_drill(platform.settings, context.partition_key)
        manifest = move.make_dump(context.log.info)
        for text in move.remove_old_dumps(platform.settings.bi_keep_dumps):
            context.log.info(text)
        return dg.MaterializeResult(
            metadata={
                "path": dg.MetadataValue.path(str(move.directory)),
                "dumped_bytes": manifest.bytes,
                "database_bytes": manifest.state.bytes,
                "rows": sum(table.rows or 0 for table in manifest.state.tables),
                "snapshot": manifest.state.read_at,
                "pg_dump": manifest.tool,
                "format": manifest.format,
                "compression": manifest.compression,
                "encrypted": manifest.is_encrypted,
                "files": table_of([file.model_dump() for file in manifest.files[:100]]),
            }
        )

    @asset(
        deps=[bi_database_dump],
        tags={PERSONAL_DATA: "true"},
        description="The day's dump, restored into a database that the drill owns. The checks "
        "compare it with what the dump's snapshot held.",
    )
    def bi_database_restore(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        move = bi_drill(platform.settings, context.partition_key)
        refuse_moved(platform.settings, move.target)
        held = contents(move.target)
        if held and not is_ours(move.target, DRILL_MARK):
            raise dg.Failure(
                f"{move.target.label} holds {held} and is not the drill's: set RFM_BI_DRILL_URL to "
                "an empty database"
            )
        mark_as_ours(move.target, DRILL_MARK)
        started = dt.datetime.now(dt.UTC)
        phases: set[str] = set()

        def tell(phase: str, _done: int, _total: int) -> None:
            if phase not in phases:  # a line a phase: the log is kept
                phases.add(phase)
                context.log.info(phase)

        findings = move.restore_dump(tell)
        return dg.MaterializeResult(
            metadata={
                "target": move.target.label,
                "seconds": (dt.datetime.now(dt.UTC) - started).total_seconds(),
                "preflight": table_of([finding.model_dump() for finding in findings]),
            }
        )

    return [bi_database_inventory, bi_database_dump, bi_database_restore]


def _only_today(context: dg.AssetExecutionContext, settings: Settings) -> None:
    today = dt.datetime.now(ZoneInfo(settings.timezone)).date().isoformat()
    if context.partition_key != today:
        raise dg.Failure(
            f"A dump shows the database as it is now: only today's partition ({today}) can be "
            f"made, not {context.partition_key}"
        )
