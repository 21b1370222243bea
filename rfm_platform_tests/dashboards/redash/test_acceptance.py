"""The same against a real Redash: `make test-redash URL=… KEY=…`.

The warehouse is that of the demo, or of RFM_HOME; WAREHOUSE= is how Redash reaches it. What is made
there stays, as it is declared.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rfm_platform.dashboards.redash.declaration import Declaration
from rfm_platform.dashboards.redash.provision import Provisioner
from rfm_platform.dashboards.redash.wanted import Address
from rfm_platform.redash import RedashError
from rfm_platform.settings import read_settings
from rfm_platform.wiring import build_platform
from rfm_platform.wiring.redash import provisioner
from rfm_platform_tests.dashboards.redash.test_provision import planned, told

URL = os.environ.get("RFM_TEST_REDASH_URL")
pytestmark = pytest.mark.skipif(
    not URL, reason="NO REDASH: make test-redash URL=http://… KEY=… runs these against a server"
)


@pytest.fixture(scope="module")
def real() -> Iterator[Provisioner]:
    """Our declaration and the real server; put away at the end."""
    settings = read_settings(
        Path(os.environ["RFM_TEST_HOME"]).resolve(),
        redash_url=URL,
        redash_api_key=os.environ["RFM_TEST_REDASH_KEY"],
        redash_warehouse_url=os.environ["RFM_TEST_REDASH_WAREHOUSE_URL"],
    )
    the = provisioner(build_platform(settings))
    the.apply(overwrite=True)
    yield the
    the.apply(overwrite=True)


def test_after_apply_there_is_nothing_to_do(real: Provisioner) -> None:
    assert planned(real) == {}


def test_redash_shows_what_the_warehouse_holds(real: Provisioner) -> None:
    assert {proof.query: proof.state for proof in real.prove() if proof.state != "equal"} == {}


def test_edits_by_hand_are_seen_and_undone(real: Provisioner) -> None:
    objects = real.read().live.objects
    query = objects[Address("query", "cohorts")]
    board = objects[Address("dashboard", "retention")]
    widget = objects[Address("widget", "retention/cohorts.cohort")]
    alert = objects[Address("alert", "freshness.behind")]
    drawn = objects[Address("visualization", "rfm_grid.heatmap")]
    call = real.redash.call
    call(
        "POST",
        f"queries/{query.id}",
        json={"query": "SELECT 1", "version": query.answer["version"]},
    )
    call(
        "POST",
        f"dashboards/{board.id}",
        json={"is_archived": True, "version": board.answer["version"]},
    )
    call("DELETE", f"widgets/{widget.id}")
    call("DELETE", f"alerts/{alert.id}")
    call("POST", f"visualizations/{drawn.id}", json={"options": {}})
    edited = {
        "query cohorts": "edited",
        "dashboard retention": "edited",
        "widget retention/cohorts.cohort": "edited",
        "alert freshness.behind": "edited",
        "visualization rfm_grid.heatmap": "edited",
    }
    assert planned(real) == edited
    assert told(real.apply()) == edited
    real.apply(overwrite=True)
    assert planned(real) == {}


def test_a_stale_version_is_refused(real: Provisioner) -> None:
    query = real.read().live.objects[Address("query", "cohorts")]
    with pytest.raises(RedashError, match="somebody saved it"):
        real.redash.call("POST", f"queries/{query.id}", json={"name": "x", "version": 0})


def test_a_wrong_key_is_called_one(real: Provisioner) -> None:
    with pytest.raises(RedashError, match="does not know the API key"):
        replace(real, redash=replace(real.redash, api_key="wrong")).read()


def test_without_notes_everything_is_found_again(real: Provisioner) -> None:
    for address in real.ledger.read():
        real.ledger.forget(address)
    assert set(planned(real).values()) == {"record"}
    real.apply()
    assert planned(real) == {}


def test_what_leaves_the_declaration_is_archived_and_can_come_back(real: Provisioner) -> None:
    queries = {k: q for k, q in real.declaration.queries.items() if k != "restatements"}
    boards = {k: d for k, d in real.declaration.dashboards.items() if k != "data_trust"}
    less = replace(real, declaration=Declaration(queries, boards))
    query = real.read().live.objects[Address("query", "restatements")]
    less.apply()
    assert planned(less) == {}
    assert real.redash.call("GET", f"queries/{query.id}")["is_archived"] is True
    real.apply(overwrite=True)
    assert planned(real) == {}
