"""Runs in a process of their own, which dies: by kill -9, at a boundary of its choice.

`python -m rfm_platform_tests.faults.victim DAY POINT`: boundaries are the beginning and the end of
each step, of each commit to the lake and of each transaction of the warehouse, and they are
counted; at number POINT the process kills itself. It prints how many there were.
"""

import datetime as dt
import functools
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import dagster as dg

from rfm_platform.automation.instance import open_instance
from rfm_platform.definitions import build_defs
from rfm_platform.lake import LakeTable
from rfm_platform.runs import Step, execute, plan_refresh
from rfm_platform.settings import load_settings
from rfm_platform.warehouse import Publication
from rfm_platform_tests.assets.chain import Chain
from rfm_platform_tests.conftest import url_of

LATE_CHANGES = (
    "UPDATE flatten_order_marketplace SET cancelled_flag = 't' "
    "WHERE create_timestamp < %s AND HASHTEXT(order_id) %% 50 = %s",
    "UPDATE flatten_order_marketplace SET product_gmv_amount = product_gmv_amount + 1 "
    "WHERE create_timestamp < %s AND HASHTEXT(order_id) %% 60 = %s",
    "DELETE FROM flatten_order_marketplace "
    "WHERE create_timestamp < %s AND HASHTEXT(order_id) %% 300 = %s",
)
STEP_EVENTS = (dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_SUCCESS)


class Boundaries:
    """Counts boundaries and dies at one of them."""

    def __init__(self, point: int) -> None:
        self.point = point
        self.passed = 0

    def reach(self) -> None:
        self.passed += 1
        if self.passed == self.point:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, name: str) -> None:
        """Makes the beginning and the end of a method a boundary."""
        method: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(method)
        def wrapper(*arguments: Any, **options: Any) -> Any:
            self.reach()
            result = method(*arguments, **options)
            self.reach()
            return result

        setattr(owner, name, wrapper)

    def at_steps(self) -> None:
        """Makes the beginning and the end of each step of a run a boundary."""
        name = "handle_new_event"
        handle = getattr(dg.DagsterInstance, name)

        def wrapper(instance: Any, event: Any, **options: Any) -> Any:
            if event.is_dagster_event and event.dagster_event.event_type in STEP_EVENTS:
                self.reach()
            return handle(instance, event, **options)

        setattr(dg.DagsterInstance, name, wrapper)


def variables_of(chain: Chain) -> dict[str, str]:
    """What tells another process to run over a chain."""
    settings = chain.settings
    chosen = {
        "SOURCE_URL": settings.source_url and settings.source_url.get_secret_value(),
        "WAREHOUSE_URL": url_of(chain.warehouse),
        "HOME": settings.home,
        "START_DATE": settings.start_date,
        "END_DATE": settings.end_date,
        "KEEP_DAYS": settings.keep_days,
        "MEMORY_LIMIT_MB": 500,
    }
    return {f"RFM_{name}": str(value) for name, value in chosen.items()}


def run(variables: dict[str, str], steps: list[Step], begun: Connection) -> None:
    """Runs steps; tells when it begins, and ends with an error if one of them fails."""
    os.environ.update(variables)
    settings = load_settings()
    definitions = build_defs(settings)
    with open_instance(settings) as instance:
        begun.send(True)
        for outcome in execute(definitions, instance, steps):
            if not outcome.succeeded:
                sys.exit("\n".join(outcome.errors))


def main() -> None:
    """See the module."""
    day, point = dt.date.fromisoformat(sys.argv[1]), int(sys.argv[2])
    boundaries = Boundaries(point)
    boundaries.around(LakeTable, "commit")
    for name in ("replace", "exchange", "take_over"):
        boundaries.around(Publication, name)
    boundaries.at_steps()
    settings = load_settings()
    with open_instance(settings) as instance:
        for outcome in execute(build_defs(settings), instance, plan_refresh(day, all_days=False)):
            print(*outcome.errors, file=sys.stderr)
            print(boundaries.passed)
            sys.exit(not outcome.succeeded)


if __name__ == "__main__":
    main()
