"""Who runs the SQL over the lake's files: DuckDB in this process, or a Spark Connect server."""

from rfm_platform.engine.binary_streams import COPY_FORMAT
from rfm_platform.engine.csv_streams import EngineError
from rfm_platform.engine.duckdb import DuckDBEngine, Session
from rfm_platform.engine.protocol import SESSION, SqlEngine, SqlSession
from rfm_platform.engine.sql import read_sql

__all__ = [
    "COPY_FORMAT",
    "SESSION",
    "DuckDBEngine",
    "EngineError",
    "Session",
    "SqlEngine",
    "SqlSession",
    "read_sql",
]
