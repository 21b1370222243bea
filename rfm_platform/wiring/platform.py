"""The platform's parts, put together from the settings.

One object holds every seam, so that a test or another deployment replaces one of them and leaves
the rest. Nothing is connected to before it is used.
"""

from dataclasses import dataclass

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
            self.settings.warehouse_connections,
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
            connections=settings.source_connections,
        ),
        lake=Lake(settings.lake, settings.lake_url),
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
