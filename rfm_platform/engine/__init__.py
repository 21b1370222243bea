"""Who runs the SQL over the lake's files: DuckDB, in this process."""

from rfm_platform.engine.duckdb import DuckDBEngine, EngineError, Session
from rfm_platform.engine.sql import read_sql

__all__ = ["DuckDBEngine", "EngineError", "Session", "read_sql"]
