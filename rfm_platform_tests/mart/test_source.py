"""Reading marts as they come: other names, other types, other settings, other people at work."""

import datetime as dt
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rfm_platform.calendar import days_between
from rfm_platform.customers.extraction import read_days
from rfm_platform.demo.mart import create_tables
from rfm_platform.errors import PlatformError
from rfm_platform.mart import ContractError, Mart, Share, SourceNames
from rfm_platform.postgres import Database, DatabaseError, external
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.reconcile.bisection import explain_days
from rfm_platform.reconcile.sides import reconcile_days
from rfm_platform_tests.assets.chain import Chain, day, line, new_chain
from rfm_platform_tests.conftest import Row, url_of

PASSWORD = "Tr0ub4dor-and-3"  # noqa: S105 - planted, to be searched for
ZONE = "Asia/Jakarta"
LINES = [
    line("o1", "01-01", create_timestamp="2024-01-01 00:00:00", kurs_rate=None),
    line("o2", "01-01", create_timestamp="2024-01-01 23:59:59.999999", shop_name='Say "hi", ok'),
    line("o3", "01-02", create_timestamp="2024-01-02 00:00:00", user_id="", returned_flag=None),
    line("o3", "01-02", product_gmv_amount=2**40, marketplace_product_id=r"\N"),
    line("o4", "01-02", marketplace="lazada", cancelled_flag="two\nlines"),
]
NAMES: list[Row] = [("shopee", "o1", "Budi"), ("lazada", "o4", "Siti\r\nBlok C"), ("x", "o9", "No")]


@pytest.fixture
def chain(server: EmbeddedServer, tmp_path: Path) -> Chain:
    chain = new_chain(server, tmp_path)
    chain.fill(LINES, NAMES)
    return chain


def lake_rows(chain: Chain, mart: Mart | None = None) -> list[tuple[Any, ...]]:
    """Both days as source_orders has them."""
    platform = chain.platform
    with (mart or platform.mart).snapshot() as snapshot, platform.engine.session() as session:
        read_days(session, snapshot, days_between(day("01-01"), day("01-02")))
        return session.rows("FROM source_orders ORDER BY ALL")


def totals(mart: Mart) -> list[dict[str, Any]]:
    with mart.snapshot() as snapshot:
        found = snapshot.totals("days", [day("01-01"), day("01-02")])
    return sorted(found, key=repr)


RENAMED = {
    "create_timestamp": "created_timestamp",
    "returned_flag": "order_return_flag",
    "kurs_rate": "Kurs Rate",
    "order_shipping_fee_buyer_amount": 'the "fee"',
    "user_id": "select",
    "address_shipping_name": "recipient",
    "order_id": "order-number",
}


def rename(chain: Chain, columns: dict[str, str]) -> Mart:
    """Moves the mart's tables to other names and columns, and returns a reader for them."""
    for table in ("flatten_order_marketplace", "order_marketplace"):
        for column, name in columns.items():
            has = chain.in_mart(
                "SELECT 1 FROM information_schema.columns "
                "WHERE table_name = %s AND column_name = %s",
                table,
                column,
            )
            if has:
                quoted = name.replace('"', '""')
                chain.in_mart(f'ALTER TABLE {table} RENAME {column} TO "{quoted}"')
    chain.in_mart('CREATE SCHEMA "Sales 2024"')
    for table, name in (("flatten_order_marketplace", "Lines"), ("order_marketplace", "orders")):
        chain.in_mart(f'ALTER TABLE {table} RENAME TO "{name}"')
        chain.in_mart(f'ALTER TABLE "{name}" SET SCHEMA "Sales 2024"')
    names = SourceNames(schema="Sales 2024", lines="Lines", orders="orders", columns=columns)
    return Mart(chain.mart, names, ZONE, 60)


def test_a_mart_with_other_names_gives_the_same_rows_and_totals(chain: Chain) -> None:
    expected = lake_rows(chain), totals(chain.platform.mart)
    renamed = rename(chain, RENAMED)
    assert (lake_rows(chain, renamed), totals(renamed)) == expected
    assert len(expected[0]) == len(LINES)


def test_a_name_that_both_tables_have_may_be_another_one_in_each(chain: Chain) -> None:
    expected = lake_rows(chain), totals(chain.platform.mart)
    chain.in_mart("ALTER TABLE order_marketplace RENAME order_id TO number")
    names = SourceNames(columns={"order_marketplace.order_id": "number"})
    renamed = Mart(chain.mart, names, ZONE, 60)
    assert (lake_rows(chain, renamed), totals(renamed)) == expected
    (problem,) = chain.platform.mart.contract_violations()
    assert problem.endswith('say so in RFM_SOURCE_COLUMNS={"order_marketplace.order_id": "…"}')


def test_a_per_cent_sign_in_a_name_is_no_placeholder(chain: Chain) -> None:
    expected = lake_rows(chain), totals(chain.platform.mart)
    renamed = rename(chain, {"order_shipping_fee_buyer_amount": "fee %s", "kurs_rate": "100%"})
    assert (lake_rows(chain, renamed), totals(renamed)) == expected


def test_what_is_missing_is_named_as_the_mart_would_call_it(chain: Chain) -> None:
    names = SourceNames(columns={"kurs_rate": "exchange_rate"})
    (problem,) = Mart(chain.mart, names, ZONE, 60).contract_violations()
    assert "has no column exchange_rate" in problem
    assert 'RFM_SOURCE_COLUMNS={"kurs_rate": "…"}' in problem


def test_a_column_that_the_platform_does_not_know_is_refused() -> None:
    with pytest.raises(ContractError, match="RFM_SOURCE_COLUMNS names colour, size: "):
        SourceNames(columns={"size": "a", "colour": "b", "order_id": "c"})


def test_timestamps_with_a_zone_are_converted_and_days_split_at_local_midnight(
    chain: Chain,
) -> None:
    expected = lake_rows(chain), totals(chain.platform.mart)
    chain.in_mart(
        "ALTER TABLE flatten_order_marketplace ALTER create_timestamp TYPE timestamptz "
        f"USING create_timestamp AT TIME ZONE '{ZONE}'"
    )
    ((utc,),) = chain.in_mart(
        "SELECT create_timestamp AT TIME ZONE 'UTC' FROM flatten_order_marketplace "
        "WHERE order_id = 'o2'"
    )
    assert utc == dt.datetime.fromisoformat("2024-01-01 16:59:59.999999")
    assert (lake_rows(chain), totals(chain.platform.mart)) == expected


def test_the_hour_that_comes_twice_loses_no_line(chain: Chain) -> None:
    """In New York 01:30 was twice on the third of November; both are that day's."""
    chain.in_mart(
        "ALTER TABLE flatten_order_marketplace ALTER create_timestamp TYPE timestamptz "
        "USING CASE order_id WHEN 'o1' THEN '2024-11-03 05:30Z'::timestamptz "
        "WHEN 'o2' THEN '2024-11-03 06:30Z' WHEN 'o3' THEN '2024-11-04 04:59:59Z' "
        "ELSE '2024-11-04 05:00Z' END"
    )
    platform = chain.platform
    mart = Mart(chain.mart, SourceNames(), "America/New_York", 60)
    with mart.snapshot() as snapshot, platform.engine.session() as session:
        read_days(session, snapshot, days_between(day("11-03"), day("11-04")))
        found = session.rows("SELECT day, COUNT(*) FROM source_orders GROUP BY day ORDER BY day")
        source = snapshot.totals("days", [day("11-03"), day("11-04")])
    assert found == [(day("11-03"), 4), (day("11-04"), 1)]
    assert sum(row["lines"] for row in source if row["day"] == day("11-03")) == 4


def test_how_a_server_is_set_up_changes_nothing(chain: Chain) -> None:
    expected = lake_rows(chain), totals(chain.platform.mart)
    ((name,),) = chain.in_mart("SELECT current_database()::text")
    for setting, value in (
        ("TimeZone", "America/New_York"),
        ("DateStyle", "German, DMY"),
        ("extra_float_digits", "-15"),
        ("standard_conforming_strings", "off"),
        ("IntervalStyle", "sql_standard"),
    ):
        chain.in_mart(f"ALTER DATABASE {name} SET {setting} = '{value}'")
    assert (lake_rows(chain), totals(chain.platform.mart)) == expected


def test_nobodys_functions_stand_in_for_the_servers(chain: Chain) -> None:
    """Some compatibility schemas ask to be looked into first."""
    chain.in_mart("UPDATE flatten_order_marketplace SET shop_name = 'Büro 1'")
    expected = lake_rows(chain), totals(chain.platform.mart)
    ((name,),) = chain.in_mart("SELECT current_database()::text")
    for path in ("''", "compat, pg_catalog, public"):
        chain.in_mart(
            "CREATE SCHEMA IF NOT EXISTS compat; "
            "CREATE OR REPLACE FUNCTION compat.length(text) RETURNS integer LANGUAGE sql IMMUTABLE "
            "RETURN pg_catalog.octet_length($1); "
            f"ALTER DATABASE {name} SET search_path = {path}"
        )
        assert (lake_rows(chain), totals(chain.platform.mart)) == expected


def test_a_snapshot_leaves_nothing_set_in_a_poolers_session(chain: Chain) -> None:
    with chain.mart.connect(read_only=True) as plain:
        mine = "SELECT name FROM pg_settings WHERE source = 'session'"
        theirs = plain.execute(mine).fetchall()
    with chain.platform.mart.snapshot() as snapshot:
        assert snapshot._connection.execute("SHOW row_security").fetchone() == ("off",)
        snapshot._connection.rollback()
        assert snapshot._connection.execute(mine).fetchall() == theirs


def test_a_snapshot_outlives_the_time_that_a_server_gives_to_transactions(chain: Chain) -> None:
    expected = totals(chain.platform.mart)
    ((name,),) = chain.in_mart("SELECT current_database()::text")
    chain.in_mart(f"ALTER DATABASE {name} SET transaction_timeout = '200ms'")
    with chain.platform.mart.snapshot() as snapshot:
        time.sleep(0.5)  # for longer than transactions have, which is what is tried
        found = snapshot.totals("days", [day("01-01"), day("01-02")])
    assert sorted(found, key=repr) == expected


def test_texts_that_a_collation_takes_for_equal_are_refused(chain: Chain) -> None:
    chain.in_mart("CREATE COLLATION alike (LOCALE = 'C')")
    chain.in_mart('ALTER TABLE order_marketplace ALTER order_id TYPE text COLLATE "alike"')
    assert chain.platform.mart.contract_violations() == []
    # The server here has no ICU, which such collations need; that they are is in its catalogue.
    chain.in_mart("UPDATE pg_collation SET collisdeterministic = FALSE WHERE collname = 'alike'")
    assert chain.platform.mart.contract_violations() == [
        "public.order_marketplace.order_id is text of the nondeterministic collation alike, "
        "expected text or character varying or character"
    ]


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM flatten_order_marketplace",
        "CREATE TABLE ours (n int)",
        "SELECT * FROM order_marketplace FOR UPDATE",
    ],
)
def test_nothing_can_be_written_into_the_mart(chain: Chain, change: str) -> None:
    with (
        pytest.raises(DatabaseError, match="read-only transaction"),
        chain.platform.mart.snapshot() as snapshot,
    ):
        snapshot._connection.execute(change.encode())


@pytest.mark.parametrize("what", ["totals", "rows"])
def test_a_query_that_takes_too_long_is_stopped_and_said_in_a_sentence(
    chain: Chain, what: str
) -> None:
    chain.in_mart("ALTER TABLE flatten_order_marketplace RENAME TO real_lines")
    chain.in_mart(
        "CREATE VIEW flatten_order_marketplace AS SELECT l.* FROM real_lines AS l, "
        "(SELECT pg_sleep(30)) AS slow"
    )
    mart = Mart(chain.mart, SourceNames(), ZONE, timeout_seconds=1)
    started = time.monotonic()
    with pytest.raises(PlatformError, match="timeout") as stopped:
        totals(mart) if what == "totals" else lake_rows(chain, mart)
    assert time.monotonic() - started < 15
    assert "mart" in str(stopped.value)


def test_both_tables_are_read_as_of_one_moment_whatever_is_committed_meanwhile(
    chain: Chain,
) -> None:
    before = lake_rows(chain), totals(chain.platform.mart)
    platform = chain.platform
    with platform.mart.snapshot() as snapshot, platform.engine.session() as session:
        first = snapshot.totals("days", [day("01-01"), day("01-02")])
        chain.in_mart("UPDATE flatten_order_marketplace SET cancelled_flag = 'true'")
        chain.in_mart("DELETE FROM order_marketplace")
        chain.in_mart("INSERT INTO flatten_order_marketplace TABLE flatten_order_marketplace")
        read_days(session, snapshot, days_between(day("01-01"), day("01-02")))
        rows = session.rows("FROM source_orders ORDER BY ALL")
        again = snapshot.totals("days", [day("01-01"), day("01-02")])
    assert (rows, sorted(first, key=repr)) == before
    assert again == first


def test_an_order_that_is_there_several_times_doubles_no_line(chain: Chain) -> None:
    chain.fill(LINES, [*NAMES, ("shopee", "o1", "Zaki"), ("shopee", "o1", None), *NAMES])
    rows = lake_rows(chain)
    assert len(rows) == len(LINES)
    assert {row[-5] for row in rows if "o1" in row} == {"Zaki"}


def test_a_day_carries_the_fingerprint_that_the_mart_computes_of_it(chain: Chain) -> None:
    """Else every refresh would read every day again. Orders several times, once, and not there."""
    chain.fill(LINES, [*NAMES, ("shopee", "o1", "Zaki"), ("shopee", "o1", None), *NAMES])
    days = days_between(day("01-01"), day("01-02"))
    with chain.platform.mart.snapshot() as snapshot:
        fingerprints = snapshot.fingerprints(days)
    assert {row[0]: row[-1] for row in lake_rows(chain)} == fingerprints
    assert len(fingerprints) == len(days)
    for change in ("SET address_shipping_name = 'X'", "SET order_id = 'o8' WHERE order_id = 'o1'"):
        chain.in_mart(f"UPDATE order_marketplace {change}")
        with chain.platform.mart.snapshot() as snapshot:
            changed = snapshot.fingerprints(days)
        assert changed[days[0]] != fingerprints[days[0]], change
        fingerprints = changed


def test_all_recipients_are_read_at_once_where_most_are_wanted(chain: Chain) -> None:
    days = [day("01-01"), day("01-02")]

    def names() -> list[str]:
        taken: list[bytes] = []
        with chain.platform.mart.snapshot() as snapshot:
            every = snapshot.are_most_orders(sum(snapshot.line_counts(days).values()))
            snapshot.copy_names(
                Share(days), lambda block: taken.append(bytes(block)), all_orders=every
            )
        return sorted(b"".join(taken).decode().split("\n"))

    rows, some = lake_rows(chain), names()
    chain.in_mart("ANALYZE order_marketplace")
    assert [name for name in names() if name not in some and name.startswith("x,o9,No,")]
    assert lake_rows(chain) == rows


def test_an_order_without_a_recipient_loses_no_line(chain: Chain) -> None:
    chain.fill(LINES, [])
    rows = lake_rows(chain)
    assert len(rows) == len(LINES)
    assert {row[-5] for row in rows} == {None}


@pytest.fixture
def reader(chain: Chain) -> Iterator[Mart]:
    """A mart in a schema of its own, read under a role without rights."""
    chain.in_mart(
        'CREATE ROLE mart_reader LOGIN; CREATE SCHEMA "Sales Mart"; '
        'ALTER TABLE flatten_order_marketplace SET SCHEMA "Sales Mart"; '
        'CREATE VIEW "Sales Mart".recipients AS SELECT * FROM order_marketplace'
    )
    names = SourceNames("Sales Mart", orders="recipients")
    url = url_of(chain.mart).replace("postgres@", "mart_reader@")
    try:
        yield Mart(external("data mart", url), names, ZONE, 60)
    finally:
        chain.in_mart("DROP OWNED BY mart_reader; DROP ROLE mart_reader")


def test_a_right_that_is_missing_is_told_apart_from_a_column_that_is(
    chain: Chain, reader: Mart
) -> None:
    grant = "may not be read: grant SELECT on it and USAGE on its schema"
    lines, orders = "Sales Mart.flatten_order_marketplace", "Sales Mart.recipients"
    without = [f"table {lines} {grant}", f"table {orders} {grant}"]
    assert reader.contract_violations() == without
    chain.in_mart('GRANT SELECT ON ALL TABLES IN SCHEMA "Sales Mart" TO mart_reader')
    assert reader.contract_violations() == without  # nobody sees into a schema without USAGE
    chain.in_mart('GRANT USAGE ON SCHEMA "Sales Mart" TO mart_reader')
    assert reader.contract_violations() == []
    chain.in_mart('REVOKE SELECT ON "Sales Mart".recipients FROM mart_reader')
    chain.in_mart('GRANT SELECT (marketplace, order_id) ON "Sales Mart".recipients TO mart_reader')
    assert reader.contract_violations() == [f"{orders}.address_shipping_name {grant}"]
    renamed = replace(
        reader, names=replace(reader.names, columns={"address_shipping_name": "recipient"})
    )
    (problem,) = renamed.contract_violations()
    assert problem.startswith(f"{orders} has no column recipient: if the mart calls it otherwise")


def test_a_mart_that_shows_some_rows_only_is_refused(chain: Chain, reader: Mart) -> None:
    """Nothing could see that rows are missing: what is compared would be as few."""
    lines = '"Sales Mart".flatten_order_marketplace'
    chain.in_mart(
        'GRANT USAGE ON SCHEMA "Sales Mart" TO mart_reader; '
        'GRANT SELECT ON ALL TABLES IN SCHEMA "Sales Mart" TO mart_reader; '
        f"ALTER TABLE {lines} ENABLE ROW LEVEL SECURITY; "
        f"CREATE POLICY shown ON {lines} USING (marketplace <> 'lazada')"
    )
    with pytest.raises(ContractError, match="some of its rows only") as refused, reader.snapshot():
        pass
    assert "Sales Mart.flatten_order_marketplace" in str(refused.value)
    assert "BYPASSRLS" in str(refused.value)
    chain.in_mart("ALTER ROLE mart_reader BYPASSRLS")
    with reader.snapshot() as snapshot:
        assert sum(snapshot.line_counts([day("01-01"), day("01-02")]).values()) == len(LINES)


def test_rows_that_a_policy_hides_behind_a_view_are_an_error(chain: Chain, reader: Mart) -> None:
    """The server says so only where the statement meets them."""
    chain.in_mart(
        'GRANT USAGE ON SCHEMA "Sales Mart" TO mart_reader; '
        'GRANT SELECT ON ALL TABLES IN SCHEMA "Sales Mart" TO mart_reader; '
        'CREATE VIEW "Sales Mart".shown WITH (security_invoker) AS '
        'SELECT * FROM "Sales Mart".flatten_order_marketplace; '
        'GRANT SELECT ON "Sales Mart".shown TO mart_reader; '
        'ALTER TABLE "Sales Mart".flatten_order_marketplace ENABLE ROW LEVEL SECURITY'
    )
    behind = replace(reader, names=replace(reader.names, lines="shown"))
    with (
        pytest.raises(DatabaseError, match=r"affected by row-level security policy .*\(42501\)"),
        behind.snapshot() as snapshot,
    ):
        snapshot.line_counts([day("01-01")])


def test_a_table_is_called_by_the_marts_own_schema_and_name(chain: Chain) -> None:
    names = SourceNames(lines="order_lines_v")
    (problem,) = Mart(chain.mart, names, ZONE, 60).contract_violations()
    assert problem.startswith("table public.order_lines_v is not there: set RFM_SOURCE_SCHEMA")
    chain.in_mart(
        "ALTER TABLE flatten_order_marketplace RENAME TO order_lines_v; "
        "ALTER TABLE order_lines_v ALTER kurs_rate TYPE numeric"
    )
    (problem,) = Mart(chain.mart, names, ZONE, 60).contract_violations()
    assert problem == "public.order_lines_v.kurs_rate is numeric, expected smallint or integer"


# Errors of the connection itself


def test_a_server_that_does_not_answer_is_named_with_its_place_and_the_reason() -> None:
    database = external("data mart", f"postgresql://analyst:{PASSWORD}@127.0.0.1:1/sales")
    with pytest.raises(DatabaseError) as raised, database.connect():
        pass
    said = str(raised.value)
    assert said.startswith("data mart (127.0.0.1:1/sales) cannot be reached: ")
    assert "Connection refused" in said
    assert PASSWORD not in said + database.label + repr(database)


def test_a_host_that_does_not_exist_is_named() -> None:
    database = external("warehouse", f"postgresql://u:{PASSWORD}@no-such-host.invalid/bi")
    with pytest.raises(DatabaseError, match=r"no-such-host\.invalid:5432/bi") as raised:
        database.connect().__enter__()
    assert PASSWORD not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        f"analyst:{PASSWORD}@mart/sales",
        f"postgresql://analyst:{PASSWORD}@mart:port/sales",
        f"mysql://analyst:{PASSWORD}@mart/sales",
        f"postgresql://analyst:{PASSWORD}@[::1/sales",
        f"unknown+driver://analyst:{PASSWORD}@mart/sales",
        f"={PASSWORD}",
        "",
    ],
)
def test_a_url_that_is_none_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(DatabaseError) as raised:
        external("data mart", url)
    assert "data mart" in str(raised.value)
    assert PASSWORD not in str(raised.value)


@pytest.mark.parametrize(
    "option",
    [f"password={PASSWORD}", "connect_timeout=soon", f"colour={PASSWORD}", "port=x"],
)
def test_an_option_of_a_url_that_libpq_refuses_is_a_sentence_without_the_password(
    option: str,
) -> None:
    with pytest.raises(DatabaseError) as raised:
        external(
            "data mart", f"postgresql://u:{PASSWORD}@127.0.0.1:1/d?{option}"
        ).connect().__enter__()
    assert PASSWORD not in str(raised.value)


@pytest.fixture(scope="module")
def strict_server() -> Iterator[EmbeddedServer]:
    """A server of its own that asks the role ``analyst`` for a password."""
    directory = Path(tempfile.mkdtemp(prefix="rfm-mart-"))
    directory.chmod(0o755)
    server = EmbeddedServer(directory / "home")
    try:
        with server.database("sales").connect() as connection:
            connection.execute(f"CREATE ROLE analyst LOGIN PASSWORD '{PASSWORD}'".encode())
            (file,) = connection.execute("SHOW hba_file").fetchone() or ("",)
            rules = Path(file)
            rules.write_text(
                f"local all analyst scram-sha-256\n{rules.read_text('utf-8')}", "utf-8"
            )
            connection.execute("SELECT pg_reload_conf()")
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.status().socket_directory, ignore_errors=True)
        shutil.rmtree(directory)


def _as_analyst(server: EmbeddedServer, password: str) -> Database:
    url = url_of(server.database("sales"))
    return external("data mart", url.replace("postgres@", f"analyst:{password}@"))


def _until(connects: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not connects():
        assert time.monotonic() < deadline, "the server did not read its rules"


def test_a_wrong_password_is_a_sentence_without_it(strict_server: EmbeddedServer) -> None:
    def lets_in(password: str) -> bool:
        try:
            with _as_analyst(strict_server, password).connect():
                return True
        except DatabaseError:
            return False

    _until(lambda: not lets_in("wrong"))
    assert lets_in(PASSWORD)
    with (
        pytest.raises(DatabaseError) as raised,
        _as_analyst(strict_server, f"{PASSWORD}!").connect(),
    ):
        pass
    assert 'password authentication failed for user "analyst"' in str(raised.value)
    assert PASSWORD not in str(raised.value)


def test_a_server_that_went_down_is_a_sentence(strict_server: EmbeddedServer) -> None:
    database = external("data mart", url_of(strict_server.database("sales")))
    with database.connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    strict_server.stop()
    with pytest.raises(DatabaseError, match=r"data mart .* cannot be reached: .*No such file"):
        database.connect().__enter__()


def test_a_server_that_dies_under_a_query_is_a_sentence(chain: Chain) -> None:
    """A connection that is cut is the mart's failure, not a stack of a driver."""
    with pytest.raises(PlatformError, match="mart"), chain.platform.mart.snapshot() as snapshot:
        pid = snapshot._connection.info.backend_pid
        chain.in_mart("SELECT pg_terminate_backend(%s)", pid)
        snapshot.totals("days", [day("01-01"), day("01-02")])


EXCHANGES = {
    "one was cancelled, the other no longer is": ("cancelled_flag", "true", "false"),
    "two prices": ("product_gmv_amount", 100, 250),
    "two customers": ("user_id", "u1", "u2"),
}


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_two_lines_of_a_day_that_exchange_a_value_are_a_change(chain: Chain, exchange: str) -> None:
    """PostgreSQL's hash of a record adds its columns up: a plain sum of them would not tell."""
    column, one, other = EXCHANGES[exchange]
    found = []
    for values in ((one, other), (other, one)):
        chain.fill([line(f"o{n}", "01-01", **{column: v}) for n, v in enumerate(values)])
        with chain.platform.mart.snapshot() as snapshot:
            found.append(snapshot.fingerprints([day("01-01")]))
    assert found[0].keys() == found[1].keys()
    assert found[0] != found[1]


def test_two_orders_of_a_day_that_exchange_their_recipients_are_a_change(chain: Chain) -> None:
    found = []
    for names in (("Budi", "Siti"), ("Siti", "Budi")):
        orders = [("shopee", f"o{n}", name) for n, name in enumerate(names)]
        chain.fill([line("o0", "01-01"), line("o1", "01-01")], orders)
        with chain.platform.mart.snapshot() as snapshot:
            found.append(snapshot.fingerprints([day("01-01")]))
    assert found[0] != found[1]


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://u@db.example:6432/m", "db.example:6432/m"),
        ("postgresql://u@db.example/m", "db.example:5432/m"),
        ("postgresql:///m?host=/run/db&port=6432", "/run/db:6432/m"),
        ("postgresql:///m", "local:5432/m"),
    ],
)
def test_a_database_is_called_by_its_place(url: str, place: str) -> None:
    assert external("mart", url).label == f"mart ({place})"


def encoded_mart(server: EmbeddedServer, encoding: str) -> Database:
    name = f"{encoding.lower()}_mart"
    with server.database("postgres").connect() as connection:
        connection.autocommit = True
        connection.execute(f"DROP DATABASE IF EXISTS {name}".encode())
        connection.execute(
            f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 "
            "LC_COLLATE 'C' LC_CTYPE 'C'".encode()
        )
    mart = server.database(name)
    with mart.connect() as connection:
        create_tables(connection)
    return mart


@pytest.mark.parametrize(
    ("encoding", "names"), [("WIN1252", ("žena", "ÿ")), ("EUC_JP", ("ｶ", "亜"))]
)
def test_the_last_of_two_recipients_is_the_same_in_any_encoding(
    server: EmbeddedServer, tmp_path: Path, encoding: str, names: tuple[str, str]
) -> None:
    """Their bytes sort in another order there than those of UTF-8."""
    last = max(names, key=lambda name: name.encode())
    assert max(names, key=lambda name: name.encode(encoding.replace("WIN", "cp"))) != last
    mart = encoded_mart(server, encoding)
    chain = new_chain(server, tmp_path, source_url=url_of(mart))
    chain = Chain(chain.settings, mart, chain.warehouse)
    chain.fill([line("a", "01-01", marketplace="m")], [("m", "a", name) for name in names])
    outcome = chain.load("01-01")
    failed = [check for check in outcome.checks if not check.passed]
    assert (outcome.succeeded, failed) == (True, [])
    named = "SELECT address_shipping_name FROM rfm.aggregated_monthly"
    assert chain.in_warehouse(named) == [(last,)]

    chain.in_mart("UPDATE order_marketplace SET address_shipping_name = 'a'")
    platform, days = chain.platform, [day("01-01")]
    differences = reconcile_days(platform.mart, platform.lake, platform.engine, days).differences
    found = explain_days(platform.mart, platform.lake, platform.engine, differences)
    assert [(each.order_id, each.cause) for each in found.explanations] == [
        ("a", "recipient changed")
    ]


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "WIN1252"])
def test_a_mart_in_another_encoding_equals_the_lake(
    server: EmbeddedServer, tmp_path: Path, encoding: str
) -> None:
    """Its bytes are not the lake's: what both digest has to be the same text in UTF-8."""
    mart = encoded_mart(server, encoding)
    chain = new_chain(server, tmp_path, source_url=url_of(mart))
    chain = Chain(chain.settings, mart, chain.warehouse)
    chain.fill(
        [
            line(f"é{n}", "01-01", shop_name="Beauté", user_id=f"ü{n}", marketplace="marché")
            for n in range(3)
        ],
        [("marché", "é0", "José"), ("marché", "é1", "Zoë"), ("marché", "é1", "Zoé")],
    )
    outcome = chain.load("01-01")
    failed = [check for check in outcome.checks if not check.passed]
    assert (outcome.succeeded, failed) == (True, [])
    assert chain.in_warehouse("SELECT DISTINCT shop_name FROM rfm.aggregated_monthly") == [
        ("Beauté",)
    ]

    chain.in_mart("UPDATE order_marketplace SET address_shipping_name = 'Çan' WHERE order_id='é0'")
    chain.in_mart("UPDATE flatten_order_marketplace SET shop_name = 'Eté' WHERE order_id = 'é2'")
    platform, days = chain.platform, [day("01-01")]
    differences = reconcile_days(platform.mart, platform.lake, platform.engine, days).differences
    found = explain_days(platform.mart, platform.lake, platform.engine, differences)
    assert [(each.order_id, each.cause) for each in found.explanations] == [
        ("é0", "recipient changed"),
        ("é2", "changed: shop_name"),
    ]
