"""Erasing a person by what the README says: afterwards nothing that we keep knows them."""

import datetime as dt
import re
from pathlib import Path

import duckdb
import pytest

from rfm_platform.lake import vacuum
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.runs import plan
from rfm_platform_tests.assets.chain import Chain, day, line, new_chain
from rfm_platform_tests.cli.conftest import NAME, Rfm, environment

README = Path(__file__).parents[2] / "README.md"
USER = "1002944531"
KEEP_DAYS = 2
DAYS = ("01-31", "02-01", "02-02", "02-03")
FIRST, NEWEST = day(DAYS[0]), day(DAYS[-1])
KEPT = ["2024-01-31", "2024-02-02", "2024-02-03"]
FORECAST = (
    "SELECT CAST($as_of AS DATE) AS as_of_date, 'shopee' AS marketplace, $user_id AS user_id, "
    "CAST(1 AS INTEGER) AS repeat_purchases, CAST(1 AS INTEGER) AS last_purchase, "
    "CAST(1 AS INTEGER) AS age, CAST(1 AS DOUBLE) AS probability_alive, "
    "CAST(1 AS DOUBLE) AS probability_active, CAST(1 AS DOUBLE) AS expected_orders"
)


@pytest.fixture
def chain(server: EmbeddedServer, tmp_path: Path) -> Chain:
    chain = new_chain(
        server, tmp_path, analyses=True, keep_days=KEEP_DAYS, start_date=FIRST, end_date=NEWEST
    )
    orders = [(f"{user}-{on}", on, user) for on in DAYS for user in (USER, "u1", "u2")]
    chain.fill(
        [line(order, on, user_id=user) for order, on, user in orders],
        [("shopee", order, NAME if user == USER else "Ann") for order, _, user in orders],
    )
    return chain


def documented() -> list[list[str]]:
    """The commands that take snapshots again, with what their dates stand for."""
    text = " ".join(README.read_text("utf-8").split())
    recipe = text[text.index("To erase somebody") :].partition("## ")[0]
    commands = [found.split() for found in re.findall(r"`rfm ([^`]+)`", recipe)]
    dates = {
        "month-ends": {"--from": FIRST, "--to": NEWEST},
        "all": {"--from": NEWEST - dt.timedelta(days=KEEP_DAYS - 1), "--to": NEWEST},
    }
    filled = []
    for words in commands:
        at = dates.get(words[-1], {})
        filled.append(
            [
                str(at[before]) if word == "…" else word
                for before, word in zip(["", *words], words, strict=False)
            ]
        )
    return filled


def knowing(chain: Chain) -> dict[str, list[str]]:
    """Where the person is: of a table with a day the days, else the places."""
    found: dict[str, list[str]] = {}
    tables = chain.in_warehouse(
        "SELECT c.relname::text, BOOL_OR(a.attname = 'as_of_date') FROM pg_class AS c "
        "JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 "
        "WHERE c.relnamespace = 'rfm'::regnamespace AND c.relkind IN ('r', 'v') GROUP BY 1"
    )
    for table, has_day in tables:
        days = chain.in_warehouse(
            f"SELECT DISTINCT {'as_of_date' if has_day else 'NULL'}::text FROM rfm.{table} AS t "
            "WHERE t::text LIKE %s OR t::text LIKE %s ORDER BY 1",
            f"%{USER}%",
            f"%{NAME}%",
        )
        if days:
            found[f"rfm.{table}"] = [str(on) for (on,) in days]
    files = [
        str(file.relative_to(chain.settings.home))
        for file in sorted(chain.settings.home.rglob("*"))
        if file.is_file() and _knows(file)
    ]
    if files:
        found["files"] = files
    return found


def _knows(file: Path) -> bool:
    if file.suffix != ".parquet" or "_delta_log" in file.parts:
        content = file.read_bytes()
        return USER.encode() in content or NAME.encode() in content
    with duckdb.connect() as engine:
        texts = engine.execute("SELECT t::VARCHAR FROM read_parquet(?) AS t", [str(file)])
        return any(USER in text or NAME in text for (text,) in texts.fetchall())


def test_who_is_erased_as_the_readme_says_is_nowhere_any_more(chain: Chain, rfm_here: Rfm) -> None:
    variables = environment(chain) | {
        "RFM_START_DATE": str(FIRST),
        "RFM_END_DATE": str(NEWEST),
        "RFM_KEEP_DAYS": str(KEEP_DAYS),
    }

    def call(*words: str) -> None:
        said = rfm_here(variables, *words)
        assert said.code == 0, said.everything

    at_first = [step for step in plan(FIRST, NEWEST, "all") if step.first != day("02-01")]
    assert all(outcome.succeeded for outcome in chain.run(*at_first))
    platform = chain.platform
    for on in KEPT:  # a few days carry no forecast: one is planted
        with platform.engine.session() as session:
            table = platform.lake.next_purchase
            session.replace(table, FORECAST, [day(on)], as_of=day(on), user_id=USER)
        platform.publisher.publish_analyses(day(on), "next_purchase")
    before = knowing(chain)
    personal = ("final_user_analysis_snapshots", "rfm_scores_snapshots", "next_purchase_snapshots")
    assert [before[f"rfm.{table}"] for table in personal] == [KEPT] * 3
    assert "rfm.aggregated_monthly" in before

    chain.in_mart("DELETE FROM flatten_order_marketplace WHERE user_id = %s", USER)
    chain.in_mart("DELETE FROM order_marketplace WHERE address_shipping_name = %s", NAME)
    commands = documented()
    assert [words[0] for words in commands].count("materialize") >= 1
    assert commands[-1][0] == "maintain"
    for words in commands:
        call(*words)
    left = knowing(chain)
    assert [place for place in left if place != "files"] == []
    assert all(name.startswith("lake/") for name in left["files"]), "versions, until they are old"
    for _ in range(2):  # as `rfm maintain` does after RFM_KEEP_VERSIONS_DAYS
        for lake_table in platform.lake.tables:
            vacuum(lake_table, 0)
    assert knowing(chain) == {}
    assert chain.in_warehouse(
        "SELECT COUNT(DISTINCT as_of_date) FROM rfm.rfm_scores_snapshots"
    ) == [(len(KEPT),)]
