"""What is current, and what has to go, where a table's newest snapshot came out without a row."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import pytest

from rfm_platform import catalog
from rfm_platform.calendar import days_between
from rfm_platform.postgres import Database
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.warehouse import Rows, Warehouse
from rfm_platform_tests.assets.chain import Chain, day, line, new_chain

AS_OF = "as_of_date"
CUSTOMERS = ("final_user_analysis", "rfm_scores", "next_purchase")
FORECAST = """
    SELECT CAST($as_of AS DATE) AS as_of_date, 'shopee' AS marketplace, 'u1' AS user_id,
        CAST(1 AS INTEGER) AS repeat_purchases, CAST(1 AS INTEGER) AS last_purchase,
        CAST(1 AS INTEGER) AS age, CAST(1 AS DOUBLE) AS probability_alive,
        CAST(1 AS DOUBLE) AS probability_active, CAST(1 AS DOUBLE) AS expected_orders
"""
OLD_VIEW = (
    "CREATE OR REPLACE VIEW rfm.{view} AS SELECT * FROM rfm.{table} "
    "WHERE as_of_date = (SELECT MAX(as_of_date) FROM rfm.{table})"
)


@pytest.fixture
def chain(server: EmbeddedServer, tmp_path: Path) -> Chain:
    """Loaded days, of which snapshots can be taken; two are kept."""
    chain = new_chain(server, tmp_path, keep_days=2)
    chain.fill([line(f"{n}", f"01-{n:02}", user_id=f"u{n % 5}") for n in range(20, 32)])
    with chain.platform.mart.snapshot() as snapshot:
        chain.platform.extraction.extract(snapshot, days_between(day("01-20"), day("02-05")))
    return chain


def take(chain: Chain, on: str) -> None:
    """Customers and scores as of a day."""
    platform = chain.platform
    platform.transforms.analyse_customers(day(on))
    platform.publisher.publish_customers(day(on))
    platform.transforms.score(day(on), platform.segments(), per_marketplace=False)
    platform.publisher.publish_scores(day(on))


def forecast(chain: Chain, on: str, *, withheld: bool = False) -> None:
    """A forecast as of a day; withheld, it has no rows."""
    table = chain.platform.lake.next_purchase
    if withheld:
        table.commit([], [day(on)])
    else:
        with chain.platform.engine.session() as session:
            session.replace(table, FORECAST, [day(on)], as_of=day(on))
    chain.platform.publisher.publish_analyses(day(on), "next_purchase")


def dates(chain: Chain, table: str) -> list[str]:
    rows = chain.in_warehouse(f"SELECT DISTINCT as_of_date FROM rfm.{table} ORDER BY 1")
    return [f"{as_of:%m-%d}" for (as_of,) in rows]


def in_lake(chain: Chain, table: str) -> list[str]:
    return [f"{p.value:%m-%d}" for p in getattr(chain.platform.lake, table).partitions()]


def test_a_snapshot_without_rows_is_the_newest_all_the_same(chain: Chain) -> None:
    forecast(chain, "01-30")
    assert dates(chain, "next_purchase") == ["01-30"]
    forecast(chain, "01-31", withheld=True)
    assert dates(chain, "next_purchase") == []
    forecast(chain, "01-30")
    assert dates(chain, "next_purchase") == [], "a retake of an older day is not the newest"
    assert dates(chain, "next_purchase_snapshots") == ["01-30"]
    forecast(chain, "02-01")
    assert dates(chain, "next_purchase") == ["02-01"]


def test_a_table_that_this_day_was_not_made_yet_shows_the_day_before(chain: Chain) -> None:
    """A run that is under way, or was killed, empties no view."""
    take(chain, "01-30")
    forecast(chain, "01-30")
    chain.platform.transforms.analyse_customers(day("01-31"))
    chain.platform.publisher.publish_customers(day("01-31"))
    assert dates(chain, "final_user_analysis") == ["01-31"]
    assert dates(chain, "rfm_scores") == ["01-30"]
    assert dates(chain, "next_purchase") == ["01-30"]


def test_views_of_customers_are_empty_when_there_are_none_any_more(chain: Chain) -> None:
    take(chain, "01-30")
    platform = chain.platform
    for table in (platform.lake.final_user_analysis, platform.lake.rfm_scores):
        table.commit([], [day("01-31")])
    platform.publisher.publish_customers(day("01-31"))
    platform.publisher.publish_scores(day("01-31"))
    platform.publisher.publish_cohorts(day("01-31"))
    for view in ("final_user_analysis", "rfm_scores", "cohort_matrix"):
        assert dates(chain, view) == []


def publish(warehouse: Warehouse, on: str, rows: Rows) -> None:
    table = catalog.rfm_cells_snapshots
    with warehouse.publication() as publication:
        publication.replace(table, (AS_OF, day(on)), rows)
        publication.record_newest([table], day(on), dt.datetime.combine(day(on), dt.time()))


def test_views_of_an_older_release_are_replaced_and_keep_who_may_read_them(
    warehouse: Database,
) -> None:
    """The role of a BI tool may read the view and nothing behind it."""
    made = Warehouse(warehouse)
    made.prepare()
    with warehouse.connect() as connection:
        for view, table in catalog.CURRENT_VIEWS.items():
            old = OLD_VIEW.format(view=view, table=table.name)
            connection.execute(old.encode())
        connection.execute("DROP TABLE rfm.newest_snapshots")
        connection.execute("COMMENT ON SCHEMA rfm IS 'an older catalogue'")
        connection.execute("CREATE ROLE redash LOGIN")
        connection.execute("GRANT USAGE ON SCHEMA rfm TO redash")
        connection.execute("GRANT SELECT ON rfm.rfm_cells TO redash")
        connection.execute(
            "INSERT INTO rfm.rfm_cells_snapshots (as_of_date, segment) "
            "VALUES ('2024-01-30', 'older'), ('2024-01-31', 'newest')"
        )
    reader = Database("warehouse", lambda: warehouse.conninfo() | {"user": "redash"})

    def seen() -> Sequence[tuple[str]]:
        with reader.connect(read_only=True) as connection:
            return connection.execute("SELECT segment FROM rfm.rfm_cells").fetchall()

    made = Warehouse(warehouse)
    made.prepare()
    assert seen() == [("newest",)]
    publish(made, "02-01", Rows("csv", lambda _: None))
    assert seen() == []


def test_a_forecast_that_is_withheld_for_good_keeps_nobody_longer_than_the_rest(
    chain: Chain,
) -> None:
    for on in ("01-28", "01-29", "01-30"):
        take(chain, on)
        forecast(chain, on)
    for on in ("01-31", "02-01"):
        take(chain, on)
        forecast(chain, on, withheld=True)
    assert dates(chain, "rfm_scores_snapshots") == ["01-31", "02-01"]
    assert dates(chain, "next_purchase_snapshots") == in_lake(chain, "next_purchase") == []


def test_tables_that_are_not_made_any_more_are_cleared_by_the_customers(chain: Chain) -> None:
    """RFM_ANALYSES=false: whoever had them before has their month ends, and no day else."""
    for on in ("01-30", "01-31", "02-01"):
        take(chain, on)
        forecast(chain, on)
    assert dates(chain, "next_purchase_snapshots") == ["01-31", "02-01"]
    for on in ("02-02", "02-03"):
        take(chain, on)
    for table in CUSTOMERS:
        kept = ["01-31"] if table == "next_purchase" else ["01-31", "02-02", "02-03"]
        assert dates(chain, f"{table}_snapshots") == in_lake(chain, table) == kept
    assert dates(chain, "next_purchase") == [], "an old month end is not the newest day"
    forecast(chain, "02-01")
    assert dates(chain, "next_purchase_snapshots") == in_lake(chain, "next_purchase") == ["01-31"]


def test_a_server_knows_how_many_rows_the_newest_day_has(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    """It plans joins by that, and looks by itself when a tenth of a table has changed."""
    customers = 400
    chain = new_chain(server, tmp_path)
    chain.fill([line(f"{n}", "01-20", user_id=f"u{n}") for n in range(customers)])
    with chain.platform.mart.snapshot() as snapshot:
        chain.platform.extraction.extract(snapshot, [day("01-20")])
    chain.platform.transforms.fold_months([day("01-01")])
    chain.platform.publisher.publish_months([day("01-01")], "test")
    planned = []
    for on in ("01-20", "01-21"):
        take(chain, on)
        for table in ("final_user_analysis_snapshots", "rfm_scores_snapshots"):
            where = f"rfm.{table} WHERE as_of_date = '{day(on)}'"
            planned += chain.in_warehouse(f"EXPLAIN (FORMAT json) SELECT FROM {where}")
    planned += chain.in_warehouse("EXPLAIN (FORMAT json) SELECT FROM rfm.aggregated_monthly")
    rows = [plan["Plan"]["Plan Rows"] for ((plan,),) in planned]
    assert rows == [customers] * 5
