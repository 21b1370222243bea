"""Dashboards that people made, as a declaration: complete, loadable, without secrets."""

from dataclasses import replace
from pathlib import Path

import pytest

from rfm_platform.dashboards.redash.declaration import Declaration, load_declaration
from rfm_platform.dashboards.redash.export import export
from rfm_platform.redash import RedashError
from rfm_platform_tests.dashboards.redash.conftest import SOURCE, Provision
from rfm_platform_tests.dashboards.redash.state import StandIn, Thing
from rfm_platform_tests.dashboards.redash.test_provision import planned

PLACE = {"col": 0, "row": 0, "sizeX": 6, "sizeY": 4}


@pytest.fixture
def handmade(server_of_redash: StandIn, provision: Provision, small: Declaration) -> Thing:
    """A dashboard of somebody's: a query with a list, two charts, an alert, a text."""
    add = server_of_redash.add
    payload = provision(small).source.payload()
    payload["options"]["password"] = "a secret"  # noqa: S105 - of nothing
    source = add("data_sources", **payload)["id"]
    made = {"data_source_id": source, "is_draft": False, "api_key": "another secret"}
    lists = add("queries", name="2 letters", query="SELECT 'a' AS value", options={}, **made)
    parameters = [
        {"name": "letter", "title": "L", "type": "query", "queryId": lists["id"], "value": "a",
         "enumOptions": None, "locals": [], "global": False},
    ]  # fmt: skip
    query = add(
        "queries",
        name="Größe & Co",
        query="SELECT '{{ letter }}' AS name, 1 AS number",
        options={"parameters": parameters, "apply_auto_limit": True},
        schedule={"interval": 3600},
        **made,
    )
    charts = [
        add(
            "visualizations",
            query_id=query["id"],
            type=kind,
            name="Chart",
            description="",
            options=o,
        )
        for kind, o in (("TABLE", {}), ("CHART", {"columnMapping": {"name": "x", "number": "y"}}))
    ]
    add(
        "alerts",
        name="Few",
        query_id=query["id"],
        rearm=60,
        options={"column": "number", "op": "<", "value": 1, "muted": True},
    )
    board = add("dashboards", name="Theirs", is_draft=False, tags=["sales"])
    mapping = {
        "letter": {"name": "letter", "type": "static-value", "value": "a", "mapTo": "letter"}
    }
    for number, chart in enumerate(charts):
        options = {"position": {**PLACE, "col": 6 * number}, "parameterMappings": mapping}
        add(
            "widgets",
            dashboard_id=board["id"],
            visualization_id=chart["id"],
            text="",
            options=options,
        )
    add(
        "widgets",
        dashboard_id=board["id"],
        visualization_id=None,
        text="# Title",
        options={"position": {**PLACE, "row": 9}},
    )
    return board


def test_a_dashboard_comes_with_everything_it_shows(
    handmade: Thing, provision: Provision, small: Declaration, tmp_path: Path
) -> None:
    found = export(provision(small).redash, ["Theirs"], SOURCE)
    found.write(tmp_path / "out", "dashboards")
    assert found.notes == []
    declaration = load_declaration(tmp_path / "out")
    query = declaration.queries["gr_e_co"]
    assert query.name == "Größe & Co"
    assert query.lists == ["n_2_letters"]
    assert query.schedule == {"interval": 3600}
    assert query.apply_auto_limit is True
    assert query.sql == "SELECT '{{ letter }}' AS name, 1 AS number"
    assert query.alerts["few"].options == {"column": "number", "op": "<", "value": 1}
    board = declaration.dashboards["theirs"]
    shown = [widget.visualization or widget.text for widget in board.widgets]
    assert shown == ["gr_e_co.chart", "gr_e_co.chart_2", "# Title"]
    written = "".join(file.read_text("utf-8") for file in (tmp_path / "out").iterdir())
    assert "secret" not in written


def test_what_was_adopted_is_tagged_and_otherwise_left_as_it_is(
    handmade: Thing,
    provision: Provision,
    small: Declaration,
    server_of_redash: StandIn,
    tmp_path: Path,
) -> None:
    found = export(provision(small).redash, ["Theirs"], SOURCE)
    found.write(tmp_path, "dashboards")
    whole = load_declaration(tmp_path)
    declaration = Declaration(
        {key: whole.queries[key] for key in whole.queries if key in found.queries},
        {key: whole.dashboards[key] for key in found.dashboards},
    )
    the = replace(provision(declaration), declaration=declaration)
    the.adopt(found.numbers)
    changes = [c for c in the.read().plan(overwrite=False) if c.action != "record"]
    assert {(c.action, d.field) for c in changes for d in c.differences} == {("update", "tags")}
    counts = {kind: len(things) for kind, things in server_of_redash.things.items()}
    the.apply()
    assert {kind: len(things) for kind, things in server_of_redash.things.items()} == counts
    assert handmade["tags"][0] == "sales"
    assert planned(the) == {}


def test_what_was_not_adopted_is_made_anew(
    handmade: Thing,
    provision: Provision,
    small: Declaration,
    server_of_redash: StandIn,
    tmp_path: Path,
) -> None:
    export(provision(small).redash, [], SOURCE).write(tmp_path, "dashboards")
    whole = load_declaration(tmp_path)
    the = provision(Declaration(
        {key: whole.queries[key] for key in ("n_2_letters", "gr_e_co")},
        {"theirs": whole.dashboards["theirs"]},
    ))  # fmt: skip
    the.apply()
    assert len(server_of_redash.of("dashboards")) == 2
    assert planned(the) == {}


def test_nothing_is_written_over(
    handmade: Thing, provision: Provision, small: Declaration, tmp_path: Path
) -> None:
    (tmp_path / "gr_e_co.sql").write_text("mine", "utf-8")
    with pytest.raises(RedashError, match=r"holds gr_e_co\.sql already"):
        export(provision(small).redash, [], SOURCE).write(tmp_path, "dashboards")
    assert [file.name for file in tmp_path.iterdir()] == ["gr_e_co.sql"]


def test_an_old_grid_is_written_as_a_new_one(
    handmade: Thing, provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    server_of_redash.version = "10.1.0"
    found = export(provision(small).redash, ["Theirs"], SOURCE)
    first = found.dashboards["theirs"]["widgets"][0]["position"]
    assert first == {"col": 0, "row": 0, "sizeX": 12, "sizeY": 4}


@pytest.mark.parametrize("name", ["Nobody's", "Twice"])
def test_a_dashboard_that_is_not_one_is_refused(
    name: str, handmade: Thing, provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    for _ in range(2):
        server_of_redash.add("dashboards", name="Twice", is_draft=False)
    with pytest.raises(RedashError, match=f"dashboards are called '?\"?{name}"):
        export(provision(small).redash, [name], SOURCE)


def test_charts_of_one_name_get_their_numbers(
    handmade: Thing, provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    (chart, *_) = [
        v for v in server_of_redash.of("visualizations").values() if v["type"] == "CHART"
    ]
    server_of_redash.add("visualizations", **{k: v for k, v in chart.items() if k != "id"})
    found = export(provision(small).redash, ["Theirs"], SOURCE)
    assert len(found.notes) == 1
    names = [each["name"] for each in found.queries["gr_e_co"]["visualizations"].values()]
    assert len(set(names)) == 3 or names.count("Chart") == 2  # the table is called so as well
