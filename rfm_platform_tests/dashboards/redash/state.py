"""What a stand-in for Redash holds, and how it is told to misbehave."""

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

ME, SOMEBODY = 1, 2
Thing = dict[str, Any]


@dataclass
class StandIn:
    """Everything that it holds, and what is wrong with it.

    Attributes:
        is_dying: asked before and after each call that changes something; True: the connection is
            cut there, as by a server that is killed.
        distort: what becomes of a result's rows.
        calls: methods and paths.
    """

    version: str = "26.08.0-dev"
    has_worker: bool = True
    delay: float = 0.0
    is_dying: Callable[[], bool] = lambda: False
    distort: Callable[[list[Thing]], list[Thing]] = lambda rows: rows
    url: str = ""
    things: dict[str, dict[int, Thing]] = field(default_factory=dict)
    results: dict[int, Thing] = field(default_factory=dict)
    jobs: dict[str, Thing] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    lock: threading.RLock = field(default_factory=threading.RLock)

    def of(self, kind: str) -> dict[int, Thing]:
        return self.things.setdefault(kind, {})

    def add(self, kind: str, **fields: Any) -> Thing:
        """Adds an object, as any user may have."""
        number = next(self.numbers)
        thing = {"id": number, "version": 1, "user_id": ME, **fields}
        if kind in ("queries", "dashboards"):
            thing = {"is_archived": False, "is_draft": True, "tags": []} | thing
        self.of(kind)[number] = thing
        return thing

    def changes(self) -> int:
        """How many calls have changed something."""
        return sum(
            method != "GET" and not path.endswith(("results", "test"))
            for method, path in self.calls
        )
