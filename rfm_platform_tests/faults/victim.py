"""Runs in processes of their own, which die: by kill -9, at a boundary or when somebody says so.

Boundaries are the beginning and the end of each step, of each commit to the lake and of each write
to the warehouse, and they are counted; at number POINT the process kills itself.
"""

import datetime as dt
import functools
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
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
# A process that has imported everything, of which each victim is a copy: importing takes longer
# than most runs, and nothing can break there.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])

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


def run(variables: dict[str, str], steps: list[Step], told: Connection, point: int = 0) -> None:
    """Runs steps over the chain that the variables name.

    Tells when it begins, and how many boundaries there were; dies at one of them if asked to. Ends
    with an error if a step fails.
    """
    os.environ.update(variables)
    boundaries = Boundaries(point)
    boundaries.around(LakeTable, "commit")
    for name in ("replace", "exchange", "take_over"):
        boundaries.around(Publication, name)
    boundaries.at_steps()
    settings = load_settings()
    definitions = build_defs(settings)
    with open_instance(settings) as instance:
        told.send("begun")
        for outcome in execute(definitions, instance, steps):
            if not outcome.succeeded:
                sys.exit("\n".join(outcome.errors))
        told.send(boundaries.passed)


def begin(
    chain: Chain, steps: Sequence[Step], point: int = 0, **variables: str
) -> tuple[BaseProcess, Connection]:
    """Runs steps in another process; returns it, and what it tells."""
    here, there = PROCESSES.Pipe(duplex=False)
    arguments = (variables_of(chain) | variables, list(steps), there, point)
    process = PROCESSES.Process(target=run, args=arguments)
    process.start()
    there.close()
    return process, here


def main() -> None:
    """`python -m rfm_platform_tests.faults.victim DAY`: a refresh, for whoever needs a command."""
    here, there = PROCESSES.Pipe(duplex=False)
    run({}, plan_refresh(dt.date.fromisoformat(sys.argv[1]), all_days=False), there)
    here.close()


if __name__ == "__main__":
    main()
