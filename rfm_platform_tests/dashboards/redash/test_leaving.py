"""What leaves the declaration: what is put away, what is let go, and what comes back."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rfm_platform.dashboards.redash.declaration import Declaration, load_declaration
from rfm_platform.dashboards.redash.export import export
from rfm_platform.dashboards.redash.provision import Provisioner
from rfm_platform.redash import RedashError
from rfm_platform_tests.dashboards.redash.conftest import (
    HOURLY,
    Provision,
    small_declaration,
)
from rfm_platform_tests.dashboards.redash.state import SOMEBODY, StandIn, Thing
from rfm_platform_tests.dashboards.redash.test_interrupted import killed_at_any_call, shape
from rfm_platform_tests.dashboards.redash.test_provision import only, planned, told


def without_board(declaration: Declaration) -> Declaration:
    """Only the list of letters."""
    return Declaration({"letters": declaration.queries["letters"]}, {})


def adopted(the: Provisioner, directory: Path) -> Provisioner:
    """A provisioner of what people made, which was exported and adopted, and of its declaration."""
    found = export(the, ["Theirs"])
    found.write(directory, "dashboards")
    theirs = load_declaration(directory)
    whole = Declaration(
        {**the.declaration.queries, **{key: theirs.queries[key] for key in found.queries}},
        {**the.declaration.dashboards, **{key: theirs.dashboards[key] for key in found.dashboards}},
    )
    the = replace(the, declaration=whole)
    the.adopt(found.numbers)
    return the


def test_what_people_made_is_let_go_and_never_put_away(
    handmade: Thing,
    provision: Provision,
    small: Declaration,
    server_of_redash: StandIn,
    tmp_path: Path,
) -> None:
    whole = adopted(provision(small), tmp_path)
    whole.apply()
    before = json.dumps(server_of_redash.things)
    released = set(planned(provision(small)).items())
    assert {("dashboard theirs", "release"), ("query gr_e_co", "release")} <= released
    assert {action for _, action in released} == {"release"}
    provision(small).apply()
    assert json.dumps(server_of_redash.things) == before
    assert planned(provision(small)) == {}
    # Its directory is declared again: it is managed as before, and let go as before.
    assert set(planned(whole).values()) == {"record"}
    whole.apply()
    assert planned(whole) == {}
    provision(small).apply()
    assert json.dumps(server_of_redash.things) == before


def test_what_an_older_release_noted_is_let_go_because_it_may_be_peoples(
    handmade: Thing,
    provision: Provision,
    small: Declaration,
    server_of_redash: StandIn,
    tmp_path: Path,
) -> None:
    whole = adopted(provision(small), tmp_path)
    whole.apply()
    with whole.ledger.warehouse.database.connect() as connection:
        connection.execute("UPDATE rfm.redash_objects SET adopted = NULL")
    whole.apply()  # which does not make it known
    before = json.dumps(server_of_redash.things)
    alone = Declaration({}, {})
    assert set(planned(provision(alone)).values()) == {"release"}
    provision(alone).apply()
    assert json.dumps(server_of_redash.things) == before


def test_what_people_made_can_be_adopted_anew_when_it_was_let_go(
    handmade: Thing, provision: Provision, small: Declaration, tmp_path: Path
) -> None:
    adopted(provision(small), tmp_path / "first").apply()
    provision(small).apply()
    again = adopted(provision(small), tmp_path / "second")
    again.apply()
    assert planned(again) == {}
    assert {t for t in handmade["tags"] if t.startswith("rfm")} == {
        "rfm_platform",
        "rfm_platform:theirs_2",
    }


def test_a_number_that_is_managed_under_another_key_is_not_adopted(
    handmade: Thing, provision: Provision, small: Declaration, tmp_path: Path
) -> None:
    found = export(provision(small), ["Theirs"])
    whole = adopted(provision(small), tmp_path)
    notes = whole.ledger.read()
    others = {a._replace(key=f"other_{a.key}"): n for a, n in found.numbers.items()}
    with pytest.raises(RedashError, match=r"Nothing was adopted: .*dashboard theirs.* is managed"):
        whole.adopt(others)
    assert whole.ledger.read() == notes


def test_a_board_in_the_archive_keeps_its_widgets_and_comes_back_as_it_was(
    provision: Provision, server_of_redash: StandIn
) -> None:
    scheduled = small_declaration(schedule=HOURLY)
    the, less = provision(scheduled), provision(without_board(scheduled))
    the.apply()
    before = shape(server_of_redash)
    numbers = {kind: set(things) for kind, things in server_of_redash.things.items()}
    assert planned(less)["widget board/text_1"] == "release"
    less.apply()
    assert only(server_of_redash.of("dashboards"), name="Board")["is_archived"] is True
    assert planned(less) == {}
    the.apply()
    assert shape(server_of_redash) == before  # the schedule too, and the alert is not muted
    assert {kind: set(things) for kind, things in server_of_redash.things.items()} == numbers
    assert planned(the) == {}


def test_a_widget_that_left_is_taken_off_a_board_that_stays(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    the = provision(small)
    the.apply()
    (chart, _) = small.dashboards["board"].widgets
    board = small.dashboards["board"].model_copy(update={"widgets": [chart]})
    less = provision(replace(small, dashboards={"board": board}))
    assert planned(less) == {"widget board/text_1": "retire"}
    less.apply()
    assert len(server_of_redash.of("widgets")) == 1
    assert planned(less) == {}
    the.apply()
    assert only(server_of_redash.of("widgets"), text="What this is")


def with_flow(key: str | None) -> Declaration:
    """The small declaration, whose flow has another key or is not in it."""
    small = small_declaration()
    flow, text = small.dashboards["board"].widgets
    drawn = dict(small.queries["counts"].visualizations)
    widgets = [text]
    if (chart := drawn.pop("flow")) and key:
        drawn[key] = chart
        widgets = [flow.model_copy(update={"visualization": f"counts.{key}"}), text]
    counts = small.queries["counts"].model_copy(update={"visualizations": drawn})
    board = small.dashboards["board"].model_copy(update={"widgets": widgets})
    return Declaration({**small.queries, "counts": counts}, {"board": board})


def test_a_chart_that_left_a_query_that_stays_says_so_until_it_comes_back(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    """Redash has no archive of charts, and to delete one takes it off everybody's dashboards."""
    the, less = provision(small), provision(with_flow(None))
    the.apply()
    before = shape(server_of_redash)
    chart = only(server_of_redash.of("visualizations"), name="Flow")
    theirs = server_of_redash.add("dashboards", name="Theirs", user_id=SOMEBODY)
    server_of_redash.add(
        "widgets", dashboard_id=theirs["id"], visualization_id=chart["id"], text="", options={}
    )
    assert planned(less) == {
        "widget board/counts.flow": "retire",
        "visualization counts.flow": "retire",
    }
    less.apply()
    assert chart["name"] == "Flow (no longer declared)"
    assert (
        only(server_of_redash.of("widgets"), visualization_id=chart["id"])["dashboard_id"]
        == (theirs["id"])
    )
    assert planned(less) == {}
    assert planned(the) == {
        "widget board/counts.flow": "create",
        "visualization counts.flow": "update",
    }
    the.apply()
    server_of_redash.of("dashboards").pop(theirs["id"])
    server_of_redash.of("widgets").pop(
        only(server_of_redash.of("widgets"), dashboard_id=theirs["id"])["id"]
    )
    assert shape(server_of_redash) == before
    assert planned(the) == {}


def test_a_chart_whose_key_changes_is_another_one(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    provision(small).apply()
    old = only(server_of_redash.of("visualizations"), name="Flow")
    renamed = provision(with_flow("flux"))
    renamed.apply()
    new = only(server_of_redash.of("visualizations"), name="Flow")
    assert old["name"] == "Flow (no longer declared)"
    (shown,) = [w for w in server_of_redash.of("widgets").values() if w["visualization_id"]]
    assert shown["visualization_id"] == new["id"] != old["id"]
    assert planned(renamed) == {}


def test_a_chart_that_somebody_renamed_meanwhile_stays_as_they_call_it(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    provision(small).apply()
    provision(with_flow(None)).apply()
    chart = only(server_of_redash.of("visualizations"), name="Flow (no longer declared)")
    chart["name"] = "Mine"
    assert told(provision(small).apply())["visualization counts.flow"] == "edited"
    assert chart["name"] == "Mine"


def test_a_chart_comes_back_also_where_nothing_could_note_that_it_had_left(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    provision(small).apply()
    chart = only(server_of_redash.of("visualizations"), name="Flow")
    chart["name"] = "Flow (no longer declared)"
    assert planned(provision(small)) == {"visualization counts.flow": "update"}
    provision(small).apply()
    assert chart["name"] == "Flow"


def test_a_chart_that_somebody_deleted_can_leave(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    provision(small).apply()
    drawn = server_of_redash.of("visualizations")
    shown = server_of_redash.of("widgets")
    chart = drawn.pop(only(drawn, name="Flow")["id"])
    shown.pop(only(shown, visualization_id=chart["id"])["id"])
    provision(with_flow(None)).apply()
    assert planned(provision(with_flow(None))) == {}


def test_a_chart_that_people_made_is_let_go_as_it_is(
    handmade: Thing,
    provision: Provision,
    small: Declaration,
    server_of_redash: StandIn,
    tmp_path: Path,
) -> None:
    whole = adopted(provision(small), tmp_path)
    whole.apply()
    (key,) = (
        set(whole.declaration.queries)
        - set(small.queries)
        - {name for query in whole.declaration.queries.values() for name in query.lists}
    )
    query = whole.declaration.queries[key]
    (chart,) = [name for name, each in query.visualizations.items() if each.type == "CHART"]
    less = query.model_copy(
        update={"visualizations": {n: v for n, v in query.visualizations.items() if n != chart}}
    )
    board = whole.declaration.dashboards["theirs"]
    kept = [w for w in board.widgets if w.visualization != f"{key}.{chart}"]
    the = replace(
        whole,
        declaration=Declaration(
            {**whole.declaration.queries, key: less},
            {
                **whole.declaration.dashboards,
                "theirs": board.model_copy(update={"widgets": kept}),
            },
        ),
    )
    assert planned(the)[f"visualization {key}.{chart}"] == "release"
    the.apply()
    assert only(server_of_redash.of("visualizations"), type="CHART")["name"] == "Chart"


def test_what_somebody_took_from_the_archive_is_theirs(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    the, less = provision(small), provision(without_board(small))
    the.apply()
    less.apply()
    query = only(server_of_redash.of("queries"), name="Counts")
    query.update(is_archived=False, schedule={"interval": 60})
    only(server_of_redash.of("dashboards"), name="Board").update(is_archived=False)
    before = server_of_redash.changes()
    assert less.apply() == []
    assert server_of_redash.changes() == before
    the.apply()
    assert planned(the) == {}
    assert query["schedule"] == {"interval": 60}


def test_an_edit_of_something_put_away_is_told_when_it_comes_back(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    provision(small).apply()
    provision(without_board(small)).apply()
    query = only(server_of_redash.of("queries"), name="Counts")
    query["query"] = "SELECT 1"
    assert told(provision(small).apply())["query counts"] == "edited"
    assert query["query"] == "SELECT 1"


def test_a_copy_bears_the_tags_of_what_left_and_stays(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    provision(small).apply()
    copies = []
    for kind, name in (("queries", "Counts"), ("dashboards", "Board")):
        origin = only(server_of_redash.of(kind), name=name)
        fields = {k: v for k, v in origin.items() if k != "id"} | {"user_id": SOMEBODY}
        copies.append(server_of_redash.add(kind, **fields))
    less = provision(without_board(small))
    for _ in range(2):
        less.apply()
        assert [copy["is_archived"] for copy in copies] == [False, False]
    assert planned(less) == {}


def test_two_installations_on_one_server_leave_each_other_alone(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    """An installation has a warehouse of its own, and so a ledger and a data source."""
    production = provision(small)
    production.apply()
    before = json.dumps(server_of_redash.things)
    staging = replace(
        production,
        ledger=replace(production.ledger, server="another warehouse's"),
        source=replace(production.source, fields={**production.source.fields, "name": "staging"}),
    )
    staging.apply()
    assert planned(staging) == {}
    replace(staging, declaration=without_board(small)).apply()
    after = {
        kind: {n: thing for n, thing in things.items() if str(n) in json.loads(before)[kind]}
        for kind, things in server_of_redash.things.items()
    }
    assert json.dumps(after) == before
    assert planned(production) == {}


@pytest.mark.parametrize("returns", [False, True])
def test_killed_at_any_call_while_leaving_or_returning_the_next_apply_ends_the_same(
    returns: bool, provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    less = without_board(small)
    before = [small, less] if returns else [small]
    target = small if returns else less
    assert killed_at_any_call(provision, server_of_redash, before, target) > 5


@pytest.mark.parametrize("returns", [False, True])
def test_killed_at_any_call_while_a_chart_changes_its_key_the_next_apply_ends_the_same(
    returns: bool, provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    renamed = with_flow("flux")
    before = [small, renamed] if returns else [small]
    target = small if returns else renamed
    assert killed_at_any_call(provision, server_of_redash, before, target) > 5
