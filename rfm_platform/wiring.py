"""The platform's parts, put together from the settings.

One object holds every seam, so that a test or another deployment replaces one of them and leaves
the rest. Nothing is connected to before it is used.
"""

import shlex
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from rfm_platform.bi_database.dump import DumpOptions
from rfm_platform.bi_database.endpoint import CommandEndpoint, UrlEndpoint
from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.move import Move
from rfm_platform.bi_database.restore import RestoreOptions
from rfm_platform.bi_database.smoke import Redash
from rfm_platform.customers.analyses import Analyses
from rfm_platform.customers.audience import Audiences
from rfm_platform.customers.campaign_effect import CampaignEffects
from rfm_platform.customers.campaigns import Campaign, load_campaigns
from rfm_platform.customers.extraction import Extraction
from rfm_platform.customers.forecast import Forecasts
from rfm_platform.customers.publishing import Publisher
from rfm_platform.customers.segments import Segments, load_segments
from rfm_platform.customers.transforms import Transforms
from rfm_platform.dashboards import Reports
from rfm_platform.engine import DuckDBEngine, SqlEngine
from rfm_platform.engine.optional import spark_engine
from rfm_platform.lake import Lake
from rfm_platform.mart import Mart, SourceNames
from rfm_platform.notifier import Notifier
from rfm_platform.postgres import Database, external
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.settings import Settings
from rfm_platform.warehouse import Warehouse


@dataclass(frozen=True)
class Platform:
    """Everything that an asset or a check works with.

    Attributes:
        engine: streams between the databases and the lake, checks, forecasts.
        transform_engine: what RFM_ENGINE asks for; computes transforms and analyses.
    """

    settings: Settings
    mart: Mart
    lake: Lake
    engine: DuckDBEngine
    transform_engine: SqlEngine
    warehouse: Warehouse
    notifier: Notifier

    @property
    def extraction(self) -> Extraction:
        return Extraction(self.lake, self.engine)

    @property
    def transforms(self) -> Transforms:
        return Transforms(self.lake, self.transform_engine, self.settings.timezone)

    @property
    def checked_transforms(self) -> Transforms:
        """What checks compute anew, by DuckDB, whichever engine made what they check."""
        return Transforms(self.lake, self.engine, self.settings.timezone)

    @property
    def analyses(self) -> Analyses:
        return Analyses(self.transforms, self.settings.min_customers, self.settings.min_days)

    @property
    def campaign_effects(self) -> CampaignEffects:
        return CampaignEffects(
            self.lake,
            self.engine,
            self.settings.campaign_min_customers,
            per_marketplace=self.settings.quartiles_per_marketplace,
        )

    @property
    def forecasts(self) -> Forecasts:
        return Forecasts(self.lake, self.engine)

    @property
    def audiences(self) -> Audiences:
        return Audiences(self.lake, self.engine, self.warehouse, self.settings.timezone)

    @property
    def reports(self) -> Reports:
        return Reports(
            self.lake,
            self.engine,
            self.warehouse,
            self.settings.lake / "customer_report",
            self.settings.min_cell,
            self.settings.report_shops,
            (self.settings.currency, self.settings.currency_decimals),
        )

    @property
    def publisher(self) -> Publisher:
        return Publisher(
            self.lake,
            self.engine,
            self.warehouse,
            self.settings.keep_days,
            self.settings.timezone,
        )

    def segments(self) -> Segments:
        """The segment table, read from its file now."""
        return load_segments(self.settings.segments_file)

    def campaigns(self) -> list[Campaign]:
        """The campaign calendar, read from its file now; without a file, no campaign."""
        return load_campaigns(self.settings.campaigns_file)


def build_platform(settings: Settings) -> Platform:
    """The parts that the settings ask for.

    Raises:
        SettingsError: RFM_ENGINE=spark, and its extra is not installed.
    """
    engine = DuckDBEngine(settings.memory_limit, settings.spill, settings.threads)
    return Platform(
        settings=settings,
        mart=Mart(
            database=source_database(settings),
            names=SourceNames(
                schema=settings.source_schema,
                lines=settings.source_lines_table,
                orders=settings.source_orders_table,
                columns=settings.source_columns,
            ),
            timezone=settings.timezone,
            timeout_seconds=settings.source_timeout_seconds,
        ),
        lake=Lake(settings.lake),
        engine=engine,
        transform_engine=engine if settings.engine == "duckdb" else spark_engine(settings),
        warehouse=Warehouse(warehouse_database(settings)),
        notifier=Notifier(
            settings.alert_urls.get_secret_value().split() if settings.alert_urls else ()
        ),
    )


def source_database(settings: Settings) -> Database:
    """The data mart: RFM_SOURCE_URL, or the embedded server's."""
    if settings.source_url is not None:
        return external("data mart", settings.source_url.get_secret_value())
    return EmbeddedServer(settings.home).database("data_mart")


def warehouse_database(settings: Settings) -> Database:
    """The warehouse: RFM_WAREHOUSE_URL, or the embedded server's."""
    if settings.warehouse_url is not None:
        return external("warehouse", settings.warehouse_url.get_secret_value())
    return EmbeddedServer(settings.home).database("warehouse")


def bi_source(settings: Settings) -> UrlEndpoint | CommandEndpoint:
    """The BI platform's database: RFM_BI_SOURCE_COMMAND, or RFM_BI_SOURCE_URL.

    Raises:
        BiDatabaseError: neither is set.
    """
    if settings.bi_source_command:
        return CommandEndpoint(
            tuple(shlex.split(settings.bi_source_command)),
            settings.bi_source_user,
            settings.bi_source_database,
        )
    if settings.bi_source_url is None:
        raise BiDatabaseError(
            "Where the BI platform's database is, is not set: RFM_BI_SOURCE_URL, or "
            "RFM_BI_SOURCE_COMMAND (`rfm bi find HOST` tells it)"
        )
    return UrlEndpoint(external("BI database", settings.bi_source_url.get_secret_value()))


def bi_move(settings: Settings, *, replace: bool = False) -> Move:
    """The move to RFM_BI_TARGET_URL.

    Raises:
        BiDatabaseError: the source or the target is not set.
    """
    if settings.bi_target_url is None:
        raise BiDatabaseError("Where the BI platform's database moves to: set RFM_BI_TARGET_URL")
    target = external("new BI database", settings.bi_target_url.get_secret_value())
    return _move(settings, target, bi_dumps(settings) / "move", "bi_move", replace=replace)


def bi_drill(settings: Settings, name: str) -> Move:
    """The restore drill of a day: into RFM_BI_DRILL_URL, or a database of the embedded server.

    Raises:
        BiDatabaseError: the source is not set.
    """
    if settings.bi_drill_url is not None:
        target = external("drill database", settings.bi_drill_url.get_secret_value())
    else:
        target = EmbeddedServer(settings.home).database("bi_restore_drill")
    return _move(settings, target, bi_dumps(settings) / name, "bi_drill", replace=True)


def bi_dumps(settings: Settings) -> Path:
    """Where dumps lie."""
    return settings.bi_dumps or settings.home / "bi_dumps"


def _move(
    settings: Settings, target: Database, directory: Path, work: str, *, replace: bool
) -> Move:
    server = None
    if settings.redash_url and settings.redash_api_key:
        server = Redash(settings.redash_url, settings.redash_api_key.get_secret_value())
    return Move(
        source=bi_source(settings),
        target=target,
        directory=directory,
        work=settings.home / work,
        dump=DumpOptions(
            format=settings.bi_format,
            jobs=settings.bi_jobs,
            compression=settings.bi_compression,
            recipients=tuple((settings.bi_recipients or "").split()),
        ),
        restore=RestoreOptions(
            jobs=settings.bi_jobs,
            replace=replace,
            roles=settings.bi_roles,
            identity=_secret(settings.bi_identity),
        ),
        secret=_secret(settings.bi_secret_key),
        cookie_secret=_secret(settings.bi_cookie_secret),
        redash_version=settings.redash_version,
        server=server,
        store=settings.bi_store_url,
    )


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value is not None else None
