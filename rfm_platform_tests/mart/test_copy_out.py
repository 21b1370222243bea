"""Rows of a COPY as libpq gives them: all of them, or an error, and a connection that goes on."""

import psycopg
import pytest

from rfm_platform.mart.copy_out import BUFFER_BYTES, copy_out
from rfm_platform.postgres import Database

MANY = 100_000


def test_all_rows_arrive_in_order_in_pieces_that_are_bounded(mart: Database) -> None:
    pieces: list[bytes] = []
    with mart.connect() as connection:
        statement = f"COPY (SELECT n, 'x' FROM generate_series(1, {MANY}) AS n) TO STDOUT"
        connection.execute("SELECT 1")
        copy_out(connection, statement, pieces.append)
        assert connection.execute("SELECT 2").fetchall() == [(2,)]
    assert b"".join(pieces).decode().splitlines() == [f"{n}\tx" for n in range(1, MANY + 1)]
    assert len(pieces) > 2
    assert max(map(len, pieces)) < 2 * BUFFER_BYTES


@pytest.mark.parametrize(
    ("select", "code"),
    [
        ("SELECT 1 / (50000 - n) FROM generate_series(1, 100000) AS n", "22012"),
        ("SELECT 1 / 0", "22012"),
        ("SELECT nothing", "42703"),
    ],
)
def test_what_the_server_says_in_the_middle_or_at_once_is_the_error(
    mart: Database, select: str, code: str
) -> None:
    with mart.connect() as connection:
        connection.execute("SELECT 1")
        with pytest.raises(psycopg.Error) as raised, connection.transaction():
            copy_out(connection, f"COPY ({select}) TO STDOUT", lambda _: None)
        assert raised.value.sqlstate == code
        assert connection.execute("SELECT 2").fetchall() == [(2,)]


def test_a_taker_that_fails_ends_the_copy_and_not_the_connection(mart: Database) -> None:
    def take(_: bytes) -> None:
        raise BrokenPipeError("the engine has gone")

    with mart.connect() as connection:
        connection.execute("SELECT 1")
        with pytest.raises(BrokenPipeError, match="has gone"), connection.transaction():
            copy_out(
                connection, "COPY (SELECT n FROM generate_series(1, 50000000) AS n) TO STDOUT", take
            )
        assert connection.execute("SELECT 2").fetchall() == [(2,)]


def test_a_statement_that_is_no_copy_is_refused(mart: Database) -> None:
    with mart.connect() as connection:
        connection.execute("SELECT 1")
        with pytest.raises(psycopg.Error):
            copy_out(connection, "SELECT 1", lambda _: None)
