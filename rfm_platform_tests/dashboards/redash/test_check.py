"""What the check of the dashboards says: a figure that differs is an error, an edit warns."""

from collections.abc import Callable
from dataclasses import replace

import dagster as dg
import pytest

from rfm_platform.checks import redash as checked
from rfm_platform.dashboards.redash.declaration import Declaration
from rfm_platform.dashboards.redash.provision import Provisioner
from rfm_platform_tests.dashboards.redash.conftest import Provision
from rfm_platform_tests.dashboards.redash.state import StandIn
from rfm_platform_tests.dashboards.redash.test_proof import short_of_one
from rfm_platform_tests.dashboards.redash.test_provision import only

ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


def evaluate(the: Provisioner) -> dg.AssetCheckEvaluation:
    """The check's verdict on a provisioner's dashboards."""
    job = dg.define_asset_job("checks", selection=dg.AssetSelection.all_asset_checks())
    definitions = dg.Definitions(
        asset_checks=[checked.redash_checks()], jobs=[job], resources={"platform": the}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checked, "provisioner", lambda platform: platform)
        result = definitions.resolve_job_def("checks").execute_in_process()
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation


def nothing(server: StandIn) -> None:
    """Nobody did anything."""


def edit(server: StandIn) -> None:
    """Somebody has edited a query."""
    only(server.of("queries"), name="Counts")["query"] = "SELECT 1"


def lose(server: StandIn) -> None:
    """A query is not there any more, nor is what showed it."""
    for kind in ("dashboards", "widgets", "alerts"):
        server.of(kind).clear()
    del server.of("queries")[only(server.of("queries"), name="Counts")["id"]]


def distort(server: StandIn) -> None:
    """Results are not the warehouse's."""
    server.distort = short_of_one


def edit_and_distort(server: StandIn) -> None:
    """One query was edited, and another's result is not the warehouse's."""
    edit(server)
    distort(server)


EDITED = "counts: It is not as declared: `rfm redash plan`."
DIFFERS = "letters: Redash has 1 rows, the warehouse 2"
EMPTY = (
    "counts: Redash has 0 rows, the warehouse 1; "
    "Flow: draws 0 between stages 1 and 2, the table has 3"
)


@pytest.mark.parametrize(
    ("happens", "verdict"),
    [
        (nothing, (True, WARN, "All 2 queries show what the warehouse holds.")),
        (edit, (False, WARN, EDITED)),
        (lose, (False, WARN, "counts: It is not in Redash: `rfm redash apply`.")),
        (distort, (False, ERROR, f"{DIFFERS}; {EMPTY}")),
        (edit_and_distort, (False, ERROR, f"{DIFFERS}; {EDITED}")),
    ],
    ids=["nothing", "edited", "missing", "distorted", "edited and distorted"],
)
def test_a_difference_is_an_error_and_what_could_not_be_compared_is_a_warning(
    happens: Callable[[StandIn], None],
    verdict: tuple[bool, dg.AssetCheckSeverity, str],
    provision: Provision,
    small: Declaration,
    server_of_redash: StandIn,
) -> None:
    the = provision(small)
    the.apply()
    happens(server_of_redash)
    found = evaluate(the)
    assert (found.passed, found.severity, found.description) == verdict


def test_of_many_queries_that_are_missing_some_are_named_and_all_are_counted(
    provision: Provision, small: Declaration
) -> None:
    queries = {f"q{n}": small.queries["letters"] for n in range(7)}
    found = evaluate(provision(replace(small, queries=queries, dashboards={})))
    missing = "It is not in Redash: `rfm redash apply`."
    assert (found.passed, found.severity) == (False, WARN)
    assert found.description == ("; ".join(f"q{n}: {missing}" for n in range(5)) + " … 7 in all")
