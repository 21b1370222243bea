"""Dashboards that people made, as a declaration: complete, loadable, without secrets."""

from dataclasses import replace
from pathlib import Path

import pytest

from rfm_platform.dashboards.redash.declaration import Declaration, load_declaration
from rfm_platform.dashboards.redash.export import export
from rfm_platform.redash import RedashError
from rfm_platform_tests.dashboards.redash.conftest import PLACE, Provision
from rfm_platform_tests.dashboards.redash.state import StandIn, Thing
from rfm_platform_tests.dashboards.redash.test_provision import only, planned


def test_a_dashboard_comes_with_everything_it_shows(
    handmade: Thing, provision: Provision, small: Declaration, tmp_path: Path
) -> None:
    found = export(provision(small), ["Theirs"])
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
    found = export(provision(small), ["Theirs"])
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
    export(provision(small), []).write(tmp_path, "dashboards")
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
        export(provision(small), []).write(tmp_path, "dashboards")
    assert [file.name for file in tmp_path.iterdir()] == ["gr_e_co.sql"]


def test_an_old_grid_is_written_as_a_new_one(
    handmade: Thing, provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    server_of_redash.version = "10.1.0"
    found = export(provision(small), ["Theirs"])
    first = found.dashboards["theirs"]["widgets"][0]["position"]
    assert first == {"col": 0, "row": 0, "sizeX": 12, "sizeY": 4}


@pytest.mark.parametrize("name", ["Nobody's", "Twice"])
def test_a_dashboard_that_is_not_one_is_refused(
    name: str, handmade: Thing, provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    for _ in range(2):
        server_of_redash.add("dashboards", name="Twice", is_draft=False)
    with pytest.raises(RedashError, match=f"dashboards are called '?\"?{name}"):
        export(provision(small), [name])


def test_charts_of_one_name_get_their_numbers(
    handmade: Thing, provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    (chart, *_) = [
        v for v in server_of_redash.of("visualizations").values() if v["type"] == "CHART"
    ]
    server_of_redash.add("visualizations", **{k: v for k, v in chart.items() if k != "id"})
    found = export(provision(small), ["Theirs"])
    assert len(found.notes) == 1
    names = [each["name"] for each in found.queries["gr_e_co"]["visualizations"].values()]
    assert len(set(names)) == 3 or names.count("Chart") == 2  # the table is called so as well


def test_two_texts_that_are_equal_are_both_there(
    handmade: Thing,
    provision: Provision,
    small: Declaration,
    server_of_redash: StandIn,
    tmp_path: Path,
) -> None:
    for row in (20, 30):
        server_of_redash.add(
            "widgets",
            dashboard_id=handmade["id"],
            visualization_id=None,
            text="---",
            options={"position": {**PLACE, "row": row}},
        )
    declaration = export(provision(small), ["Theirs"]).write(tmp_path / "out", "dashboards")
    widgets = declaration.dashboards["theirs"].widgets
    assert [w.position.row for w in widgets if w.text == "---"] == [20, 30]


def test_what_could_not_be_loaded_is_not_written(
    handmade: Thing, provision: Provision, small: Declaration, tmp_path: Path
) -> None:
    found = export(provision(small), ["Theirs"])
    found.dashboards["theirs"]["widgets"] *= 2
    out = tmp_path / "out"
    with pytest.raises(RedashError, match=f"{out}: theirs: a visualization is there twice"):
        found.write(out, "dashboards")
    assert not out.exists()


@pytest.mark.parametrize("place", ["/proc/x", "/proc/version", "/proc/version/x"])
def test_a_directory_that_cannot_be_made_is_named(
    place: str, handmade: Thing, provision: Provision, small: Declaration
) -> None:
    with pytest.raises(RedashError, match=f"{place} cannot be written: "):
        export(provision(small), ["Theirs"]).write(Path(place), "dashboards")


def test_what_is_managed_is_not_exported(
    handmade: Thing, provision: Provision, small: Declaration
) -> None:
    the = provision(small)
    the.apply()
    found = export(the, [])
    assert list(found.dashboards) == ["theirs"]
    assert [note.split(" is left out")[0].split(" (")[0] for note in found.notes] == ["Board"]
    with pytest.raises(RedashError, match="'Board' cannot be exported: it is managed"):
        export(the, ["Board"])


def test_a_managed_query_is_referred_to_by_its_key(
    handmade: Thing, provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    the = provision(small)
    the.apply()
    flow = only(server_of_redash.of("visualizations"), name="Flow")
    fields = {k: v for k, v in flow.items() if k != "id"} | {"name": "Somebody's"}
    for number, chart in enumerate((flow, server_of_redash.add("visualizations", **fields))):
        server_of_redash.add(
            "widgets",
            dashboard_id=handmade["id"],
            visualization_id=chart["id"],
            text="",
            options={"position": {**PLACE, "row": 20 + number}},
        )
    found = export(the, ["Theirs"])
    assert found.dashboards["theirs"]["widgets"][-1]["visualization"] == "counts.flow"
    assert set(found.queries) == {"gr_e_co", "n_2_letters"}
    (note,) = found.notes
    assert note.startswith("Theirs: Somebody's is left out")
    # Without a note of it, its tag says that it is somebody's who declares it.
    for address in the.ledger.read():
        the.ledger.forget(address)
    with pytest.raises(RedashError, match=r"The query 'Counts' .* cannot be exported"):
        export(the, ["Theirs"])


def test_what_is_called_like_something_of_ours_gets_another_key(
    handmade: Thing, provision: Provision, small: Declaration
) -> None:
    handmade["name"] = "Board"
    the = provision(small)
    assert list(export(the, ["Board"]).dashboards) == ["board_2"]
