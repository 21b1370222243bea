"""The declaration: what is wrong with one is said, and ours reads aggregates only."""

import re
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from rfm_platform import catalog
from rfm_platform.dashboards.redash.declaration import DeclarationError, load_declaration
from rfm_platform.dashboards.redash.filled import values_of
from rfm_platform.dashboards.redash.wanted import Address, wanted_objects
from rfm_platform.settings import read_settings
from rfm_platform_tests.dashboards.redash.conftest import HOURLY, write

PERSONAL = {"user_id", "customer_key", "customer_name", "exported_by"}


def tables_of(sql: str) -> set[str]:
    """The tables that a query reads, with their schema."""
    text = re.sub(r"\{\{.*?\}\}", "1", sql)
    tree = sqlglot.parse_one(text, dialect="postgres")
    named = {cte.alias for cte in tree.find_all(exp.CTE)}
    return {
        f"{table.db}.{table.name}" for table in tree.find_all(exp.Table) if table.name not in named
    }


def test_our_queries_read_published_aggregates_and_nothing_else() -> None:
    allowed = {
        f"{catalog.SCHEMA}.{table.name}"
        for table in catalog.WAREHOUSE.sorted_tables
        if not PERSONAL & {column.name for column in table.columns}
    }
    assert not {"rfm.rfm_scores_snapshots", "rfm.audiences", "rfm.aggregated_monthly"} & allowed
    for key, query in load_declaration().queries.items():
        assert tables_of(query.sql), key
        assert tables_of(query.sql) <= allowed, key


def test_the_documented_grant_is_what_our_queries_need() -> None:
    page = (Path(__file__).parents[3] / "docs" / "dashboards.md").read_text("utf-8")
    (granted,) = re.findall(r"GRANT SELECT ON (.*?) TO ", page, re.DOTALL)
    read = set[str]().union(
        *(tables_of(query.sql) for query in load_declaration().queries.values())
    )
    assert set(re.split(r",\s+", granted)) == read


def test_our_queries_offer_nothing_that_can_be_typed() -> None:
    """A typed parameter reaches the SQL unchecked; a list's values are checked by Redash."""
    for query in load_declaration().queries.values():
        assert all(parameter["type"] == "query" for parameter in query.parameters)


def test_redash_runs_every_query_of_ours_that_an_alert_watches() -> None:
    """It looks at an alert only when its query was run."""
    declaration = load_declaration()
    watched = {key: query for key, query in declaration.queries.items() if query.alerts}
    assert set(watched) == {"freshness", "check_summary"}
    objects = wanted_objects(declaration, {"name": "w"}, (26, 8))
    for key in watched:
        assert objects[Address("query", key)]["schedule"] == HOURLY


def test_a_query_names_settings_and_gets_their_values(tmp_path: Path) -> None:
    own = write(
        tmp_path,
        own_yaml="queries: {days: {name: Days}}",
        days_sql="SELECT '[[RFM_TIMEZONE]] [[RFM_DEADLINE]]', [[RFM_CURRENCY_DECIMALS]], '[[x]]'",
    )
    settings = read_settings(
        tmp_path, timezone="America/New_York", deadline="07:30", currency_decimals=2
    )
    declaration = load_declaration(own, values_of(settings))
    assert declaration.queries["days"].sql == "SELECT 'America/New_York 07:30:00', 2, '[[x]]'"
    assert "'Asia/Jakarta' - INTERVAL '06:00:00'" in load_declaration().queries["freshness"].sql


def test_lists_come_before_those_who_offer_them() -> None:
    seen: set[str] = set()
    for key, query in load_declaration().queries.items():
        assert set(query.lists) <= seen
        seen.add(key)


def test_ones_own_declaration_takes_the_place_of_ours(tmp_path: Path) -> None:
    own = write(tmp_path, own_yaml="queries: {shops: {name: My shops}}", shops_sql="SELECT 1\n")
    declaration = load_declaration(own)
    assert declaration.queries["shops"].name == "My shops"
    assert declaration.queries["shops"].sql == "SELECT 1"
    assert "retention" in declaration.dashboards


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("queries: {a: {}}", r"queries\.a\.name: Field required"),
        ("queries: {a: {name: A, colour: red}}", r"queries\.a\.colour"),
        ("queries: {Big: {name: A}}", "should match pattern"),
        ("queries: {b: {name: B}}", r"b has no b\.sql beside it"),
        ("queries: {a: {name: A, parameters: [{name: x}]}}", "no name or no type"),
        (
            "queries: {a: {name: A, parameters: [{name: x, type: query, query: zz}]}}",
            "offers zz, which is no query here",
        ),
        (
            "queries: {a: {name: A, visualizations: {v: {type: TABLE, name: T}, "
            "w: {type: TABLE, name: T}}}}",
            "two visualizations have one type and one name",
        ),
        (
            "dashboards: {d: {name: D, widgets: [{visualization: a.v, "
            "position: {col: 0, row: 0, sizeX: 1, sizeY: 1}}]}}",
            r"a\.v is no visualization of a query here",
        ),
        (
            "dashboards: {d: {name: D, widgets: "
            "[{position: {col: 0, row: 0, sizeX: 1, sizeY: 1}}]}}",
            "a widget is a visualization or a text",
        ),
        (
            "dashboards: {d: {name: D, widgets: [{text: a, "
            "position: {col: 12, row: 0, sizeX: 1, sizeY: 1}}]}}",
            "less than 12",
        ),
        ("queries: [", "is no YAML"),
    ],
)
def test_what_is_wrong_with_a_declaration_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        load_declaration(write(tmp_path, own_yaml=text, a_sql="SELECT 1"))


def test_a_setting_that_queries_are_not_told_is_said(tmp_path: Path) -> None:
    own = write(tmp_path, own_yaml="queries: {a: {name: A}}", a_sql="SELECT '[[RFM_SOURCE_URL]]'")
    with pytest.raises(DeclarationError, match="a: there is no RFM_SOURCE_URL"):
        load_declaration(own)


def test_a_directory_without_a_declaration_is_no_empty_one(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"holds no \.yaml file"):
        load_declaration(tmp_path)
