"""The engine whose packages the core does not bring."""

import importlib
import warnings

from rfm_platform.engine.protocol import SqlEngine
from rfm_platform.settings import Settings, SettingsError


def spark_engine(settings: Settings) -> SqlEngine:
    """A Spark Connect server as the engine; not connected to yet.

    Raises:
        SettingsError: a package is missing; it names the extra that brings it.
    """
    remote = settings.spark_remote
    # The client warns of pandas 3, of which nothing here is used.
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
    try:
        module = importlib.import_module("rfm_platform.engine.spark")
        if remote is None:
            importlib.import_module("pysail.spark")
    except ModuleNotFoundError as error:
        extra = "spark" if remote is None else "spark-client"
        raise SettingsError(
            f"RFM_ENGINE=spark needs `pip install 'rfm_platform[{extra}]'`: {error.name} is missing"
        ) from None
    engine: SqlEngine = module.SparkEngine(
        settings.spark_sessions, remote.get_secret_value() if remote else None
    )
    return engine
