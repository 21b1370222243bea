"""Whom campaigns name is read as it is written, or it is said what is wrong or odd about it."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from rfm_platform.customers.campaign_lists import read_customers
from rfm_platform.customers.campaign_reach import unknown_places
from rfm_platform.customers.campaigns import Campaign, CampaignsError
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


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("marketplace,user_id\r\nshopee,1\nshopee,2\n", "mixes Windows and Unix line ends: save"),
        (
            "# VIPs\nmarketplace,user_id\nshopee,1\r\nshopee,2\r\n",
            "mixes Windows and Unix line ends: save",
        ),
        (
            "marketplace,user_id\r\n" + "shopee,1\r\n" * 9_000 + "shopee,2\n",
            "mixes Windows and Unix line ends: save",
        ),
        ("marketplace,user_id\rshopee,1\nshopee,2\r", "mixes Unix and old Mac line ends: save"),
        ("email,user_id\r\na,1\n", "needs the columns|is no csv file"),
    ],
)
def test_a_list_that_mixes_line_ends_is_told_so(
    session: Session, tmp_path: Path, content: str, said: str
) -> None:
    file = tmp_path / "who.csv"
    file.write_bytes(content.encode())
    with pytest.raises(CampaignsError, match=said):
        _read(session, file)


PLACES = [("shopee", "1"), ("shopee", None), ("tokopedia", "2"), (None, "3"), ("", "4")]


@pytest.mark.parametrize(
    ("marketplaces", "shops", "unknown"),
    [
        (None, None, {}),
        (("shopee", "tokopedia", ""), None, {}),
        (("tokopedia", "shopee "), None, {}),  # blanks around a name are taken for typing
        (None, ("1", "2", "3", "4"), {}),
        (("shopee",), ("1",), {}),
        (("Tokopedia",), ("2",), {"marketplace": "Tokopedia"}),
        (("shopee",), ("1", "2"), {"shop": "2"}),
        (None, ("01", "2", "9"), {"shop": "01, 9"}),
        (("x",), ("9",), {"marketplace": "x", "shop": "9"}),
    ],
)
def test_places_that_are_not_in_the_mart_are_named_each_once(
    marketplaces: tuple[str, ...] | None, shops: tuple[str, ...] | None, unknown: dict[str, str]
) -> None:
    day = dt.date(2024, 3, 1)
    campaign = Campaign(name="A", start=day, end=day, marketplaces=marketplaces, shops=shops)
    said = unknown_places(campaign, PLACES)
    assert [each.split(", but in ")[0] for each in said] == [
        f"campaign A: nobody has ever validly ordered in {kind} {names}"
        for kind, names in unknown.items()
    ]


def test_of_thousands_of_shops_a_few_are_named_and_the_rest_counted() -> None:
    day = dt.date(2024, 3, 1)
    campaign = Campaign(name="A", start=day, end=day, shops=("x",))
    (said,) = unknown_places(campaign, [("shopee", f"{n:04}") for n in range(2345)])
    assert "in shop x, but in 0000, 0001, " in said
    assert "0009 and 2,335 more: is it" in said
