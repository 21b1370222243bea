"""Who else computes the four tables, from the same lines, each as its own users would write it.

A peer's figures count only where every column of every row equals ours (`comparison`).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Peer:
    """Another way to the same tables.

    Attributes:
        name: for people.
        module: beside this file; its ``compute`` is measured.
        packages: whose versions the page names.
        factor: how many times our CPU seconds it takes at least, by our goals.
        is_apart: it runs in the peers' own environment.
        asks_server: PostgreSQL works for it.
        prepares: its ``prepare`` does first what our extraction does, and is measured apart.
        exports: its ``export`` makes Parquet files of its tables afterwards, not measured.
    """

    name: str
    module: str
    packages: tuple[str, ...]
    factor: float
    is_apart: bool = False
    asks_server: bool = False
    prepares: bool = False
    exports: bool = False


PEERS = (
    Peer("DuckDB, one script", "duckdb_sql", ("duckdb",), 1.5),
    Peer("Polars", "polars_lazy", ("polars",), 1.5, is_apart=True),
    Peer("dbt-duckdb", "dbt_duckdb", ("dbt-core", "dbt-duckdb"), 1.5, is_apart=True, exports=True),
    Peer("pandas", "pandas_frames", ("pandas", "pyarrow"), 10.0),
    Peer("PostgreSQL", "postgres_sql", (), 10.0, asks_server=True, prepares=True, exports=True),
)
