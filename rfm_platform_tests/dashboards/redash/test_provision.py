"""Bringing a server to the declaration: what is sent, what is left alone, what is refused."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from rfm_platform.dashboards.redash.declaration import (
    Declaration,
    DeclarationError,
    Query,
    Visualization,
)
from rfm_platform.dashboards.redash.plan import Change
from rfm_platform.dashboards.redash.provision import Provisioner
from rfm_platform.redash import ConflictError, RedashError
from rfm_platform_tests.dashboards.redash.conftest import HOURLY, Provision, small_declaration
from rfm_platform_tests.dashboards.redash.state import SOMEBODY, StandIn, Thing


def told(changes: list[Change]) -> dict[str, str]:
    """Actions by kind and key."""
    return {f"{change.address.kind} {change.address.key}": change.action for change in changes}


def planned(the: Provisioner, *, overwrite: bool = False) -> dict[str, str]:
    """What apply would do."""
    return told(the.read().plan(overwrite=overwrite))


def only(things: dict[int, Thing], **fields: Any) -> Thing:
    """The one thing that has some fields."""
    (found,) = [t for t in things.values() if all(t[k] == v for k, v in fields.items())]
    return found


def scheduled() -> Declaration:
    """The small declaration, with a query that is run every hour."""
    return small_declaration(schedule=HOURLY)


def test_everything_declared_is_made_and_published(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    provision(small).apply()
    queries, dashboards = server_of_redash.of("queries"), server_of_redash.of("dashboards")
    assert {query["name"] for query in queries.values()} == {"Letters", "Counts"}
    assert not any(thing["is_draft"] for thing in (*queries.values(), *dashboards.values()))
    board = only(dashboards, name="Board")
    assert set(board["tags"]) == {"rfm_platform", "rfm_platform:board"}
    drawn = only(server_of_redash.of("visualizations"), name="Flow")
    shown = only(server_of_redash.of("widgets"), visualization_id=drawn["id"])
    assert shown["options"]["parameterMappings"]["letter"]["type"] == "dashboard-level"
    letters = only(queries, name="Letters")
    assert only(queries, name="Counts")["options"]["parameters"][0]["queryId"] == letters["id"]
    # Redash makes a table with each query: the declared one is that, not a second.
    counts = only(queries, name="Counts")["id"]
    tables = [
        v
        for v in server_of_redash.of("visualizations").values()
        if (v["query_id"], v["type"]) == (counts, "TABLE")
    ]
    assert len(tables) == 1


def test_applying_twice_sends_nothing_more(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    provision(small).apply()
    before = server_of_redash.changes()
    assert provision(small).apply() == []
    assert server_of_redash.changes() == before
    assert planned(provision(small)) == {}


def test_two_applies_at_once_make_everything_once(
    provision: Provision,
    small: Declaration,
    server_of_redash: StandIn,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A morning's run and somebody at a keyboard: the second waits, says so, and finds it done."""
    changes: list[Change] = []
    second = threading.Thread(target=lambda: changes.extend(provision(small).apply()))

    def begin_another(_: Change) -> None:
        if second.ident is None:
            second.start()
            deadline = time.monotonic() + 20
            while second.is_alive() and not caplog.messages and time.monotonic() < deadline:
                time.sleep(0.02)

    provision(small).apply(tell=begin_another)
    second.join()
    assert changes == []
    assert [len(server_of_redash.of(kind)) for kind in ("queries", "dashboards", "alerts")] == [
        2,
        1,
        1,
    ]
    assert planned(provision(small)) == {}
    assert caplog.messages == [
        f"Another apply to {server_of_redash.url} is under way: waiting until it has ended."
    ]


def test_a_change_of_the_declaration_is_sent(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    provision(small).apply()
    changed = small_declaration(name="Numbers")
    assert planned(provision(changed)) == {"query counts": "update"}
    provision(changed).apply()
    assert only(server_of_redash.of("queries"), name="Numbers")
    assert planned(provision(changed)) == {}


EDITS: dict[str, tuple[str, Callable[[StandIn], object]]] = {
    "a query's text": (
        "query counts",
        lambda s: only(s.of("queries"), name="Counts").update(query="SELECT 1"),
    ),
    "a query's name": (
        "query counts",
        lambda s: only(s.of("queries"), name="Counts").update(name="Mine"),
    ),
    "a query's parameter": (
        "query counts",
        lambda s: only(s.of("queries"), name="Counts")["options"]["parameters"][0].update(
            value="b"
        ),
    ),
    "a query's tags": (
        "query counts",
        lambda s: only(s.of("queries"), name="Counts").update(tags=["mine"]),
    ),
    "a query's schedule": (
        "query counts",
        lambda s: only(s.of("queries"), name="Counts").update(schedule={**HOURLY, "interval": 60}),
    ),
    "a query's schedule that was taken off": (
        "query counts",
        lambda s: only(s.of("queries"), name="Counts").update(schedule=None),
    ),
    "a query in the archive": (
        "query counts",
        lambda s: only(s.of("queries"), name="Counts").update(is_archived=True),
    ),
    "a chart's options": (
        "visualization counts.flow",
        lambda s: only(s.of("visualizations"), name="Flow").update(options={"x": 1}),
    ),
    "a dashboard's name": (
        "dashboard board",
        lambda s: only(s.of("dashboards"), name="Board").update(name="Mine"),
    ),
    "a dashboard in the archive": (
        "dashboard board",
        lambda s: only(s.of("dashboards"), name="Board").update(is_archived=True),
    ),
    "a dashboard taken back to a draft": (
        "dashboard board",
        lambda s: only(s.of("dashboards"), name="Board").update(is_draft=True),
    ),
    "a widget that was moved": (
        "widget board/text_1",
        lambda s: only(s.of("widgets"), text="What this is")["options"]["position"].update(col=0),
    ),
    "a text that was changed": (
        "widget board/text_1",
        lambda s: only(s.of("widgets"), text="What this is").update(text="Mine"),
    ),
    "a widget that was taken off": (
        "widget board/text_1",
        lambda s: s.of("widgets").pop(only(s.of("widgets"), text="What this is")["id"]),
    ),
    "an alert's threshold": (
        "alert counts.many",
        lambda s: only(s.of("alerts"), name="Many")["options"].update(op="<"),
    ),
    "an alert that was deleted": (
        "alert counts.many",
        lambda s: s.of("alerts").clear(),
    ),
    "a data source's host": (
        "data_source rfm_platform warehouse",
        lambda s: next(iter(s.of("data_sources").values()))["options"].update(user="somebody"),
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_by_hand_is_seen_left_alone_and_undone_when_told(
    edit: str, provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    the = provision(scheduled() if "schedule" in edit else small)
    the.apply()
    thing, make = EDITS[edit]
    make(server_of_redash)
    assert planned(the) == {thing: "edited"}
    before = json.dumps(server_of_redash.things)
    with suppress(RedashError):  # with another user Redash cannot connect, and apply says so
        assert told(the.apply()) == {thing: "edited"}
    assert json.dumps(server_of_redash.things) == before
    the.apply(overwrite=True)
    assert planned(the) == {}
    assert told(the.apply()) == {}


def test_what_is_peoples_is_kept(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    provision(small).apply()
    query = only(server_of_redash.of("queries"), name="Counts")
    query["tags"].append("marketing")
    query["schedule"] = {"interval": 3600}
    # Saved in Redash's editor, without a change.
    query["options"]["parameters"][0] |= {"parentQueryId": query["id"], "enumOptions": None}
    only(server_of_redash.of("alerts"), name="Many")["options"]["muted"] = True
    only(server_of_redash.of("widgets"), text="What this is")["options"]["isHidden"] = True
    assert planned(provision(small)) == {}
    changed = small_declaration(description="Now with words.")
    provision(changed).apply()
    assert "marketing" in query["tags"]
    assert query["schedule"] == {"interval": 3600}
    assert only(server_of_redash.of("alerts"), name="Many")["options"]["muted"] is True


def test_a_declared_schedule_is_sent_whole_as_redash_needs_it(
    provision: Provision, server_of_redash: StandIn
) -> None:
    provision(small_declaration(schedule={"interval": 3600})).apply()
    assert only(server_of_redash.of("queries"), name="Counts")["schedule"] == HOURLY
    assert planned(provision(small_declaration(schedule={"interval": 3600}))) == {}


@pytest.mark.parametrize("theirs", [None, {**HOURLY, "interval": 60}])
def test_a_schedule_that_is_declared_later_does_not_undo_somebodys(
    theirs: dict[str, Any] | None,
    provision: Provision,
    small: Declaration,
    server_of_redash: StandIn,
) -> None:
    provision(small).apply()
    query = only(server_of_redash.of("queries"), name="Counts")
    query["schedule"] = theirs
    the = provision(scheduled())
    assert planned(the) == {"query counts": "edited" if theirs else "update"}
    the.apply()
    assert query["schedule"] == (theirs or HOURLY)
    the.apply(overwrite=True)
    assert query["schedule"] == HOURLY


def test_a_schedule_that_is_not_declared_any_more_is_peoples_again(
    provision: Provision, server_of_redash: StandIn
) -> None:
    provision(scheduled()).apply()
    changed = small_declaration(description="Without a schedule.")
    assert planned(provision(changed)) == {"query counts": "update"}
    provision(changed).apply()
    assert only(server_of_redash.of("queries"), name="Counts")["schedule"] == HOURLY
    assert planned(provision(changed)) == {}


def test_redash_does_not_go_on_running_what_is_put_away(
    provision: Provision, server_of_redash: StandIn
) -> None:
    the = provision(scheduled())
    the.apply()
    provision(Declaration({"letters": the.declaration.queries["letters"]}, {})).apply()
    assert only(server_of_redash.of("queries"), name="Counts")["schedule"] is None


def test_what_left_the_declaration_is_put_away_and_stays_on_peoples_dashboards(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    provision(small).apply()
    flow = only(server_of_redash.of("visualizations"), name="Flow")
    theirs = server_of_redash.add("dashboards", name="Theirs", user_id=SOMEBODY)
    server_of_redash.add(
        "widgets", dashboard_id=theirs["id"], visualization_id=flow["id"], text="", options={}
    )
    alert = only(server_of_redash.of("alerts"), name="Many")
    lists = {"letters": small.queries["letters"]}
    provision(Declaration(lists, {})).apply()
    assert only(server_of_redash.of("queries"), name="Counts")["is_archived"] is True
    assert only(server_of_redash.of("dashboards"), name="Board")["is_archived"] is True
    assert alert["options"]["muted"] is True
    assert only(server_of_redash.of("widgets"), dashboard_id=theirs["id"])
    assert flow["id"] in server_of_redash.of("visualizations")
    assert planned(provision(Declaration(lists, {}))) == {}


def test_what_comes_back_into_the_declaration_is_taken_from_the_archive(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    provision(small).apply()
    query = only(server_of_redash.of("queries"), name="Counts")
    query["is_archived"] = True
    the = provision(small)
    the.apply(overwrite=True)
    assert query["is_archived"] is False
    assert len(server_of_redash.of("queries")) == 2


def test_without_notes_everything_is_found_by_tag_and_name(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    provision(small).apply()
    with provision(small).ledger.warehouse.database.connect() as connection:
        connection.execute("TRUNCATE rfm.redash_objects")
    assert set(planned(provision(small)).values()) == {"record"}
    before = server_of_redash.changes()
    provision(small).apply()
    assert server_of_redash.changes() == before
    assert planned(provision(small)) == {}


def test_an_object_of_ours_on_the_third_page_is_found(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    for number in range(600):
        server_of_redash.add("queries", name=f"q{number}", tags=["rfm_platform"], is_draft=False)
    test_without_notes_everything_is_found_by_tag_and_name(provision, small, server_of_redash)


def test_a_name_that_somebody_else_has_used_is_not_taken(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    theirs = server_of_redash.add("dashboards", name="Board", user_id=SOMEBODY, is_draft=True)
    other = server_of_redash.add("queries", name="Counts", query="SELECT 2", is_draft=False)
    provision(small).apply()
    assert theirs["version"] == 1
    assert other["query"] == "SELECT 2"
    assert planned(provision(small)) == {}


def test_a_fork_of_ours_is_its_owners(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    provision(small).apply()
    query = only(server_of_redash.of("queries"), name="Counts")
    fork = server_of_redash.add("queries", **{k: v for k, v in query.items() if k != "id"})
    fork["query"] = "SELECT 3"
    with provision(small).ledger.warehouse.database.connect() as connection:
        connection.execute("TRUNCATE rfm.redash_objects")
    provision(small).apply(overwrite=True)
    assert fork["query"] == "SELECT 3"


def test_somebody_who_saves_meanwhile_is_not_overwritten(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    provision(small).apply()
    query = only(server_of_redash.of("queries"), name="Counts")

    def save() -> bool:
        if query["name"] == "Counts":
            query.update(name="Theirs", version=query["version"] + 1)
        return False

    server_of_redash.is_dying = save
    changes = provision(small_declaration(description="New.")).apply()
    assert told(changes) == {"query counts": "edited"}
    assert query["name"] == "Theirs"


def test_somebody_who_never_stops_saving_is_an_error(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    provision(small).apply()
    query = only(server_of_redash.of("queries"), name="Counts")

    def save() -> bool:
        query["version"] += 1
        return False

    server_of_redash.is_dying = save
    with pytest.raises(ConflictError, match="somebody saved it"):
        provision(small_declaration(description="New.")).apply()


@pytest.mark.parametrize(("version", "width"), [("10.1.0.b50633", 3), ("25.1.0", 3), ("25.8.0", 6)])
def test_older_releases_have_half_the_columns(
    version: str,
    width: int,
    provision: Provision,
    small: Declaration,
    server_of_redash: StandIn,
) -> None:
    server_of_redash.version = version
    provision(small).apply()
    text = only(server_of_redash.of("widgets"), text="What this is")
    assert text["options"]["position"]["col"] == text["options"]["position"]["sizeX"] == width
    assert planned(provision(small)) == {}


def test_the_password_is_sent_and_written_nowhere_else(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    the = replace(provision(small), source=replace(provision(small).source, password="a word"))
    lines: list[str] = []
    the.apply(tell=lambda change: lines.append(repr(change)))
    (source,) = server_of_redash.of("data_sources").values()
    assert source["options"].get("password") == "a word"
    notes = repr(the.ledger.read()) + repr(the.read().live) + "".join(lines)
    assert "a word" not in notes


def test_a_data_source_that_does_not_answer_is_an_error(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    the = provision(small)
    fields = {**the.source.fields, "dbname": "not_there"}
    with pytest.raises(RedashError, match=r"cannot reach the data source.*not_there"):
        replace(the, source=replace(the.source, fields=fields)).apply()


def test_a_data_source_that_nobody_manages_has_to_be_there(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    the = provision(small)
    unmanaged = replace(the, source=replace(the.source, fields={"name": the.source.name}))
    with pytest.raises(RedashError, match="set RFM_REDASH_WAREHOUSE_URL to have it made"):
        unmanaged.apply()
    server_of_redash.add("data_sources", **the.source.payload())
    unmanaged.apply()
    assert planned(unmanaged) == {}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"sql": "SELECT '1' AS stage1, 'y' AS stage2, 3 AS value"}, "begin with a letter"),
        ({"sql": "SELECT nonsense"}, "nonsense"),
    ],
)
def test_a_chart_that_would_mislead_is_refused_before_anything_is_sent(
    changed: dict[str, str], said: str, provision: Provision, server_of_redash: StandIn
) -> None:
    with pytest.raises(DeclarationError, match=f"Nothing was sent to Redash: counts: .*{said}"):
        provision(small_declaration(**changed)).apply()
    assert server_of_redash.calls == []


def test_a_wrong_key_is_called_one(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    the = provision(small)
    with pytest.raises(RedashError, match="does not know the API key") as error:
        replace(the, redash=replace(the.redash, api_key="secret and wrong")).apply()
    assert "secret and wrong" not in str(error.value)


def test_a_password_that_the_machine_has_for_the_host_is_not_sent_for_the_key(
    provision: Provision, small: Declaration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login a password b\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert provision(small).redash.version() == (26, 8, 0)


def test_an_address_that_sends_on_is_told_and_gets_the_key_alone(
    provision: Provision, small: Declaration
) -> None:
    """What follows would be asked with another method, and with what .netrc says."""
    asked: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers["Authorization"])
            self.send_response(301)
            self.send_header("Location", "https://user:hunter2@redash.example.com/api/session")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Not on the tests' output."""

    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        redash = replace(provision(small).redash, url=url)
        with pytest.raises(RedashError, match=r"on to https://redash\.example\.com: set") as error:
            redash.version()
        server.shutdown()
    assert "hunter2" not in str(error.value)
    assert asked == [f"Key {redash.api_key}"]


def test_a_server_that_does_not_answer_in_time_is_given_up(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    server_of_redash.delay = 2
    with pytest.raises(RedashError, match=r"no answer within 0\.2 s"):
        provision(small, timeout_seconds=0.2).apply()


def test_two_data_sources_of_one_name_are_no_guess(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    for _ in range(2):
        server_of_redash.add("data_sources", **provision(small).source.payload())
    with pytest.raises(RedashError, match="two data sources are called"):
        provision(small).apply()


def test_a_query_of_another_data_source_is_provisioned_and_its_shape_is_looked_at_there(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    the = provision(small)
    server_of_redash.add("data_sources", **{**the.source.payload(), "name": "other"})
    query = Query(
        name="Elsewhere",
        sql="SELECT '1' AS stage1, 'b' AS stage2, 1 AS value",
        data_source="other",
        visualizations={"flow": Visualization(type="SANKEY", name="Flow")},
    )
    the = provision(Declaration({"elsewhere": query}, {}))
    the.apply()
    (proof,) = the.prove()
    assert (proof.state, proof.text) == (
        "differs",
        "Flow: stage1: '1' does not begin with a letter",
    )
