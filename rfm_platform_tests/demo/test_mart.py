"""Streaming keeps every byte, and a load is all or nothing."""

from collections.abc import Callable

import duckdb
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rfm_platform.demo import mart, synthetic
from rfm_platform.postgres.database import Database, DatabaseError
from rfm_platform_tests.demo.conftest import fingerprint, query

AWKWARD = [
    None, "", "\\N", '"\\N"', "\\.", "NULL", "null", '"', '""', "'", ",", ";", "\\", "\\\\", "\\n",
    "\n", "\r", "\r\n", "\t", "\v", " ", " x ", "a,b", 'a"b', "a\nb", "#", "🌸", "\u2028", "\ufeff",
    "\x01", "\x7f",
]  # fmt: skip
TAKE = "COPY texts FROM STDIN (FORMAT csv, NULL '\\N')"
GIVE = "COPY (SELECT * FROM texts) TO $pipe (FORMAT csv, HEADER false, NULLSTR '\\N')"


def _streamed(connection: psycopg.Connection, texts: list[str | None]) -> list[str | None]:
    with mart.engine() as source:
        source.execute("CREATE TABLE texts (number INTEGER, text VARCHAR)")
        source.executemany("INSERT INTO texts VALUES (?, ?)", list(enumerate(texts)))
        connection.execute("CREATE TEMP TABLE IF NOT EXISTS texts (number integer, text varchar)")
        connection.execute("TRUNCATE texts")
        mart.stream(connection, TAKE, source, GIVE)
    return [text for (text,) in connection.execute("SELECT text FROM texts ORDER BY number")]


def test_every_awkward_text_survives_the_stream(database: Callable[[str], Database]) -> None:
    with database("stream").connect() as connection:
        assert _streamed(connection, AWKWARD) == AWKWARD


def test_any_text_survives_the_stream(database: Callable[[str], Database]) -> None:
    storable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
    with database("stream").connect() as connection:

        @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(st.lists(st.none() | storable | st.text('\\N".,\r\n ,'), min_size=1))
        def survive(texts: list[str | None]) -> None:
            assert _streamed(connection, texts) == texts

        survive()


def test_a_query_that_fails_midway_is_the_error_that_is_seen(
    database: Callable[[str], Database],
) -> None:
    broken = (
        "COPY (SELECT i, CASE WHEN i < 900000 THEN 'x' ELSE error('no such day') END "
        "FROM RANGE(1000000) AS r (i)) TO $pipe (FORMAT csv, HEADER false)"
    )
    with (
        pytest.raises(duckdb.Error, match="no such day"),
        database("stream").connect() as connection,
        mart.engine() as source,
    ):
        connection.execute("CREATE TABLE texts (number integer, text varchar)")
        mart.stream(connection, TAKE, source, broken)
    assert query(database("stream"), "SELECT to_regclass('public.texts')") == [(None,)]


def test_a_row_that_postgresql_refuses_is_the_error_that_is_seen(
    database: Callable[[str], Database],
) -> None:
    unfit = (
        "COPY (SELECT CASE WHEN i = 5 THEN 'five' ELSE CAST(i AS VARCHAR) END, 'x' "
        "FROM RANGE(1000000) AS r (i)) TO $pipe (FORMAT csv, HEADER false)"
    )
    with (
        pytest.raises(DatabaseError, match="InvalidTextRepresentation"),
        database("stream").connect() as connection,
        mart.engine() as source,
    ):
        connection.execute("CREATE TEMP TABLE texts (number integer, text varchar)")
        mart.stream(connection, TAKE, source, unfit)


def test_whoever_interrupts_a_stream_does_not_wait_for_the_rest(
    database: Callable[[str], Database],
) -> None:
    endless = "COPY (SELECT i, 'x' FROM RANGE(1000000000000) AS r (i)) TO $pipe (FORMAT csv)"

    def interrupt(rows: int) -> None:
        raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        database("stream").connect() as connection,
        mart.engine() as source,
    ):
        connection.execute("CREATE TEMP TABLE texts (number varchar, text varchar)")
        mart.stream(connection, TAKE, source, endless, on_rows=interrupt)


def test_a_load_that_fails_leaves_the_previous_mart(database: Callable[[str], Database]) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    store = database("interrupted")
    synthetic.load(store, lines=3000, days=5)
    before = fingerprint(store)
    with pytest.raises(KeyboardInterrupt):
        synthetic.load(store, lines=250_000, days=5, seed=2, progress=interrupt)
    assert fingerprint(store) == before


@pytest.mark.parametrize("relation", ["TABLE", "VIEW"])
def test_a_mart_that_no_demo_made_is_never_dropped(
    database: Callable[[str], Database], relation: str
) -> None:
    store = database(f"foreign_{relation.lower()}")
    with store.connect() as connection:
        connection.execute(f"CREATE {relation} order_marketplace AS SELECT 7 AS n".encode())
    with pytest.raises(DatabaseError, match=r"public\.order_marketplace, not made by a demo"):
        synthetic.load(store, lines=10)
    assert query(store, "SELECT n FROM order_marketplace") == [(7,)]
    assert query(store, "SELECT to_regclass('flatten_order_marketplace')") == [(None,)]


def test_the_tables_are_the_contract_with_indexes_and_statistics(
    invented: tuple[Database, object],
) -> None:
    store, _ = invented
    columns = query(
        store,
        "SELECT table_name, string_agg(column_name || ' ' || data_type, ', ' "
        "ORDER BY ordinal_position) FROM information_schema.columns "
        "WHERE table_schema = 'public' GROUP BY table_name ORDER BY table_name",
    )
    text = "character varying"
    assert columns == [
        (
            "flatten_order_marketplace",
            f"marketplace {text}, shop_id {text}, shop_name {text}, user_id {text}, "
            f"magpie_region_code {text}, kurs_rate integer, "
            f"create_timestamp timestamp without time zone, cancelled_flag {text}, "
            f"returned_flag {text}, order_id {text}, product_gmv_amount bigint, "
            f"marketplace_product_id {text}, marketplace_variant_id {text}, "
            f"marketplace_product_barcode {text}, order_shipping_fee_buyer_amount {text}",
        ),
        ("order_marketplace", f"marketplace {text}, order_id {text}, address_shipping_name {text}"),
    ]
    indexes = query(store, "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'")
    assert sorted(definition.split("USING ")[1] for (definition,) in indexes) == [
        "btree (create_timestamp)",
        "btree (marketplace, order_id)",
    ]
    analyzed = query(
        store, "SELECT count(DISTINCT tablename) FROM pg_stats WHERE schemaname='public'"
    )
    assert analyzed == [(2,)]
