"""Several connections that read one snapshot of the mart: each row once, all of one moment."""

import datetime as dt
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rfm_platform.customers import shares
from rfm_platform.customers.extraction import read_days
from rfm_platform.customers.shares import pieces, shares_of
from rfm_platform.mart import Mart, MartSnapshot, Share, SourceNames
from rfm_platform.postgres import DatabaseError, external
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.assets.chain import Chain, day, line, new_chain
from rfm_platform_tests.conftest import url_of

DAYS = [day(f"01-{n:02}") for n in range(1, 8)]


@pytest.fixture
def chain(server: EmbeddedServer, tmp_path: Path) -> Chain:
    chain = new_chain(server, tmp_path)
    lines = [
        line(f"o{n // 2}", f"01-{n % 3 + 1:02}", user_id=f"u{n % 11}", product_gmv_amount=n)
        for n in range(200)
    ]
    lines += [line("", "01-02"), line("Ünï\n🛍", "01-07")]
    lines += [line("?", "01-02", order_id=None)]
    chain.fill(lines, [("shopee", f"o{n}", f"Name {n}") for n in range(0, 100, 3)])
    return chain


def rows(chain: Chain, connections: int) -> list[tuple[Any, ...]]:
    mart = Mart(chain.mart, SourceNames(), "Asia/Jakarta", 60, connections)
    with mart.snapshot() as snapshot, chain.platform.engine.session() as session:
        read_days(session, snapshot, DAYS)
        return session.rows("FROM source_orders ORDER BY ALL")


@pytest.mark.parametrize("uneven_by", [1.3, 0])
@pytest.mark.parametrize("connections", [2, 3, 5])
def test_several_readers_read_what_one_reads(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, connections: int, uneven_by: float
) -> None:
    one = rows(chain, 1)
    monkeypatch.setattr(shares, "LINES_OF_A_READER", 10)
    monkeypatch.setattr(shares, "UNEVEN_BY", uneven_by)  # 0: never by days, always by orders
    assert rows(chain, connections) == one
    assert len(one) == 203


def test_every_reader_sees_the_moment_of_the_first(chain: Chain) -> None:
    mart = Mart(chain.mart, SourceNames(), "Asia/Jakarta", 60, 3)
    with mart.snapshot() as snapshot:
        before = snapshot.line_counts(DAYS)
        chain.in_mart("DELETE FROM flatten_order_marketplace")
        readers = snapshot.together(3)
        assert [reader.line_counts(DAYS) for reader in readers] == [before] * 3
        assert snapshot.together(2) == readers[:2]
    with mart.snapshot() as snapshot:
        assert sum(snapshot.line_counts(DAYS).values()) == 0


def test_tables_of_another_server_are_read_by_one(chain: Chain) -> None:
    """Each connection begins a transaction of its own there. A view may read them by its owner's
    rights alone."""
    mart = Mart(chain.mart, SourceNames(), "Asia/Jakarta", 60, 3)
    with mart.snapshot() as snapshot:
        assert snapshot.readers == 3
    chain.in_mart(
        "CREATE FOREIGN DATA WRAPPER elsewhere; CREATE SERVER s FOREIGN DATA WRAPPER elsewhere; "
        "CREATE FOREIGN TABLE remote (order_id text) SERVER s; CREATE ROLE seeing_views LOGIN; "
        "GRANT SELECT ON flatten_order_marketplace, order_marketplace TO seeing_views"
    )
    url = url_of(chain.mart).replace("postgres@", "seeing_views@")
    try:
        mart = Mart(external("data mart", url), SourceNames(), "Asia/Jakarta", 60, 3)
        with mart.snapshot() as snapshot:
            assert snapshot.readers == 1
    finally:
        chain.in_mart("DROP OWNED BY seeing_views; DROP ROLE seeing_views")


def test_a_snapshot_that_a_second_connection_does_not_see_is_told(chain: Chain) -> None:
    with (
        pytest.raises(DatabaseError, match=r"spreads connections .* RFM_SOURCE_CONNECTIONS=1"),
        chain.mart.connect(read_only=True, exported_snapshot="00000003-0000001B-1"),
    ):
        pass


def test_an_order_falls_to_one_reader(chain: Chain) -> None:
    taken: list[set[str]] = []
    with chain.platform.mart.snapshot() as snapshot:
        for number in range(3):
            stream = io.BytesIO()
            snapshot.copy_lines(Share(DAYS[:3], number, 3), stream.write)
            text = stream.getvalue().decode()
            taken.append({row.split(",")[9] for row in text.splitlines()})
    assert all(taken)
    assert sum(map(len, taken)) == len(set.union(*taken))


def counts(*lines: int) -> dict[dt.date, int]:
    return dict(zip(DAYS, lines, strict=False))


def test_days_are_dealt_out_and_divided_only_where_they_are_too_uneven() -> None:
    even = shares_of(counts(10, 12, 9, 11), 2)
    assert [list(share.days) for share in even] == [DAYS[:2], DAYS[2:4]]
    assert {share.readers for share in even} == {1}
    uneven = shares_of(counts(1, 100, 1), 2)
    assert [(list(s.days), s.number, s.readers) for s in uneven] == [
        (DAYS[:3], 0, 2),
        (DAYS[:3], 1, 2),
    ]
    assert [list(share.days) for share in shares_of(counts(0, 0), 1)] == [DAYS[:2]]


def test_pieces_are_bounded_by_lines_and_by_days_and_lose_no_day() -> None:
    lines = counts(5, 5, 0, 20, 1, 1, 1)
    found = pieces(lines, lines_at_once=10, days_at_once=2)
    assert [list(piece.values()) for piece in found] == [[5, 5], [0], [20], [1, 1], [1]]
    assert {day: n for piece in found for day, n in piece.items()} == lines


def test_a_reader_that_is_cut_off_is_an_error_and_changes_no_day(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = chain.platform
    mart = Mart(chain.mart, SourceNames(), "Asia/Jakarta", 60, 3)
    with mart.snapshot() as snapshot:
        platform.extraction.extract(snapshot, DAYS)
    files = [day.files for day in platform.lake.source_orders.partitions()]
    copy = MartSnapshot.copy_lines

    def cut_off(self: MartSnapshot, share: Share, write: Callable[[Any], object]) -> None:
        if DAYS[1] in share.days:
            backend = self._connection.info.backend_pid
            chain.in_mart("SELECT pg_terminate_backend(%s)", backend)
        copy(self, share, write)

    monkeypatch.setattr(shares, "LINES_OF_A_READER", 10)
    monkeypatch.setattr(MartSnapshot, "copy_lines", cut_off)
    with pytest.raises(DatabaseError, match="terminating connection"), mart.snapshot() as snapshot:
        platform.extraction.extract(snapshot, DAYS)
    assert [day.files for day in platform.lake.source_orders.partitions()] == files
