"""A list of customers is read as it is written, or it is said what is wrong with it."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from rfm_platform.customers.campaign_lists import read_customers
from rfm_platform.engine import DuckDBEngine, Session


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with DuckDBEngine(200_000_000, tmp_path / "spill", 1).session() as session:
        yield session


def _read(session: Session, file: Path) -> list[tuple[str | None, str | None]]:
    read_customers(session, "A", file)
    return session.rows("SELECT marketplace, user_id FROM campaign_file")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("name", "other"),
    [("vip[1]", "vip1"), ("vip?", "vips"), ("vip*", "vip of June"), ("new [1]/vip", "new 1/vip")],
)
def test_a_lists_name_is_no_pattern_for_others(
    session: Session, tmp_path: Path, name: str, other: str, suffix: str
) -> None:
    for each in (name, other):
        file = tmp_path / f"{each}.{suffix}"
        file.parent.mkdir(exist_ok=True)
        (tmp_path / "written").unlink(missing_ok=True)
        rows = f"SELECT 'shopee' AS marketplace, '{each}' AS user_id"
        duckdb.execute(f"COPY ({rows}) TO '{tmp_path / 'written'}' (FORMAT {suffix})")
        (tmp_path / "written").rename(file)
    assert _read(session, tmp_path / f"{name}.{suffix}") == [("shopee", name)]
