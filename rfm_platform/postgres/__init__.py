"""PostgreSQL at the edges: the data mart, the warehouse, the BI platform's database.

`Database` is one of them, wherever it runs; `embedded` runs a server of our own when no URL was
given. What is stored where, and in which tables, is for the modules above.
"""

from rfm_platform.postgres.database import (
    Database,
    DatabaseError,
    external,
    parse_url,
    with_keepalives,
)

__all__ = ["Database", "DatabaseError", "external", "parse_url", "with_keepalives"]
