"""A list of customers is read as it is written, or it is said what is wrong with it."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from rfm_platform.customers.campaign_lists import read_customers
from rfm_platform.customers.campaigns import CampaignsError
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


@pytest.mark.parametrize(
    "above", ["", "# VIPs\n", "VIPs of June\n\n", "# Of June\n# Nobody else\n"]
)
@pytest.mark.parametrize(
    "numbers", [["1", "#2", "#3"], ["#1", "#2"], ["a#1", "b#2", "c"], [*map(str, range(99)), "#"]]
)
def test_a_hash_is_part_of_a_customers_number_and_begins_no_comment(
    session: Session, tmp_path: Path, numbers: list[str], above: str
) -> None:
    """Notes above the columns are passed over, as titles are."""
    file = tmp_path / "who.csv"
    for header, row in (("user_id,marketplace", "{},shopee"), ("marketplace;user_id", "shopee;{}")):
        rows = "".join(f"{row.format(number)}\n" for number in numbers)
        file.write_text(f"{above}{header}\n{rows}", encoding="utf-8")
        assert _read(session, file) == [("shopee", number) for number in numbers]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# VIPs, of June\nmarketplace,user_id\nshopee,1\n", "text above its columns, .* line 2:"),
        ("# VIPs, of\nJune\n\nmarketplace,user_id\nshopee,1\n", "text above its .* line 4: delete"),
        ("# VIPs\nmarketplace,user_id\nshopee,1\nshopee\n", "has 1 values in line 4 and 2 columns"),
        ("marketplace,user_id\n# VIPs\nshopee,1\n", "has 1 values in line 2 and 2 columns"),
        ("marketplace,user_id\nshopee,1\n# end\n", "has 1 values in line 3 and 2 columns"),
        ("# VIPs, of June\nshopee,1\n", "needs the columns marketplace and user_id"),
    ],
)
def test_a_note_that_hides_the_columns_or_stands_among_rows_is_named_by_its_line(
    session: Session, tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "who.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CampaignsError, match=said):
        _read(session, file)
