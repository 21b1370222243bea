"""Whether a difference between what Redash shows and what the warehouse holds is found."""

from collections.abc import Callable

import pytest

from rfm_platform.dashboards.redash.declaration import Declaration
from rfm_platform.dashboards.redash.provision import Provisioner
from rfm_platform_tests.dashboards.redash.conftest import Provision
from rfm_platform_tests.dashboards.redash.state import StandIn, Thing


def test_our_dashboards_show_what_the_warehouse_holds(
    ours: Provisioner, server_of_redash: StandIn
) -> None:
    ours.apply()
    proofs = {proof.query: proof for proof in ours.prove()}
    assert {proof.state for proof in proofs.values()} == {"equal"}
    for query in ("segment_migration", "cohorts", "revenue_cohorts", "rfm_grid", "segment_table"):
        assert proofs[query].rows > 2, query
    assert ours.read().plan(overwrite=False) == []


def by_one(rows: list[Thing]) -> list[Thing]:
    """One value of a Sankey is another."""
    if rows and "stage1" in rows[0]:
        rows[0]["value"] += 1
    return rows


def short_of_one(rows: list[Thing]) -> list[Thing]:
    """The last row is missing."""
    return rows[:-1]


def renamed(rows: list[Thing]) -> list[Thing]:
    """A text is another."""
    return [{k: v.upper() if k == "stage2" else v for k, v in row.items()} for row in rows]


@pytest.mark.parametrize(
    ("distort", "said"),
    [
        (by_one, "row 1, value: Redash has 4, the warehouse 3"),
        (short_of_one, "Redash has 0 rows, the warehouse 1"),
        (renamed, "row 1, stage2: Redash has 'Y', the warehouse 'y'"),
    ],
)
def test_another_value_another_row_another_text_is_found(
    distort: Callable[[list[Thing]], list[Thing]],
    said: str,
    provision: Provision,
    small: Declaration,
    server_of_redash: StandIn,
) -> None:
    the = provision(small)
    the.apply()
    the.prove()
    server_of_redash.distort = distort
    proof = next(proof for proof in the.prove() if proof.query == "counts")
    assert proof.state == "differs"
    assert proof.text.startswith(said)


def test_a_query_that_somebody_edited_is_not_called_equal(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    the = provision(small)
    the.apply()
    (query,) = [q for q in server_of_redash.of("queries").values() if q["name"] == "Counts"]
    query["query"] = "SELECT 1"
    proofs = {proof.query: proof.state for proof in the.prove()}
    assert proofs == {"letters": "equal", "counts": "not compared"}


def test_a_query_that_is_not_there_is_not_called_equal(
    provision: Provision, small: Declaration
) -> None:
    assert {proof.state for proof in provision(small).prove()} == {"not compared"}


def test_a_job_that_no_worker_takes_is_cancelled_and_told(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    provision(small).apply()
    server_of_redash.has_worker = False
    proof = provision(small, job_seconds=1).prove()[0]
    assert proof.state == "differs"
    assert "was cancelled: are workers running" in proof.text
    assert len(server_of_redash.cancelled) == 1  # the other needs the first one's result


def test_a_query_that_fails_in_redash_is_told_with_its_reason(
    provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    the = provision(small)
    the.apply()
    (source,) = server_of_redash.of("data_sources").values()
    source["options"]["dbname"] = "not_there"
    proof = the.prove()[0]
    assert proof.state == "differs"
    assert "not_there" in proof.text
