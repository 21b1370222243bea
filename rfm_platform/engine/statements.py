"""DuckDB's statements, parsed once in a process: a third of what one over few rows costs."""

from functools import lru_cache

import duckdb

KEPT = 1000  # texts; those of our files, and of the tables' shapes


@lru_cache(KEPT)
def parsed(sql: str) -> duckdb.Statement:
    """A statement, to be executed by any connection.

    Raises:
        duckdb.ParserException: the text is no SQL.
        ValueError: it is not exactly one statement.
    """
    (statement,) = duckdb.extract_statements(sql)
    return statement
