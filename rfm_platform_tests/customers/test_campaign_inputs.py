"""A campaign is judged again when something that it was judged by has changed, and only then."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from rfm_platform.calendar import days_between
from rfm_platform.customers.campaign_effect import CampaignEffects
from rfm_platform.customers.campaigns import Campaign, CampaignsError
from rfm_platform.customers.segments import Segments, load_segments
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.assets.chain import Chain, new_chain
from rfm_platform_tests.assets.chain import line as order
from rfm_platform_tests.conftest import Row

FIRST = dt.date(2024, 1, 1)
AS_OF = dt.date(2024, 3, 31)
NEXT_DAY = dt.date(2024, 4, 1)
EARLY = Campaign(name="Early", start=dt.date(2024, 1, 20), end=dt.date(2024, 1, 26))
LISTED = Campaign(name="Listed", start=dt.date(2024, 2, 1), end=dt.date(2024, 2, 5))
LATER = Campaign(name="Later", start=dt.date(2024, 3, 1), end=dt.date(2024, 3, 10), shops=("2",))
RUNNING = Campaign(name="Running", start=dt.date(2024, 3, 20), end=dt.date(2024, 3, 31))
ALL = ["Early", "Later", "Listed", "Running"]


@dataclass
class World:
    """A mart in the lake, a calendar, and what campaigns are judged with."""

    chain: Chain
    listed: Path
    effects: CampaignEffects
    campaigns: list[Campaign]
    segments: Segments
    judged: list[str]

    def extract(self, days: Sequence[dt.date]) -> None:
        with self.chain.platform.mart.snapshot() as snapshot:
            self.chain.platform.extraction.extract(snapshot, days)

    def rows(self, as_of: dt.date) -> list[dict[str, Any]]:
        self.judged.clear()
        self.effects.evaluate(as_of, self.campaigns, self.segments)
        with self.effects.engine.session() as session:
            session.view(self.effects.lake.campaign_effect, as_of, as_of)
            return sorted(session.records("FROM campaign_effect"), key=repr)

    def forget(self) -> None:
        table = self.effects.lake.campaign_effect
        table.commit([], [partition.value for partition in table.partitions()])


@pytest.fixture
def world(server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    chain = new_chain(server, tmp_path)
    chain.fill(
        [_order(n, on) for n in range(40) for on in days_between(FIRST, NEXT_DAY)[n % 7 :: 9]]
    )
    listed = tmp_path / "who.csv"
    listed.write_text("marketplace,user_id\nshopee,u1\nshopee,u2\n", encoding="utf-8")
    judged: list[str] = []
    judge = CampaignEffects._judge

    def noted(self: CampaignEffects, *told: Any) -> Any:
        judged.append(told[-1].name)
        return judge(self, *told)

    monkeypatch.setattr(CampaignEffects, "_judge", noted)
    campaigns = [EARLY, LISTED.model_copy(update={"customers": listed}), LATER, RUNNING]
    effects = replace(chain.platform.campaign_effects, min_customers=3)
    made = World(chain, listed, effects, campaigns, load_segments(), judged)
    made.extract(days_between(FIRST, NEXT_DAY))
    made.rows(AS_OF)
    assert sorted(judged) == ALL
    return made


def _order(n: int, on: dt.date) -> Row:
    different = {"user_id": f"u{n}", "shop_id": str(1 + n % 2), "product_gmv_amount": 100 + n}
    return order(f"{n}-{on}", str(on), **different)


def _nothing(_: World) -> None:
    pass


def _a_longer_list(world: World) -> None:
    with world.listed.open("a", encoding="utf-8") as file:
        file.write("shopee,u3\n")


def _a_late_cancellation(world: World) -> None:
    """On a day of the windows of the two that have not been over for long."""
    on = dt.date(2024, 3, 8)
    statement = "UPDATE flatten_order_marketplace SET cancelled_flag = 'true' "
    world.chain.in_mart(f"{statement} WHERE create_timestamp::date = %s", on)
    world.extract([on])


def _another_campaign(world: World) -> None:
    """Near Later and Running, both by the windows before and after them."""
    start, end = dt.date(2024, 3, 12), dt.date(2024, 3, 13)
    world.campaigns.append(Campaign(name="Between", start=start, end=end, shops=("1",)))


def _more_customers_wanted(world: World) -> None:
    world.effects = replace(world.effects, min_customers=4)


def _another_segment(world: World) -> None:
    cells = world.segments.cells | {(3, 3, 3): "The best"}
    world.segments = replace(world.segments, cells=cells)


@pytest.mark.parametrize(
    ("change", "again"),
    [
        (_nothing, []),
        (_a_longer_list, ["Early", "Listed"]),
        (_a_late_cancellation, ["Later", "Running"]),
        (_another_campaign, ["Between", "Later", "Running"]),
        (_more_customers_wanted, ALL),
        (_another_segment, ALL),
    ],
)
def test_only_what_has_changed_is_judged_again(
    world: World, change: Callable[[World], None], again: list[str]
) -> None:
    change(world)
    rows = world.rows(NEXT_DAY)
    assert sorted(world.judged) == again
    world.forget()
    assert world.rows(NEXT_DAY) == rows
    assert sorted(world.judged) == sorted(one.name for one in world.campaigns)
    assert {row["as_of_date"] for row in rows} == {NEXT_DAY}


def test_a_window_that_has_ended_meanwhile_is_judged(world: World) -> None:
    shorter = RUNNING.model_copy(
        update={"end": dt.date(2024, 3, 24)}
    )  # the window after: to the 29th
    world.campaigns = [shorter]
    for as_of, judged, is_over in (("28", 1, False), ("28", 0, False), ("29", 1, True)):
        rows = world.rows(dt.date.fromisoformat(f"2024-03-{as_of}"))
        assert len(world.judged) == judged
        assert {row["verdict"] == "not_over" for row in rows if row["period"] == "after"} != {
            is_over
        }


def test_what_was_found_stays_where_a_list_is_gone(world: World) -> None:
    """Of the campaign itself and of one within whose windows it is; others are judged as ever."""
    before = world.rows(NEXT_DAY)
    world.listed.unlink()
    _a_late_cancellation(world)
    world.effects = replace(world.effects, min_customers=4)
    later = NEXT_DAY + dt.timedelta(days=1)
    world.extract([later])
    rows = world.rows(later)
    assert sorted(world.judged) == ["Later", "Running"]
    kept = [row for row in before if row["campaign"] in ("Early", "Listed")]
    found = [row | {"as_of_date": NEXT_DAY} for row in rows]
    assert [row for row in found if row["campaign"] in ("Early", "Listed")] == kept
    assert "no_list" not in {row["verdict"] for row in kept}
    assert {row["campaign"] for row in rows} == {*ALL}


def test_a_campaign_whose_list_is_gone_before_it_was_judged_has_no_answer(world: World) -> None:
    world.forget()
    world.listed.unlink()
    rows = world.rows(NEXT_DAY)
    assert sorted(world.judged) == ["Later", "Running"]
    unjudged = [row for row in rows if row["campaign"] in ("Early", "Listed")]
    assert len(unjudged) == 2 * 2 * 3
    assert {(row["verdict"], row["reason"], row["effect"]) for row in unjudged} == {
        ("no_list", "the list of Listed, who.csv, cannot be read (No such file or directory)", None)
    }
    world.listed.write_text("marketplace,user_id\nshopee,u1\n", encoding="utf-8")
    rows = world.rows(NEXT_DAY)
    assert sorted(world.judged) == ["Early", "Listed"]
    assert "no_list" not in {row["verdict"] for row in rows}


def test_a_window_that_ends_without_the_list_has_no_answer_and_the_campaign_keeps_its_own(
    world: World,
) -> None:
    shorter = RUNNING.model_copy(update={"end": dt.date(2024, 3, 24), "customers": world.listed})
    world.campaigns = [shorter]
    before = world.rows(dt.date(2024, 3, 28))
    world.listed.unlink()
    for on, verdict in (("28", "not_over"), ("29", "no_list"), ("30", "no_list")):
        rows = world.rows(dt.date.fromisoformat(f"2024-03-{on}"))
        assert not world.judged
        assert {row["verdict"] for row in rows if row["period"] == "after"} == {verdict}
        during = [
            row | {"as_of_date": dt.date(2024, 3, 28)} for row in rows if row["period"] == "during"
        ]
        assert during == [row for row in before if row["period"] == "during"]


def test_a_list_that_is_not_there_yet_costs_no_campaign_before_its_own(world: World) -> None:
    planned = Campaign(
        name="Planned",
        start=NEXT_DAY + dt.timedelta(days=2),
        end=NEXT_DAY + dt.timedelta(days=9),
        customers=world.listed.with_name("later.csv"),
    )
    world.campaigns.append(planned)
    assert {row["campaign"] for row in world.rows(NEXT_DAY)} == {*ALL}
    assert not world.judged
    world.forget()
    assert "no_list" not in {row["verdict"] for row in world.rows(NEXT_DAY)}


def test_a_list_is_read_where_its_campaign_matters_and_nowhere_else(world: World) -> None:
    """One that is no list fails the campaigns within whose windows its own is, and no other."""
    no_list = world.listed.with_name("no_list.csv")
    no_list.write_text("email\nsecret\n", encoding="utf-8")
    start, end = dt.date(2024, 3, 18), dt.date(2024, 4, 30)
    planned = Campaign(name="Planned", start=start, end=end, customers=no_list)
    world.campaigns = [LATER, planned]
    world.forget()
    # Until its window after is over, nobody asks who else was reached in that.
    assert {row["campaign"] for row in world.rows(dt.date(2024, 3, 19))} == {"Later"}
    with pytest.raises(CampaignsError, match="campaign Planned: customers: "):
        world.rows(dt.date(2024, 3, 20))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_listed_customer_without_a_marketplace_is_reached(world: World, suffix: str) -> None:
    """As `rfm audience` writes them; none is another marketplace than one without a name."""
    lines = [
        order(f"{marketplace} {on}", str(on), user_id="same", marketplace=marketplace)
        for on in days_between(FIRST, AS_OF)[::9]
        for marketplace in (None, "")
    ]
    world.chain.fill_more(lines)
    world.extract(days_between(FIRST, NEXT_DAY))
    # A directory that is called like a column says nothing of the rows.
    file = world.listed.parent / "marketplace=shopee" / f"none{suffix}"
    file.parent.mkdir(exist_ok=True)
    rows = "SELECT CAST(NULL AS VARCHAR) AS marketplace, 'same' AS user_id"
    duckdb.execute(f"COPY ({rows}) TO '{file}'")
    world.campaigns = [LISTED.model_copy(update={"customers": file})]
    reached = {
        row["targeted_customers"] for row in world.rows(NEXT_DAY) if row["breakdown"] == "all"
    }
    assert reached == {1}
