"""A piece of a long history looks its orders' names up among all of them, most of which spilled."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from rfm_platform import catalog
from rfm_platform.engine import DuckDBEngine, Session, read_sql
from rfm_platform.engine.sql import duckdb_type

ORDERS = 1_200_000
PIECE = range(600_000, 601_000)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """With a thousand orders of a piece, in the middle of the names of many."""
    with DuckDBEngine(memory_limit=500_000_000, spill=tmp_path).session() as session:
        number = {"marketplace": "'shopee'", "order_id": "CAST(n AS VARCHAR)"}
        lines = [*catalog.flatten_order_marketplace.columns, sa.Column("line_hash", sa.BigInteger)]
        columns = ", ".join(
            f"CAST({number.get(c.name, 'NULL')} AS {duckdb_type(c)}) AS {c.name}" for c in lines
        )
        session.materialize(
            "mart_lines", f"SELECT {columns} FROM RANGE({PIECE.start}, {PIECE.stop}) AS r (n)"
        )
        session.materialize(
            "mart_names",
            "SELECT 'shopee' AS marketplace, CAST(n AS VARCHAR) AS order_id, "
            "'recipient ' || n AS address_shipping_name, n AS name_hash, "
            "CAST(HASH('shopee', CAST(n AS VARCHAR)) >> 1 AS BIGINT) AS order_hash "
            f"FROM RANGE({ORDERS}) AS r (n) ORDER BY n",
        )
        yield session


def test_names_of_other_days_are_not_read(session: Session) -> None:
    sql = read_sql("rfm_platform.customers", "read_lines")
    found = session.rows(f"SELECT COUNT(address_shipping_name) FROM ({sql})")
    assert found == [(len(PIECE),)]
    ((_, plan),) = session.rows(f"EXPLAIN (ANALYZE, FORMAT json) {sql}")
    (scan,) = [
        node
        for node in nodes(json.loads(plan)["operator"])
        if "address_shipping_name" in node["extra_info"].get("Projections", ())
        and node["type"] == "TABLE_SCAN"
    ]
    # The piece's names lie in one or two blocks of 122,880.
    assert scan["rows_scanned"] <= ORDERS / 4


def nodes(several: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Of a plan, all of them."""
    for node in several:
        yield node
        yield from nodes(node.get("children", []))
