"""The campaign calendar: what it says is read, and every mistake is named by campaign and field."""

import datetime as dt
from pathlib import Path

import pytest

from rfm_platform.customers.campaigns import CampaignsError, load_campaigns

GOOD = "{name: Spring, start: 2024-03-01, end: 2024-03-10}"


def _calendar(directory: Path, *entries: str) -> Path:
    file = directory / "campaigns.yaml"
    text = "campaigns:\n" + "".join(f"- {entry}\n" for entry in entries)
    file.write_text(text, encoding="utf-8")
    return file


def test_without_a_file_there_is_no_campaign() -> None:
    assert load_campaigns(None) == []


def test_windows_before_and_after_are_as_long_as_the_campaign(tmp_path: Path) -> None:
    (campaign,) = load_campaigns(_calendar(tmp_path, GOOD))
    assert campaign.before == dt.date(2024, 2, 20)
    assert campaign.after == dt.date(2024, 3, 20)


def test_a_list_of_customers_lies_beside_the_calendar(tmp_path: Path) -> None:
    (tmp_path / "who.csv").write_text("marketplace,user_id\n", encoding="utf-8")
    entry = "{name: A, start: 2024-03-01, end: 2024-03-01, customers: who.csv, shops: [S1]}"
    (campaign,) = load_campaigns(_calendar(tmp_path, entry))
    assert campaign.customers == tmp_path / "who.csv"
    assert campaign.shops == ("S1",)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{start: 2024-03-01, end: 2024-03-02}", "campaign 2: name: Field required"),
        ("{name: A, end: 2024-03-02}", "campaign A: start: Field required"),
        ("{name: A, start: soon, end: 2024-03-02}", "campaign A: start: Input should be"),
        ("{name: A, start: 2024-03-03, end: 2024-03-02}", "campaign A: end: lies before start"),
        ("{name: Spring, start: 2024-03-01, end: 2024-03-02}", "campaign Spring: name: is there"),
        ("{name: A, start: 2024-03-01, end: 2024-03-02, shops: []}", "campaign A: shops: "),
        ("{name: A, start: 2024-03-01, end: 2024-03-02, shop: [S]}", "campaign A: shop: Extra"),
        (
            "{name: A, start: 2024-03-01, end: 2024-03-02, customers: who.xlsx}",
            "campaign A: customers: who.xlsx is no .csv or .parquet file",
        ),
        ("text", "campaign 2: Input should be"),
    ],
)
def test_a_mistake_is_named_by_its_campaign_and_field(
    tmp_path: Path, entry: str, said: str
) -> None:
    with pytest.raises(CampaignsError) as raised:
        load_campaigns(_calendar(tmp_path, GOOD, entry))
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("campaigns: [", "is no YAML"),
        ("- a", "must be one list named campaigns"),
        ("campaigns: {}", "must be one list named campaigns"),
        ("campaigns: []\nmore: 1", "must be one list named campaigns"),
        ("campaigns: []\n\n'campaigns': []", "line 3 repeats the key campaigns of line 1"),
        (f"campaigns:\n- {GOOD[:-1]},\n  shops: [A], shops: [B]}}", "line 3 .* shops of line 3"),
        (f"campaigns:\n- &a {GOOD}\n- {{<<: *a, name: A, name: B}}", "line 3 repeats the key name"),
    ],
)
def test_a_file_that_is_no_calendar_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "campaigns.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CampaignsError, match=said):
        load_campaigns(file)


def test_an_entry_takes_over_what_others_say_and_says_otherwise(tmp_path: Path) -> None:
    """As YAML's merge keys do it: what stands in the entry itself is no repetition."""
    chain = ("&a {name: A, start: 2024-03-01}", "&b {<<: *a, name: B}", "{<<: *b, name: C}")
    several = "{<<: *a, <<: *b, name: D, start: 2024-03-02}"
    entries = [entry.replace("}", ", end: 2024-03-09}") for entry in (*chain, several)]
    campaigns = load_campaigns(_calendar(tmp_path, *entries))
    found = [(one.name, one.start.day, one.end.day) for one in campaigns]
    assert found == [("A", 1, 9), ("B", 1, 9), ("C", 1, 9), ("D", 2, 9)]


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(CampaignsError, match=r"nowhere\.yaml"):
        load_campaigns(tmp_path / "nowhere.yaml")
    file = tmp_path / "campaigns.yaml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(CampaignsError, match="no UTF-8"):
        load_campaigns(file)
