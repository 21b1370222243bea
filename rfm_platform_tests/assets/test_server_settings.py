"""What the owners of mart and warehouse set for everybody, and what two tables are called."""

import datetime as dt
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pytest

from rfm_platform.lake import LakeTable, WrittenFile
from rfm_platform.postgres import Database
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.runs import plan_refresh
from rfm_platform_tests.assets.chain import Chain, day, line, new_chain


def set_for_all(server: EmbeddedServer, database: Database, setting: str, value: str) -> None:
    name = database.conninfo()["dbname"]
    with server.database("postgres").connect() as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET {setting} = {value}'.encode())


@pytest.fixture
def chain(server: EmbeddedServer, tmp_path: Path) -> Chain:
    chain = new_chain(server, tmp_path)
    chain.fill([line("a", "01-01", user_id="N", shop_name="N"), line("b", "01-01", shop_id=None)])
    return chain


def test_transactions_that_wait_are_not_ended_by_the_server(
    chain: Chain, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for database in (chain.mart, chain.warehouse):
        set_for_all(server, database, "idle_in_transaction_session_timeout", "'500ms'")
    commit = LakeTable.commit

    def slowly(table: LakeTable, files: Sequence[WrittenFile], values: Collection[dt.date]) -> None:
        time.sleep(0.7)  # longer than the server lets a transaction wait
        commit(table, files, values)

    monkeypatch.setattr(LakeTable, "commit", slowly)
    for on in ("01-01", "01-02"):
        (outcome,) = chain.run(*plan_refresh(day(on), all_days=False))
        assert outcome.succeeded, outcome.errors


def test_a_text_that_looks_like_a_null_stays_a_text(chain: Chain, server: EmbeddedServer) -> None:
    set_for_all(server, chain.warehouse, "standard_conforming_strings", "off")
    (outcome,) = chain.run(*plan_refresh(day("01-01"), all_days=False))
    assert outcome.succeeded, outcome.errors
    found = chain.in_warehouse(
        "SELECT shop_name, user_id, shop_id FROM rfm.final_user_analysis ORDER BY user_id"
    )
    assert found == [("N", "N", "1"), ("Glow", "user of b", None)]


def test_tables_may_be_called_by_what_a_driver_takes_for_parameters(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    names: dict[str, Any] = {"source_orders_table": "orders 100%", "source_lines_table": "lines%s"}
    chain = new_chain(server, tmp_path, **names)
    chain.fill([line("a", "01-01")], [("shopee", "a", "Ann")])
    chain.in_mart('ALTER TABLE order_marketplace RENAME TO "orders 100%"')
    chain.in_mart('ALTER TABLE flatten_order_marketplace RENAME TO "lines%s"')
    outcome = chain.load("01-01")
    assert outcome.succeeded, outcome.errors
