"""Where a database is, from its URL: everything that libpq knows, and no password in a message."""

import os
import socket
import sys
import traceback
from pathlib import Path

import pytest
import sqlalchemy as sa

from rfm_platform.postgres import Database, DatabaseError, external, parse_url, with_keepalives
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.bi_database.cluster import cloud_server

# Each ends in the password's second half where an unwritten sign would make it a place.
UNWRITTEN = [
    "rd@s3cret",
    "rd-S@s3cret/x",
    "rd/s3cret@y",
    "rd@s3cret?x",
    "rd@12:34/s3cret",
    "rd@x:s3cret/y",
    "rd@s3cret?host=",
]


@pytest.mark.parametrize("password", UNWRITTEN)
def test_no_part_of_a_password_is_taken_for_the_place(password: str) -> None:
    with pytest.raises(DatabaseError, match="written %2F and %40") as caught:
        external("mart", f"postgresql://reader:{password}@127.0.0.1:5599/sales")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://reader:a%2Fb%40c@mart.example:5599/sales",
        "postgresql://reader:a/b%40c@mart.example:5599/sales?sslmode=require",
        "postgresql+psycopg://reader:a/b%40c@mart.example:5599/sales?options=-cx%3Da%40b",
    ],
)
def test_a_password_may_hold_whatever_is_written_as_it_has_to_be(url: str) -> None:
    found = external("mart", url)
    assert found.label == "mart (mart.example:5599/sales)"
    parts = found.conninfo()
    assert (parts["user"], parts["password"]) == ("reader", "a/b@c")


def test_several_hosts_of_a_url_are_several_hosts() -> None:
    found = external("mart", "postgresql://reader@/sales?host=a:1&host=b:2").conninfo()
    assert found["host"] == "a:1,b:2"


if sys.platform == "darwin":  # it has another name there
    IDLE = socket.TCP_KEEPALIVE
else:
    IDLE = socket.TCP_KEEPIDLE


def _keepalives(descriptor: int) -> tuple[int, int, int, int]:
    with socket.socket(fileno=os.dup(descriptor)) as connection:
        return (
            connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
            connection.getsockopt(socket.IPPROTO_TCP, IDLE),
            connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
            connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
        )


def test_a_server_that_is_gone_is_noticed(tmp_path: Path) -> None:
    """Nobody tells us: a machine that is gone sends nothing."""
    with cloud_server(tmp_path) as server:
        url = server.url("postgres")
        with external("warehouse", url).connect() as connection:
            assert _keepalives(connection.fileno()) == (1, 30, 10, 6)
        with external("warehouse", f"{url}&keepalives_idle=5").connect() as connection:
            assert _keepalives(connection.fileno()) == (1, 5, 10, 6), "as the URL says"
        for driver in ("psycopg", "psycopg2"):
            engine = sa.create_engine(
                with_keepalives(parse_url("warehouse", url)).replace(
                    "postgresql:", f"postgresql+{driver}:"
                )
            )
            with engine.connect() as other:
                own = other.connection.driver_connection
                assert own is not None
                assert _keepalives(own.fileno()) == (1, 30, 10, 6)
            engine.dispose()


def test_what_a_commit_is_refused_for_is_told_without_the_row(warehouse: Database) -> None:
    with warehouse.connect() as connection:
        connection.execute(
            "CREATE TABLE people (name text UNIQUE DEFERRABLE INITIALLY DEFERRED); "
            "INSERT INTO people VALUES ('Zebulon Quux')"
        )
    with pytest.raises(DatabaseError) as told, warehouse.connect() as connection:
        connection.execute("INSERT INTO people VALUES ('Zebulon Quux')")
    assert "Zebulon" not in "".join(traceback.format_exception(told.value))
    assert "UniqueViolation (23505)" in str(told.value)


@pytest.mark.parametrize(
    "statement",
    [
        "DO $$ BEGIN RAISE EXCEPTION 'cannot clean Budi Santoso'; END $$",
        "SELECT 'Budi Santoso'::int",
    ],
)
def test_a_text_that_may_quote_a_row_is_neither_repeated_nor_logged(
    server: EmbeddedServer, warehouse: Database, statement: str
) -> None:
    """What an owner's function raises, and PostgreSQL's own of a value."""
    with pytest.raises(DatabaseError) as raised, warehouse.connect() as connection:
        connection.execute(statement.encode())
    assert "Budi" not in str(raised.value)
    assert raised.value.args[0].count("(P0001)") + raised.value.args[0].count("(22P02)") == 1
    with server.database("postgres").connect() as connection:
        ((log,),) = connection.execute("SELECT pg_read_file('../server.log')").fetchall()
    assert "database system is ready" in log
    assert "Budi" not in log


def test_what_the_server_advises_is_told_too(warehouse: Database) -> None:
    with pytest.raises(DatabaseError) as told, warehouse.connect() as connection:
        connection.execute("CREATE TABLE t (amount int); SELECT amout FROM t")
    expected = 'column "amout" does not exist (42703). Perhaps you meant to reference the column'
    assert expected in str(told.value)


def test_a_connection_that_writes_sees_what_a_lock_waited_for(warehouse: Database) -> None:
    """Whatever a server sets for everybody."""
    with warehouse.connect() as connection:
        connection.execute(
            "DO $$ BEGIN EXECUTE FORMAT('ALTER DATABASE %I SET default_transaction_isolation = "
            "serializable', current_database()); END $$"
        )
    with warehouse.connect() as connection:
        assert connection.execute("SHOW transaction_isolation").fetchone() == ("read committed",)
    with warehouse.connect(read_only=True) as connection:
        assert connection.execute("SHOW transaction_isolation").fetchone() == ("repeatable read",)


def test_nothing_is_prepared_in_a_session_that_a_pooler_may_hand_on(warehouse: Database) -> None:
    with warehouse.connect() as connection, connection.cursor() as cursor:
        for number in range(10):
            cursor.execute("SELECT %s::int", [number])
        cursor.executemany("SELECT %s::int", [[number] for number in range(10)])
        cursor.execute("SELECT COUNT(*) FROM pg_prepared_statements")
        assert cursor.fetchone() == (0,)


def test_a_connection_that_ends_before_the_commit_names_its_database(warehouse: Database) -> None:
    with pytest.raises(DatabaseError, match=r"terminat(ed|ing)"), warehouse.connect() as mine:
        pid = mine.execute("SELECT pg_backend_pid()").fetchone()
        with warehouse.connect() as other:
            other.execute("SELECT pg_terminate_backend(%s, 10000)", pid)  # and waits for it
