"""The smoke test against a server over a real metadata database: what is broken there is named."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rfm_platform.bi_database.gates import STEPS
from rfm_platform.bi_database.smoke import QUERY_NAME, smoke_test
from rfm_platform.postgres import Database
from rfm_platform.redash import Redash, RedashError
from rfm_platform_tests.bi_database.conftest import Restored
from rfm_platform_tests.bi_database.fixture import SECRET
from rfm_platform_tests.bi_database.redash_server import RedashServer, redash_server
from rfm_platform_tests.redash_http import API_KEY


@pytest.fixture
def started(own_source: Callable[..., Database]) -> Iterator[RedashServer]:
    with redash_server(own_source(), SECRET) as server:
        yield server


def states(server: RedashServer, notes: Path, key: str = API_KEY) -> dict[str, tuple[str, str]]:
    findings = smoke_test(Redash(server.url, key, job_seconds=1.5), notes)
    return {each.name: (each.state, each.text) for each in findings}


def test_a_working_server_passes_but_for_the_source_that_does_not_answer(
    started: RedashServer, tmp_path: Path
) -> None:
    notes = tmp_path / "notes.json"
    found = states(started, notes)
    bad = {name: text for name, (state, text) in found.items() if state == "failed"}
    assert list(bad) == ["data source 2 (Mart 1)"]
    assert "connection refused" in bad["data source 2 (Mart 1)"]
    assert "is found" in found["search"][1]
    with started.database.connect() as connection:
        saved = "SELECT id FROM queries WHERE name = %s AND NOT is_archived"
        assert connection.execute(saved, [QUERY_NAME]).fetchall() == [(301,)]
        server = Redash(started.url, API_KEY)
    (kept,) = smoke_test(server, notes, after_restart=True)
    assert kept.state == "passed"
    with started.database.connect() as connection:
        assert connection.execute(saved, [QUERY_NAME]).fetchall() == [], "archived afterwards"
    (again,) = smoke_test(server, notes, after_restart=True)
    assert again.state == "failed"


def test_a_wrong_api_key_is_told_for_what_it_is(started: RedashServer, tmp_path: Path) -> None:
    ((state, text),) = states(started, tmp_path / "n", key="wrong").values()
    assert state == "failed"
    assert "wrong API key" in text
    assert "wrong API key: look at RFM_REDASH_API_KEY" in text


def test_a_wrong_secret_key_shows_although_lists_answer(
    started: RedashServer, tmp_path: Path
) -> None:
    started.secret = "another"  # noqa: S105 - of this test
    found = states(started, tmp_path / "n")
    assert found["API key"][0] == "passed"
    assert "a wrong REDASH_SECRET_KEY" in found["data sources"][1]


def test_a_trigger_that_is_switched_off_shows_in_the_search(
    started: RedashServer, tmp_path: Path
) -> None:
    with started.database.connect() as connection:
        connection.execute("ALTER TABLE queries DISABLE TRIGGER queries_search_vector_trigger")
    state, text = states(started, tmp_path / "n")["search"]
    assert state == "failed"
    assert "queries_search_vector_trigger" in text


def test_a_stale_sequence_shows_when_a_query_is_saved(
    started: RedashServer, tmp_path: Path
) -> None:
    with started.database.connect() as connection:
        connection.execute("SELECT setval('queries_id_seq', 5)")
    assert states(started, tmp_path / "n")["a query runs"][0] == "failed"


def test_without_a_worker_the_query_is_cancelled_and_named(
    started: RedashServer, tmp_path: Path
) -> None:
    started.has_worker = False
    server = Redash(started.url, API_KEY, job_seconds=1.5)
    with pytest.raises(RedashError, match="was cancelled: are workers running"):
        server.run(1)


def test_without_a_worker_no_data_source_can_be_tried(
    started: RedashServer, tmp_path: Path
) -> None:
    started.has_worker = False
    server = Redash(started.url, API_KEY, timeout_seconds=0.3)
    bad = [each for each in smoke_test(server, tmp_path / "n") if each.state == "failed"]
    *untried, search = bad
    assert {each.name.split(" (")[0][:11] for each in untried} == {"data source", "a query run"}
    assert all("are workers running" in each.text for each in untried)
    assert search.text == "no query was saved that could be searched"


def test_a_query_of_an_earlier_try_is_archived(started: RedashServer, tmp_path: Path) -> None:
    states(started, tmp_path / "n")
    states(started, tmp_path / "n")
    with started.database.connect() as connection:
        left = connection.execute(
            "SELECT id FROM queries WHERE name = %s AND NOT is_archived", [QUERY_NAME]
        ).fetchall()
    assert len(left) == 1


def test_nobody_there_is_an_answer_as_well(tmp_path: Path) -> None:
    (found,) = smoke_test(Redash("http://127.0.0.1:1", "key"), tmp_path / "n")
    assert found.state == "failed"
    assert "no answer" in found.text


def test_a_server_on_another_database_does_not_close_the_move(
    restored: Restored, own_source: Callable[..., Database], tmp_path: Path
) -> None:
    """Before the cut-over the address leads to the old server, whose queries have the same ids."""
    move = replace(restored.move, work=tmp_path)
    verdicts = []
    for database in (restored.database, own_source(), restored.database):
        with redash_server(database, SECRET) as server:
            server.silent_source = None
            asked = replace(move, server=Redash(server.url, API_KEY))
            verdicts.append(STEPS["smoke"](asked, lambda _: None))
    assert [verdict.state for verdict in verdicts] == ["passed", "failed", "passed"]
    assert "RFM_REDASH_URL" in verdicts[1].text
    assert "on another database" in verdicts[1].text
