"""Whatever happens in between, the next apply ends the same: nothing twice, nothing lost."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rfm_platform.dashboards.redash.declaration import Declaration
from rfm_platform.dashboards.redash.wanted import TAG
from rfm_platform.redash import RedashError
from rfm_platform_tests.dashboards.redash.conftest import HOURLY, Provision, small_declaration
from rfm_platform_tests.dashboards.redash.state import StandIn
from rfm_platform_tests.dashboards.redash.test_provision import EDITS, planned

NUMBERED = {"id", "version", "latest", "user_id"}
REFERENCES = {"query_id", "visualization_id", "dashboard_id", "data_source_id", "queryId"}


def shape(server: StandIn) -> Any:
    """Everything that it holds, with names in the place of numbers."""
    names = {
        number: f"{kind} {thing.get('name') or thing.get('text')}"
        for kind, things in server.things.items()
        for number, thing in things.items()
    }

    def named(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {k: named(v, k) for k, v in value.items() if k not in NUMBERED}
        if key == "tags":  # others are people's
            return [tag for tag in value if tag.startswith(TAG)]
        if isinstance(value, list):
            return [named(each) for each in value]
        return names.get(value, value) if key in REFERENCES else value

    return {
        kind: sorted((named(thing) for thing in things.values()), key=json.dumps)
        for kind, things in server.things.items()
    }


def clean(provision: Provision, server: StandIn, *declarations: Declaration) -> Any:
    """The shape after undisturbed applies to an empty server, which is empty again then."""
    for declaration in declarations:
        provision(declaration).apply()
    wanted = shape(server)
    empty(provision, server)
    return wanted


def empty(provision: Provision, server: StandIn) -> None:
    """Forgets everything, there and here."""
    server.things.clear()
    server.results.clear()
    warehouse = provision(small_declaration()).ledger.warehouse
    warehouse.prepare()
    with warehouse.database.connect() as connection:
        connection.execute("TRUNCATE rfm.redash_objects")


def dying_at(moment: int) -> Callable[[], bool]:
    """True the so-manieth time that it is asked."""
    asked = iter(range(10_000))
    return lambda: next(asked) == moment


def killed_at_any_call(
    provision: Provision, server: StandIn, before: Sequence[Declaration], target: Declaration
) -> int:
    """Applies a declaration after others, dying at each of its calls in turn; how many there are.

    The next apply must end as one that nobody disturbed.
    """
    wanted = clean(provision, server, *before, target)
    deaths = 0
    while True:
        for declaration in before:
            provision(declaration).apply()
        server.is_dying = dying_at(deaths)
        try:
            provision(target).apply()
        except RedashError:
            deaths += 1
        else:
            return deaths
        finally:
            server.is_dying = lambda: False
        provision(target).apply()
        assert shape(server) == wanted, f"killed at moment {deaths - 1}"
        assert planned(provision(target)) == {}
        empty(provision, server)


@pytest.mark.parametrize("then", ["creating", "updating"])
def test_killed_at_any_call_the_next_apply_ends_the_same(
    then: str, provision: Provision, small: Declaration, server_of_redash: StandIn
) -> None:
    """Before and after every call that changes something: created, published, tagged, noted."""
    changed = small_declaration(
        name="Numbers", sql="SELECT 'z {{ letter }}' AS stage1, 'y' AS stage2, 4 AS value"
    )
    before = [] if then == "creating" else [small]
    target = small if then == "creating" else changed
    deaths = killed_at_any_call(provision, server_of_redash, before, target)
    assert deaths > (25 if then == "creating" else 3)


NAMES = st.sampled_from(["Counts", "Numbers"])
LABELS = st.sampled_from(["x", "z"])
STEPS = st.one_of(
    st.tuples(st.just("edit"), st.sampled_from(sorted(set(EDITS) - {"a data source's host"}))),
    st.tuples(st.just("apply"), st.booleans()),
    st.tuples(st.just("declare"), st.tuples(NAMES, LABELS)),
    st.tuples(st.just("die"), st.integers(0, 12)),
)


@settings(
    max_examples=16,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, min_size=1, max_size=6))
@example(steps=[("edit", "a widget that was taken off"), ("die", 1)])
def test_after_any_history_apply_with_overwrite_ends_as_if_nothing_had_happened(
    steps: list[tuple[str, Any]], provision: Provision, server_of_redash: StandIn
) -> None:
    def declared(choice: tuple[str, str]) -> Declaration:
        sql = f"SELECT '{choice[1]} {{{{ letter }}}}' AS stage1, 'y' AS stage2, 3 AS value"
        return small_declaration(name=choice[0], sql=sql, schedule=HOURLY)

    empty(provision, server_of_redash)
    declaration = declared(("Counts", "x"))
    provision(declaration).apply()
    for step, choice in steps:
        if step == "declare":
            declaration = declared(choice)
        elif step == "apply":
            provision(declaration).apply(overwrite=choice)
            left = planned(provision(declaration))
            assert set(left.values()) <= ({"edited"} if not choice else set())
        elif step == "die":
            server_of_redash.is_dying = dying_at(choice)
            try:
                provision(declaration).apply(overwrite=True)
            except RedashError:
                pass
            finally:
                server_of_redash.is_dying = lambda: False
        else:
            try:
                EDITS[choice][1](server_of_redash)
            except ValueError:  # what it would change is gone or renamed already
                continue
            assert planned(provision(declaration)) != {}
    provision(declaration).apply(overwrite=True)
    assert planned(provision(declaration)) == {}
    got = shape(server_of_redash)
    empty(provision, server_of_redash)
    provision(declaration).apply()
    assert got == shape(server_of_redash)
