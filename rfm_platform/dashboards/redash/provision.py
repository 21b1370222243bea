"""Bringing Redash to the declaration, and proving what it then shows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rfm_platform.dashboards.redash.declaration import Declaration, DeclarationError
from rfm_platform.dashboards.redash.ledger import Ledger
from rfm_platform.dashboards.redash.live import LiveObjects, read_live
from rfm_platform.dashboards.redash.plan import Change, Sent, plan
from rfm_platform.dashboards.redash.proof import (
    Proof,
    problems_of,
    prove_query,
    read_result,
)
from rfm_platform.dashboards.redash.wanted import Address, Fields, wanted_objects
from rfm_platform.dashboards.redash.writing import Source, Writer
from rfm_platform.postgres import DatabaseError
from rfm_platform.redash import ConflictError, Redash, RedashError

ATTEMPTS = 3  # people save while we do


@dataclass(frozen=True)
class State:
    """All sides, read once."""

    wanted: Mapping[Address, Fields]
    sent: Mapping[Address, Sent]
    live: LiveObjects

    def plan(self, *, overwrite: bool) -> list[Change]:
        """What has to be done."""
        return plan(self.wanted, self.sent, self.live.objects, overwrite=overwrite)


@dataclass(frozen=True)
class Provisioner:
    """One server and one declaration.

    Attributes:
        source: of the queries that name no data source: the warehouse.
    """

    redash: Redash
    ledger: Ledger
    declaration: Declaration
    source: Source

    def read(self) -> State:
        """What is wanted, was sent and is there.

        Raises:
            RedashError: the server does not answer, or not to this key.
        """
        wanted = self._wanted()
        noted = self.ledger.read()
        # What has left before is people's.
        sent = {a: each for a, each in noted.items() if a in wanted or not each.has_left}
        return State(wanted, sent, read_live(self.redash, wanted, sent))

    def _wanted(self) -> dict[Address, Fields]:
        # The release is the first question: it tells a wrong key.
        release = self.redash.version()
        return wanted_objects(self.declaration, self.source.fields, release)

    def refuse_bad_shapes(self) -> None:
        """Runs every query in the warehouse, and looks at what its charts would be given.

        Raises:
            DeclarationError: a query fails, or a chart would show blanks or wrong numbers.
        """
        problems = []
        for key, query in self.declaration.queries.items():
            if query.data_source in (None, self.source.name):
                try:
                    result = read_result(
                        self.ledger.warehouse.database, query, int(self.redash.job_seconds)
                    )
                    problems += [f"{key}: {problem}" for problem in problems_of(query, result)]
                except DatabaseError as error:
                    problems.append(f"{key}: {error}")
        if problems:
            raise DeclarationError(f"Nothing was sent to Redash: {'; '.join(problems)}")

    def apply(
        self, *, overwrite: bool = False, tell: Callable[[Change], None] = lambda _: None
    ) -> list[Change]:
        """Brings Redash to the declaration; what people edited stays unless told otherwise.

        Args:
            overwrite: whether edits by people are undone.
            tell: told each change before it is made.

        Returns:
            What was done, and what was left because people edited it.

        Raises:
            DeclarationError: a chart would show blanks or wrong numbers; nothing was sent.
            RedashError: a call failed; the next apply goes on from there.
        """
        self.ledger.warehouse.prepare()
        self.refuse_bad_shapes()
        with self.ledger.alone():
            return self._apply(overwrite, tell)

    def _apply(self, overwrite: bool, tell: Callable[[Change], None]) -> list[Change]:
        done: list[Change] = []
        for attempt in range(1, ATTEMPTS + 1):
            state = self.read()
            changes = state.plan(overwrite=overwrite)
            writer = self._writer(state)
            try:
                for change in changes:
                    if change.action != "edited":
                        tell(change)
                        _make(change, state, writer)
                        done.append(change)
            except ConflictError:
                if attempt == ATTEMPTS:
                    raise
                continue
            break
        left = [change for change in changes if change.action == "edited"]
        self._wake_source(writer, is_ours="data_source" not in {c.address.kind for c in left})
        return done + left

    def _writer(self, state: State) -> Writer:
        numbers = {address: each.id for address, each in state.live.objects.items()}
        for name, number in state.live.sources.items():
            numbers.setdefault(Address("data_source", name), number)
        put_away = {a for a, sent in state.sent.items() if sent.has_left and sent.is_put_away(a)}
        return Writer(self.redash, self.ledger, self.source, numbers, put_away)

    def _wake_source(self, writer: Writer, *, is_ours: bool) -> None:
        """Has Redash connect; sends the password once more where it cannot.

        Args:
            is_ours: nobody has edited the data source.
        """
        number = writer.numbers.get(Address("data_source", self.source.name))
        if number is None:
            return
        test = f"data_sources/{number}/test"
        answer = self.redash.call("POST", test, json={})
        if not answer["ok"] and self.source.is_managed and is_ours:
            self.redash.call("POST", f"data_sources/{number}", json=self.source.payload())
            answer = self.redash.call("POST", test, json={})
        if not answer["ok"]:
            raise RedashError(
                f"Redash cannot reach the data source {self.source.name!r}: "
                f"{str(answer.get('message'))[:200]}"
            )

    def prove(self, tell: Callable[[str], None] = lambda _: None) -> list[Proof]:
        """Has Redash run every query of the declaration and compares with the warehouse.

        Args:
            tell: told each query before it runs.
        """
        state = self.read()
        proofs = []
        for key, query in self.declaration.queries.items():
            tell(key)
            address = Address("query", key)
            live = state.live.objects.get(address)
            if live is None:
                proofs.append(
                    Proof(key, "not compared", 0, "It is not in Redash: `rfm redash apply`.")
                )
            elif live.fields != state.wanted[address]:
                proofs.append(
                    Proof(key, "not compared", 0, "It is not as declared: `rfm redash plan`.")
                )
            else:
                ours = query.data_source in (None, self.source.name)
                database = self.ledger.warehouse.database if ours else None
                proofs.append(prove_query(self.redash, live.id, key, query, database))
        return proofs

    def adopt(self, numbers: Mapping[Address, int]) -> None:
        """Notes objects that people made as what was sent: the next apply brings them in line.

        Args:
            numbers: Redash's, of each that the declaration now has.

        Raises:
            RedashError: one of them is managed under another key.
        """
        wanted = self._wanted()
        noted = self.ledger.read()
        keys = {(address.kind, number): address for address, number in numbers.items()}
        others = [a for a, sent in noted.items() if keys.get((a.kind, sent.id), a) != a]
        if managed := [f"{a.kind} {a.key}" for a in others if not noted[a].has_left]:
            raise RedashError(f"Nothing was adopted: {', '.join(managed)} is managed already")
        for address in others:
            self.ledger.forget(address)
            del noted[address]
        known = {address: Sent(number, {}) for address, number in numbers.items()}
        live = read_live(self.redash, wanted, {**noted, **known})
        for address in known:
            if address in live.objects:
                there = live.objects[address]
                self.ledger.note(address, there.id, there.fields, adopted=True)


def _make(change: Change, state: State, writer: Writer) -> None:
    address = change.address
    live = state.live.objects.get(address)
    if change.action == "retire":
        writer.retire(address, live)
    elif change.action == "release":
        writer.ledger.leave(address)
    elif change.action == "record" and live is not None:
        writer.note(address, live.id, state.wanted[address])
    else:
        writer.send(address, state.wanted[address], live)
