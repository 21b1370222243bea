"""What Redash holds of the managed objects.

An object is found by the number that was noted of it; where none was noted (another server, or a
run that died before it could), a query or dashboard by its tag, everything else by its name within
those, also where nothing has the noted number any more. Lists alone are no inventory: they leave
out what is archived, and other users' drafts.

A tag says little: copies bear those of their origin, and other installations use the same. So it
counts only for what is wanted, and only where the query reads the wanted data source, the dashboard
shows one of those queries; an installation's data source is its own warehouse.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rfm_platform.dashboards.redash.forms import Answer, Forms
from rfm_platform.dashboards.redash.plan import Live, Sent
from rfm_platform.dashboards.redash.wanted import TAG, Address, Fields, marker
from rfm_platform.redash import NotThereError, Redash, RedashError


@dataclass(frozen=True)
class LiveObjects:
    """What is there.

    Attributes:
        objects: everything that is wanted or was sent.
        sources: every data source's number, by its name.
    """

    objects: dict[Address, Live]
    sources: dict[str, int]


def read_live(
    redash: Redash, wanted: Mapping[Address, Fields], sent: Mapping[Address, Sent]
) -> LiveObjects:
    """Asks a server for its objects: one call for each query and dashboard, and the lists."""
    reader = _Reader(redash, wanted, sent)
    sources = reader.read_sources()
    reader.read_queries()
    reader.read_dashboards()
    reader.read_alerts()
    return LiveObjects(reader.found, sources)


class _Reader:
    """One reading, in an order in which what others refer to is named first."""

    def __init__(
        self, redash: Redash, wanted: Mapping[Address, Fields], sent: Mapping[Address, Sent]
    ) -> None:
        self.redash, self.wanted, self.sent = redash, wanted, sent
        self.found: dict[Address, Live] = {}
        self._forms = Forms()

    def _add(self, address: Address, fields: Fields, answer: Answer, **more: bool) -> None:
        # What the declaration says nothing about is people's.
        declared = self.wanted.get(address, fields)
        managed = {name: value for name, value in fields.items() if name in declared}
        self.found[address] = Live(int(answer["id"]), managed, answer, **more)

    def _of_kind(
        self, kind: str, within: str = ""
    ) -> Iterator[tuple[Address, Fields | None, Sent | None]]:
        """What is wanted of a kind, and what was sent of it and is not wanted any more."""
        for address in {**self.wanted, **self.sent}:
            if address.kind == kind and address.key.startswith(within):
                yield address, self.wanted.get(address), self.sent.get(address)

    def _match(
        self,
        kind: str,
        within: str,
        answers: Iterable[Answer],
        is_it: Callable[[Answer, Fields], bool],
    ) -> Iterator[tuple[Address, Answer]]:
        """Which of some answers is which object: by the number noted, without it by its name.

        Where nothing has that number any more the name counts, too: a run made the object anew and
        died before it could note it.

        Args:
            within: what the keys of those in question begin with.
            is_it: whether an answer has an object's name.
        """
        left = {int(answer["id"]): answer for answer in answers}
        unknown = []
        for address, fields, sent in self._of_kind(kind, within):
            if sent is not None and sent.id in left:
                yield address, left.pop(sent.id)
            elif fields is not None:
                unknown.append((address, fields))
        for address, fields in unknown:
            number = next((n for n, answer in left.items() if is_it(answer, fields)), None)
            if number is not None:
                yield address, left.pop(number)

    def read_sources(self) -> dict[str, int]:
        """Data sources are known by their names: two of one name would be a guess."""
        sources: dict[str, int] = {}
        for source in self.redash.call("GET", "data_sources"):
            name, number = source["name"], int(source["id"])
            if name in sources:
                raise RedashError(f"two data sources are called {name!r}: rename one")
            sources[name] = number
            self._forms.name("data_source", number, name)
            address = Address("data_source", name)
            if address in self.wanted:
                answer = self.redash.call("GET", f"data_sources/{number}")
                options = answer.get("options") or {}
                self._add(address, {**options, "name": name, "type": answer["type"]}, answer)
        return sources

    def read_queries(self) -> None:
        def is_of_source(address: Address, answer: Answer) -> bool:
            source = self._forms.query(answer)["data_source"]
            return bool(source == self.wanted[address]["data_source"])

        answers = dict(self._noted("query", "queries"))
        answers |= self._tagged("query", "queries", is_of_source)
        for address, answer in answers.items():
            self._forms.name("query", answer["id"], address.key)
        for address, answer in answers.items():
            # A draft of ours is one that a run could not publish: it died.
            self._add(address, self._forms.query(answer), answer, is_pristine=answer["is_draft"])
            self._read_visualizations(address.key, answer["visualizations"])

    def _read_visualizations(self, query: str, answers: Iterable[Answer]) -> None:
        def is_it(answer: Answer, fields: Fields) -> bool:
            return bool(answer["type"] == fields["type"] and answer["name"] == fields["name"])

        for address, answer in self._match("visualization", f"{query}.", answers, is_it):
            self._forms.name("visualization", answer["id"], address.key)
            fields = self._forms.visualization(query, answer)
            self._add(address, fields, answer, is_pristine=not answer["options"])

    def _noted(self, kind: str, path: str) -> Iterator[tuple[Address, Answer]]:
        """Each query or dashboard whose number was noted."""
        for address, fields, sent in self._of_kind(kind):
            if sent is not None:
                with suppress(NotThereError):
                    answer = self.redash.call("GET", f"{path}/{sent.id}")
                    if fields is not None or not answer["is_archived"]:
                        yield address, answer

    def _tagged(
        self, kind: str, path: str, is_it: Callable[[Address, Answer], bool]
    ) -> dict[Address, Answer]:
        """Each wanted query or dashboard of which nothing was noted, as its tag says."""
        found: dict[Address, Answer] = {}
        # A fork bears its origin's tags; the origin is older.
        for listed in sorted(self.redash.pages(path, tags=TAG), key=lambda each: int(each["id"])):
            for tag in listed.get("tags") or ():
                address = Address(kind, tag.removeprefix(marker("")))
                is_new = address not in self.sent and address not in found
                if tag.startswith(marker("")) and address in self.wanted and is_new:
                    answer = self.redash.call("GET", f"{path}/{listed['id']}")
                    if is_it(address, answer):
                        found[address] = answer
        return found

    def read_dashboards(self) -> None:
        queries = {live.id for address, live in self.found.items() if address.kind == "query"}

        def is_of_queries(_: Address, answer: Answer) -> bool:
            charts = [w["visualization"] for w in answer["widgets"] if w.get("visualization")]
            return not charts or any(chart["query"]["id"] in queries for chart in charts)

        answers = dict(self._noted("dashboard", "dashboards"))
        answers |= self._tagged("dashboard", "dashboards", is_of_queries)
        for address, fields, sent in self._of_kind("dashboard"):
            if address not in answers and sent is None and fields is not None:
                # A dashboard gets its tags only after it is made: a run may have died between.
                answer = self._untagged(fields["name"])
                if answer is not None:
                    answers[address] = answer
        for address, answer in answers.items():
            fields = self._forms.dashboard(answer)
            self._add(address, fields, answer, is_pristine=answer["is_draft"])
            self._read_widgets(address.key, answer["widgets"])

    def _untagged(self, name: str) -> Any:
        """A draft of our own user's with no tag and nothing on it."""
        with suppress(NotThereError):  # old releases have no such list
            for listed in self.redash.pages("dashboards/my"):
                if listed["name"] == name and listed["is_draft"] and not listed.get("tags"):
                    answer = self.redash.call("GET", f"dashboards/{listed['id']}")
                    if not answer["widgets"] and not answer["is_archived"]:
                        return answer
        return None

    def _read_widgets(self, dashboard: str, answers: Iterable[Answer]) -> None:
        def is_it(answer: Answer, fields: Fields) -> bool:
            there = self._forms.widget(dashboard, answer)
            return all(there[name] == fields[name] for name in ("visualization", "text"))

        for address, answer in self._match("widget", f"{dashboard}/", answers, is_it):
            self._add(address, self._forms.widget(dashboard, answer), answer)

    def read_alerts(self) -> None:
        def is_it(answer: Answer, fields: Fields) -> bool:
            there = self._forms.alert(answer)
            return all(there[name] == fields[name] for name in ("query", "name"))

        answers = self.redash.call("GET", "alerts")
        for address, answer in self._match("alert", "", answers, is_it):
            self._add(address, self._forms.alert(answer), answer)
