"""What a campaign changed, from the mart through the asset, against loops over the mart's lines."""

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from rfm_platform.automation.instance import open_instance
from rfm_platform.customers.campaign_comparison import UNBALANCED
from rfm_platform.customers.campaigns import Campaign, CampaignsError, load_campaigns
from rfm_platform.customers.segments import load_segments
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.reconcile.analyses import campaign_violations
from rfm_platform_tests.assets.chain import Chain, new_chain
from rfm_platform_tests.customers.conftest import line
from rfm_platform_tests.oracle import Line, Row, flag, quartile, score

AS_OF = dt.date(2024, 4, 10)
ENOUGH = 8
SEGMENTS = load_segments()
Customer = tuple[Any, Any]
OUTCOMES = ("orders", "revenue", "active")
SPRING = {"name": "Spring", "start": "2024-02-15", "end": "2024-03-05"}
MAIL = {"name": "Mail", "start": "2024-03-11", "end": "2024-03-20"}
SHOP = {"name": "Shop", "start": "2024-02-20", "end": "2024-02-29", "shops": ["S2"]}
LATE = {"name": "Late", "start": "2024-04-05", "end": "2024-04-20"}
ODD = [{"cancelled_flag": "true"}, {"returned_flag": "2024-03-01"}, {"cancelled_flag": "maybe"}]


def _lines(seed: int, customers: int = 260) -> list[Line]:
    """Orders of a quarter: dirty ones, some over two shops, some in another currency."""
    chance = random.Random(seed)  # noqa: S311 - the same orders each time
    made = []
    for n in range(customers):
        marketplace = chance.choice(("shopee", "shopee", "lazada"))
        home = chance.choice(("S1", "S1", "S1", "S2")) if marketplace == "shopee" else "L1"
        for k in range(chance.choice((1, 2, 3, 5, 9, 14))):
            at = dt.date(2024, 1, 1) + dt.timedelta(days=chance.randrange(101))
            both = marketplace == "shopee" and chance.random() < 0.02
            made += [
                line(
                    f"{at} 12:00",
                    f"u{n}" if chance.random() > 0.02 else chance.choice((None, "")),
                    f"{n}-{k}",
                    chance.randrange(1, 500),
                    marketplace=marketplace,
                    shop_id=shop,
                    kurs_rate=chance.choice((1, 3)),
                    **(chance.choice(ODD) if chance.random() < 0.1 else {}),
                )
                for shop in (("S1", "S2") if both else (home,))
            ]
    return made


@dataclass(frozen=True)
class Taken:
    """The chain, its valid lines, its campaigns and what was published of them."""

    chain: Chain
    lines: list[Line]
    campaigns: list[Campaign]
    rows: list[Row]


@pytest.fixture(scope="module")
def taken(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Taken:
    directory = tmp_path_factory.mktemp("campaigns")
    chance = random.Random(3)  # noqa: S311 - the same lists each time
    lines = _lines(1)
    known = sorted({(each.marketplace, str(each.user_id)) for each in lines if each.user_id})
    for name, share in (("spring", 0.4), ("mail", 0.15)):
        chosen = [("shopee", "unknown"), *(who for who in known if chance.random() < share)]
        text = "".join(f"{marketplace},{user_id}\n" for marketplace, user_id in chosen)
        (directory / f"{name}.csv").write_text(f"marketplace,user_id\n{text}", encoding="utf-8")
    calendar = directory / "campaigns.yaml"
    entries = [SPRING | {"customers": "spring.csv"}, MAIL | {"customers": "mail.csv"}, SHOP, LATE]
    calendar.write_text(f"campaigns: {entries}".replace("'", '"'), encoding="utf-8")
    chain = new_chain(
        server, directory, analyses=True, campaigns_file=calendar, campaign_min_customers=ENOUGH
    )
    chain.fill(lines)
    outcomes = chain.materialize("01-01", str(AS_OF))
    assert all(outcome.succeeded for outcome in outcomes), outcomes[-1].errors
    (check,) = [check for check in outcomes[-1].checks if check.check == "campaigns_add_up"]
    assert check.passed, check.description
    valid = [each for each in lines if _is_valid(each)]
    rows = chain.platform.warehouse.rows("SELECT * FROM rfm.campaign_effect")
    return Taken(chain, valid, load_campaigns(calendar), rows)


def _is_valid(each: Line) -> bool:
    flags = (flag(each.cancelled_flag), flag(each.returned_flag))
    return flags == (False, False) and bool(each.user_id)


def _day(each: Line) -> dt.date:
    assert each.create_timestamp is not None
    return each.create_timestamp.date()


def _outcome(lines: Iterable[Line], first: dt.date, last: dt.date) -> dict[str, int]:
    here = [each for each in lines if first <= _day(each) <= last]
    orders = len({each.order_id for each in here})
    return {"orders": orders, "revenue": _revenue(here), "active": int(orders > 0)}


def _revenue(lines: Iterable[Line]) -> int:
    return sum((each.product_gmv_amount or 0) * (each.kurs_rate or 0) for each in lines)


class World:
    """A campaign's customers as brute force sees them."""

    def __init__(self, lines: Sequence[Line], campaign: Campaign, every: Sequence[Campaign]):
        self.campaign = campaign
        self.every = every
        self.matched: dict[Any, list[tuple[list[Customer], list[Customer]]]] = {}
        self.theirs: dict[Customer, list[Line]] = defaultdict(list)
        for each in lines:
            self.theirs[each.marketplace, each.user_id].append(each)
        self.earlier = {
            who: [each for each in some if _day(each) < campaign.start]
            for who, some in self.theirs.items()
            if min(map(_day, some)) < campaign.start
        }
        self.metrics = {
            who: {
                "recency": (campaign.start - max(map(_day, some))).days - 1,
                "frequency": len({each.order_id for each in some}),
                "monetary": _revenue(some),
            }
            for who, some in self.earlier.items()
        }
        self.quartiles = {
            metric: tuple(
                quartile([one[metric] for one in self.metrics.values()], n) for n in (1, 3)
            )
            for metric in ("recency", "frequency", "monetary")
        }

    def cell(self, who: Customer) -> tuple[int, int, int]:
        r, f, m = (
            score(metric, value, *self.quartiles[metric])
            for metric, value in self.metrics[who].items()
        )
        return r, f, m

    def value(self, breakdown: str, who: Customer) -> str | None:
        if breakdown == "segment":
            return SEGMENTS.cells[self.cell(who)]
        return f"{min(map(_day, self.earlier[who])):%Y-%m}" if breakdown == "cohort" else None

    def in_scope(self, who: Customer, campaign: Campaign) -> bool:
        return any(
            (campaign.shops is None or each.shop_id in campaign.shops)
            and (campaign.marketplaces is None or each.marketplace in campaign.marketplaces)
            for each in self.earlier[who]
        )

    def is_reached(self, who: Customer, campaign: Campaign) -> bool:
        if campaign.customers is None:
            return self.in_scope(who, campaign)
        listed = campaign.customers.read_text(encoding="utf-8").splitlines()
        return self.in_scope(who, campaign) and ",".join(map(str, who)) in listed

    def is_excluded(self, who: Customer, period: str) -> bool:
        end = self.campaign.end if period == "during" else self.campaign.after
        return any(
            other.start <= end and other.end >= self.campaign.before and self.is_reached(who, other)
            for other in self.every
            if other.name != self.campaign.name
        )

    def expect(self, period: str, breakdown: str, value: str | None) -> dict[str, Any]:
        own = self.campaign
        people = [
            who
            for who in self.earlier
            if self.value(breakdown, who) == value
            and (own.customers is None or self.in_scope(who, own))
        ]
        arms: dict[bool, dict[Any, list[Customer]]] = {True: {}, False: {}}
        counts = dict.fromkeys(
            (f"{arm}_{what}" for arm in ("targeted", "comparison") for what in COUNTS), 0
        )
        for who in people:
            reached = self.is_reached(who, own)
            arm = "targeted" if reached else "comparison"
            counts[f"{arm}_customers"] += 1
            if self.is_excluded(who, period):
                counts[f"{arm}_excluded"] += 1
            else:
                arms[reached].setdefault(self.cell(who), []).append(who)
        cells = arms[True].keys() & arms[False].keys()
        counts["targeted_matched"] = sum(len(arms[True][cell]) for cell in cells)
        counts["comparison_matched"] = sum(len(arms[False][cell]) for cell in cells)
        changes = {
            outcome: sum(
                len(arms[True][cell])
                * (
                    self._mean(arms[True][cell], period, outcome)
                    - self._mean(arms[False][cell], period, outcome)
                )
                for cell in cells
            )
            / (counts["targeted_matched"] or 1)
            for outcome in OUTCOMES
        }
        self.matched[period, breakdown, value] = [(arms[True][c], arms[False][c]) for c in cells]
        return counts | changes

    def holds_enough(self, period: str, breakdown: str, value: str | None, outcome: str) -> bool:
        """Whether each side would have five that are not 0, worth as many alike, or has fifteen."""
        amounts, expected, observed = [], [0.0, 0.0], [0, 0]
        for sides in self.matched[period, breakdown, value]:
            found = [[sum(self._both(who, period, outcome)) for who in side] for side in sides]
            some = [amount for side in found for amount in side if amount]
            amounts += some
            for n, side in enumerate(found):
                expected[n] += len(side) * len(some) / sum(map(len, sides))
                observed[n] += sum(amount > 0 for amount in side)
        alike = sum(amounts) ** 2 / sum(a * a for a in amounts) / len(amounts) if amounts else 0
        return all(
            e * alike >= 5 or o * alike >= 15 for e, o in zip(expected, observed, strict=True)
        )

    def _mean(self, people: Sequence[Customer], period: str, outcome: str) -> float:
        both = [self._both(who, period, outcome) for who in people]
        return sum(then - before for before, then in both) / len(both)

    def _both(self, who: Customer, period: str, outcome: str) -> tuple[int, int]:
        """Before and then."""
        own, day = self.campaign, dt.timedelta(days=1)
        then = (own.start, own.end) if period == "during" else (own.end + day, own.after)
        return (
            _outcome(self.theirs[who], own.before, own.start - day)[outcome],
            _outcome(self.theirs[who], *then)[outcome],
        )


COUNTS = ("customers", "excluded", "matched")


@pytest.mark.parametrize("name", ["Spring", "Mail", "Shop"])
def test_every_count_and_effect_is_what_brute_force_finds(taken: Taken, name: str) -> None:
    campaign = next(one for one in taken.campaigns if one.name == name)
    world = World(taken.lines, campaign, taken.campaigns)
    rows = [row for row in taken.rows if row["campaign"] == name]
    expected: dict[tuple[Any, ...], dict[str, Any]] = {}
    answered = set()
    for row in rows:
        key = (row["period"], row["breakdown"], row["breakdown_value"])
        if key not in expected:
            expected[key] = world.expect(*key)
        wanted = expected[key]
        counts = {k: v for k, v in wanted.items() if k not in OUTCOMES}
        assert {k: row[k] for k in counts} == counts, key
        enough = min(row["targeted_matched"], row["comparison_effective"]) >= ENOUGH
        assert enough == (row["targeted_before"] is not None)
        assert (row["effect"] is None) == (row["reason"] is not None)
        if enough and row["effect"] is None:
            if world.holds_enough(*key, row["outcome"]):
                assert (row["verdict"], row["reason"]) == UNBALANCED
                assert row["targeted_before"] != row["comparison_before"]
            else:
                assert row["verdict"] == "too_few", key
        elif enough:
            assert world.holds_enough(*key, row["outcome"])
            assert row["effect"] == pytest.approx(wanted[row["outcome"]], abs=1e-9), key
            assert row["effect_low"] < row["effect_high"]
            answered.add(row["breakdown"])
    there = {(period, breakdown) for period, breakdown, _ in expected}
    assert there == {(p, b) for p in ("during", "after") for b in ("all", "cohort", "segment")}
    assert answered >= {"all", "cohort"} | ({"segment"} if name == "Spring" else set())
    assert sum(row["comparison_excluded"] + row["targeted_excluded"] for row in rows) > 0


def test_a_campaign_that_is_not_over_has_no_row(taken: Taken) -> None:
    assert {row["campaign"] for row in taken.rows} == {"Spring", "Mail", "Shop"}


def _campaign(**fields: Any) -> Campaign:
    return Campaign.model_validate(
        {"name": "A", "start": "2024-02-15", "end": "2024-02-24", "shops": ["S2"]} | fields
    )


@pytest.mark.parametrize(
    ("campaigns", "period", "verdict", "said"),
    [
        (
            [_campaign(start="2024-01-09", end="2024-01-20")],
            "during",
            "too_early",
            "the window before it begins 2023-12-28, the history 2024-01-01",
        ),
        (
            [_campaign(start="2024-03-29", end="2024-04-07")],
            "after",
            "not_over",
            "the window after it is not over before 2024-04-17",
        ),
        ([_campaign(shops=None)], "during", "no_comparison", "it reached everybody"),
        ([_campaign(shops=["nowhere"])], "after", "nobody_reached", "it reached nobody who"),
        (
            [_campaign(), _campaign(name="B", start="2024-01-30", end="2024-02-05", shops=None)],
            "during",
            "too_few",
            "0 targeted customers are matched and the comparison is worth 0, 8 of each "
            "are needed; other campaigns within the windows reached",
        ),
    ],
)
def test_where_the_design_cannot_answer_a_row_says_why(
    taken: Taken, campaigns: list[Campaign], period: str, verdict: str, said: str
) -> None:
    effects = taken.chain.platform.campaign_effects
    assert effects.evaluate(AS_OF, campaigns, SEGMENTS) == len(campaigns)
    rows = [
        row for row in effects.overview(AS_OF) if (row["campaign"], row["period"]) == ("A", period)
    ]
    assert [row["outcome"] for row in rows] == sorted(OUTCOMES)
    for row in rows:
        assert row["reason"].startswith(said), row["reason"]
        assert (row["verdict"], row["effect"], row["effect_low"]) == (verdict, None, None)


def test_a_window_after_that_is_not_over_does_not_take_the_campaigns_own_answer(
    taken: Taken,
) -> None:
    effects = taken.chain.platform.campaign_effects
    effects.evaluate(AS_OF, [_campaign(start="2024-03-29", end="2024-04-07")], SEGMENTS)
    during = [row for row in effects.overview(AS_OF) if row["period"] == "during"]
    assert all(row["effect"] is not None for row in during)


def test_as_of_an_earlier_day_later_lines_and_campaigns_do_not_count(taken: Taken) -> None:
    effects = taken.chain.platform.campaign_effects
    day = dt.date(2024, 3, 5)
    assert effects.evaluate(day, taken.campaigns, SEGMENTS) == 2
    rows = effects.overview(day)
    assert {row["campaign"] for row in rows} == {"Spring", "Shop"}
    for row in rows:
        assert (row["verdict"] == "not_over") == (row["period"] == "after"), row


def test_the_same_lines_give_the_same_rows(taken: Taken) -> None:
    chain = taken.chain
    effects = chain.platform.campaign_effects
    _forget(taken)
    effects.evaluate(AS_OF, taken.campaigns, SEGMENTS)
    chain.platform.publisher.publish_analyses(AS_OF, "campaign_effect")
    again = chain.platform.warehouse.rows("SELECT * FROM rfm.campaign_effect")
    assert sorted(again, key=repr) == sorted(taken.rows, key=repr)


def _forget(taken: Taken) -> None:
    """Removes every snapshot, so that the next one computes all campaigns."""
    table = taken.chain.platform.lake.campaign_effect
    table.commit([], [partition.value for partition in table.partitions()])


def test_a_list_of_customers_without_its_columns_is_named(taken: Taken, tmp_path: Path) -> None:
    file = tmp_path / "who.csv"
    file.write_text("customer\nsecret\n", encoding="utf-8")
    with pytest.raises(CampaignsError) as raised:
        taken.chain.platform.campaign_effects.evaluate(AS_OF, [_campaign(customers=file)], SEGMENTS)
    assert "campaign A: customers: " in str(raised.value)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("marketplace,user_id\nshopee,é\n".encode("utf-16"), "is no UTF-8 text"),
        ("marketplace,user_id\nshopee,é\n".encode("latin-1"), "is no UTF-8 text"),
        (b"shopee,u1\n", "needs the columns marketplace and user_id"),
        (b"marketplace,user_id\nshopee,1\nshopee,2,x\n", "has 3 values in line 3 and 2 columns"),
        (b"user_id;marketplace\n1;shopee\nsecret\n", "has 1 values in line 3 and 2 columns"),
        (b'marketplace,user_id\nshopee,"1\n', "cannot be read from line 2 on"),
        (
            b"marketplace,user_id\n" + b"shopee,1\n" * 30_000 + b"shopee,1,1\n",
            "has 3 values in line 30002 and 2 columns",
        ),
    ],
)
def test_what_is_wrong_with_a_list_of_customers_is_said(
    taken: Taken, tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "who.csv"
    file.write_bytes(content)
    with pytest.raises(CampaignsError, match=said):
        taken.chain.platform.campaign_effects.evaluate(AS_OF, [_campaign(customers=file)], SEGMENTS)


@pytest.mark.parametrize("kind", ["DOUBLE", "FLOAT", "DECIMAL(18, 1)"])
def test_numbers_of_customers_with_a_fraction_are_refused(
    taken: Taken, tmp_path: Path, kind: str
) -> None:
    """They are read as 12.0 and match nobody."""
    file = tmp_path / "who.parquet"
    duckdb.execute(
        f"COPY (SELECT 'shopee' AS marketplace, CAST(12 AS {kind}) AS user_id) TO '{file}'"
    )
    with pytest.raises(CampaignsError, match="write it as text"):
        taken.chain.platform.campaign_effects.evaluate(AS_OF, [_campaign(customers=file)], SEGMENTS)


def test_blanks_around_a_listed_customer_do_not_hide_them(taken: Taken, tmp_path: Path) -> None:
    known = sorted({str(each.user_id) for each in taken.lines if each.marketplace == "shopee"})
    file = tmp_path / "who.csv"
    text = f"marketplace, user_id\nshopee, {known[0]}\nshopee ,{known[1]} \nshopee,{known[2]}\n"
    file.write_text(text, encoding="utf-8")
    effects = taken.chain.platform.campaign_effects
    campaign = _campaign(customers=file, shops=None, start="2024-03-20", end="2024-03-29")
    said: list[str] = []
    effects.evaluate(AS_OF, [campaign], SEGMENTS, said.append)
    assert {row["targeted_customers"] for row in effects.overview(AS_OF)} == {3}
    assert said == []


def test_a_list_that_is_mostly_unknown_is_told_of(taken: Taken, tmp_path: Path) -> None:
    known = sorted({str(each.user_id) for each in taken.lines if each.marketplace == "shopee"})
    effects = taken.chain.platform.campaign_effects
    for unknown, told in ((2, False), (3, True)):
        file = tmp_path / f"who{unknown}.csv"
        listed = [*known[:2], known[0], *(f"nobody {n}" for n in range(unknown))]
        rows = "".join(f"shopee,{who}\n" for who in listed)
        file.write_text(f"marketplace,user_id\n{rows}", encoding="utf-8")
        said: list[str] = []
        effects.evaluate(AS_OF, [_campaign(customers=file)], SEGMENTS, said.append)
        assert bool(said) == told
    assert said == [
        "campaign A: of 5 listed customers 2 have ever ordered: are marketplace and user_id "
        "written as in the mart?"
    ]
    effects.evaluate(AS_OF, [_campaign(customers=file)], SEGMENTS, said.append)
    assert len(said) == 1, "it is not judged again"


def test_a_marketplace_or_shop_that_is_not_in_the_mart_is_told_of(taken: Taken) -> None:
    """Whom it has reached there stands beside it, as if it had not."""
    effects = taken.chain.platform.campaign_effects
    named = {"marketplaces": ["shopee", "Lazada"], "shops": ["S1", "L2"]}
    planned = _campaign(name="B", start="2024-04-11", end="2024-04-12", shops=["nowhere"])
    said: list[str] = []
    effects.evaluate(
        AS_OF, [_campaign(**named), planned, _campaign(name="C")], SEGMENTS, said.append
    )
    assert said == [
        "campaign A: nobody has ever validly ordered in marketplace Lazada, but in lazada, shopee: "
        "is it written as in the mart?",
        "campaign A: nobody has ever validly ordered in shop L2, but in L1, S1, S2: is it written "
        "as in the mart?",
    ]


def test_a_quote_far_down_in_a_list_is_a_quote(taken: Taken, tmp_path: Path) -> None:
    """DuckDB guesses from some 20,000 rows what a file's quotes are."""
    known = sorted({each.user_id for each in taken.lines if each.marketplace == "shopee"}, key=str)
    rows = [f"shopee,nobody {n}\n" for n in range(30_000)]
    rows += ['shopee,"a,b"\n', f'shopee,"{known[0]}"\n']
    file = tmp_path / "who.csv"
    file.write_text("marketplace,user_id\n" + "".join(rows), encoding="utf-8")
    effects = taken.chain.platform.campaign_effects
    campaign = _campaign(customers=file, shops=None, start="2024-03-20", end="2024-03-29")
    effects.evaluate(AS_OF, [campaign], SEGMENTS)
    assert {row["targeted_customers"] for row in effects.overview(AS_OF)} == {1}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("targeted_customers = targeted_customers + 1", "segments do not add up to all"),
        ("comparison_matched = comparison_customers + 1", "more customers are matched"),
        ("comparison_effective = comparison_matched + 1", "more customers are matched"),
        (
            "targeted_matched = targeted_matched - 1 WHERE breakdown = 'segment'",
            "segments do not add up to all",
        ),
        (
            "comparison_matched = comparison_matched - 1 WHERE breakdown = 'segment'",
            "segments do not add up to all",
        ),
        ("effect = effect + 1", "not the difference of its means"),
        ("reason = 'why'", "neither an answer nor a reason, or both"),
    ],
)
def test_parts_that_are_not_the_whole_are_found(taken: Taken, change: str, said: str) -> None:
    chain = taken.chain
    chain.platform.campaign_effects.evaluate(AS_OF, taken.campaigns, SEGMENTS)
    chain.platform.publisher.publish_analyses(AS_OF, "campaign_effect")
    assert campaign_violations(chain.platform.warehouse, AS_OF) == []
    where = "" if " WHERE " in change else " WHERE breakdown = 'all'"
    chain.in_warehouse(f"UPDATE rfm.campaign_effect_snapshots SET {change}{where}")
    assert any(said in one for one in campaign_violations(chain.platform.warehouse, AS_OF))


def test_without_a_calendar_the_asset_publishes_no_row_and_says_so(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    chain = new_chain(server, tmp_path, analyses=True)
    chain.fill([line("2024-01-01 12:00", "u", "1")])
    outcome = chain.materialize("01-01", "01-01")[-1]
    assert outcome.succeeded, outcome.errors
    (check,) = [check for check in outcome.checks if check.check == "campaigns_add_up"]
    assert check.passed
    assert "Nothing to compare" in check.description
    assert chain.in_warehouse("SELECT * FROM rfm.campaign_effect") == []


def test_a_list_that_is_gone_costs_neither_the_run_nor_the_report(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    """A list of `rfm audience` is its owner's to delete; who never was judged is told of."""
    calendar = tmp_path / "campaigns.yaml"
    entry = {"name": "Vouchers", "start": "2024-01-08", "end": "2024-01-10", "customers": "who.csv"}
    calendar.write_text(f"campaigns: [{entry}]".replace("'", '"'), encoding="utf-8")
    chain = new_chain(server, tmp_path, analyses=True, campaigns_file=calendar)
    chain.fill(
        [line(f"2024-01-{d:02} 12:00", f"u{n}", f"{n}-{d}") for n in range(9) for d in range(1, 20)]
    )
    outcome = chain.materialize("01-01", "01-19")[-1]
    assert outcome.succeeded, outcome.errors
    assert chain.platform.reports.path(dt.date(2024, 1, 19)).is_file()
    (check,) = [one for one in outcome.checks if one.check == "campaigns_have_their_lists"]
    assert (check.passed, check.severity) == (False, "WARN")
    assert check.description == (
        "Without an answer: Vouchers: the list of Vouchers, who.csv, cannot be read "
        "(No such file or directory)."
    )


def test_a_list_that_is_mostly_unknown_is_told_on_the_days_page(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    calendar = tmp_path / "campaigns.yaml"
    entry = {"name": "Vouchers", "start": "2024-01-08", "end": "2024-01-10", "customers": "who.csv"}
    calendar.write_text(f"campaigns: [{entry}]".replace("'", '"'), encoding="utf-8")
    (tmp_path / "who.csv").write_text("marketplace,user_id\nelsewhere,u1\n", encoding="utf-8")
    chain = new_chain(server, tmp_path, analyses=True, campaigns_file=calendar)
    chain.fill([line(f"2024-01-{d:02} 12:00", "u1", f"{d}") for d in range(1, 20)])
    outcome = chain.materialize("01-01", "01-19")[-1]
    assert outcome.succeeded, outcome.errors
    with open_instance(chain.settings) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("campaign_effect"))
    assert event is not None
    assert event.asset_materialization is not None
    said = event.asset_materialization.metadata["calendar"].value
    assert said == (
        "campaign Vouchers: of 1 listed customers 0 have ever ordered: are marketplace and user_id "
        "written as in the mart?"
    )
