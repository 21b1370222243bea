"""What Redash holds of the managed objects, in the form in which they are wanted.

An object is found by the number that was noted of it; where none was noted (another server, or a
run that died before it could), a query or dashboard by its tag, everything else by its name within
those. Lists alone are no inventory: they leave out what is archived, and other users' drafts.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rfm_platform.dashboards.redash.plan import Live, Sent
from rfm_platform.dashboards.redash.wanted import TAG, Address, Fields, marker, plain
from rfm_platform.redash import NotThereError, Redash, RedashError


@dataclass(frozen=True)
class LiveObjects:
    """What is there.

    Attributes:
        objects: everything that is wanted or was sent, and everything with our tag.
        sources: every data source's number, by its name.
    """

    objects: dict[Address, Live]
    sources: dict[str, int]


def read_live(
    redash: Redash, wanted: Mapping[Address, Fields], sent: Mapping[Address, Sent]
) -> LiveObjects:
    """Asks a server for its objects: one call each for queries and dashboards, and the lists."""
    reader = _Reader(redash, wanted, sent)
    sources = reader.read_sources()
    reader.read_queries()
    reader.read_dashboards()
    reader.read_alerts()
    return LiveObjects(reader.found, sources)


class _Reader:
    """One reading; references become keys as soon as what they name is found."""

    def __init__(
        self, redash: Redash, wanted: Mapping[Address, Fields], sent: Mapping[Address, Sent]
    ) -> None:
        self.redash, self.wanted, self.sent = redash, wanted, sent
        self.found: dict[Address, Live] = {}
        self._keys: dict[tuple[str, int], str] = {}

    def _add(
        self, address: Address, number: int, fields: Fields, answer: Any, **more: bool
    ) -> None:
        # What the declaration says nothing about is people's.
        declared = self.wanted.get(address, fields)
        managed = {name: value for name, value in fields.items() if name in declared}
        self.found[address] = Live(number, managed, answer, **more)

    def _name_of(self, kind: str, number: int | None) -> str | int | None:
        return None if number is None else self._keys.get((kind, number), number)

    def _of_kind(self, kind: str) -> Iterator[tuple[Address, Fields | None, Sent | None]]:
        """What is wanted of a kind, and what was sent of it and is not wanted any more."""
        for address in {**self.wanted, **self.sent}:
            if address.kind == kind:
                yield address, self.wanted.get(address), self.sent.get(address)

    def read_sources(self) -> dict[str, int]:
        """Data sources are known by their names: two of one name would be a guess."""
        sources: dict[str, int] = {}
        for source in self.redash.call("GET", "data_sources"):
            name, number = source["name"], int(source["id"])
            if name in sources:
                raise RedashError(f"two data sources are called {name!r}: rename one")
            sources[name] = number
            self._keys["data_source", number] = name
            address = Address("data_source", name)
            if address in self.wanted:
                answer = self.redash.call("GET", f"data_sources/{number}")
                options = answer.get("options") or {}
                fields = {"name": name, "type": answer["type"]} | {
                    key: options.get(key) for key in self.wanted[address] if key in options
                }
                self._add(address, number, fields, answer)
        return sources

    def read_queries(self) -> None:
        numbers = dict(self._tagged("query", "queries"))
        answers = {}
        for address, number in numbers.items():
            answers[address] = self.redash.call("GET", f"queries/{number}")
            self._keys["query", number] = address.key
        for address, answer in answers.items():
            fields = self._query(answer)
            # A draft of ours is one that a run could not publish: it died.
            self._add(address, answer["id"], fields, answer, is_pristine=fields["is_draft"])
            self._read_visualizations(address.key, answer["visualizations"])

    def _tagged(self, kind: str, path: str) -> Iterator[tuple[Address, int]]:
        """Each managed query or dashboard and its number: as noted, or as its tag says."""
        by_key: dict[str, int] = {}
        for listed in self.redash.pages(path, tags=TAG):
            for tag in listed.get("tags") or ():
                if tag.startswith(marker("")):
                    # A fork bears its origin's tags; the origin is older.
                    key, number = tag.removeprefix(marker("")), int(listed["id"])
                    by_key[key] = min(number, by_key.get(key, number))
        for address, _, sent in self._of_kind(kind):
            tagged = by_key.pop(address.key, None)
            number = sent.id if sent is not None else tagged
            if number is not None and self._is_there(path, number, address):
                yield address, number
        for key, tagged_number in by_key.items():
            yield Address(kind, key), tagged_number

    def _is_there(self, path: str, number: int, address: Address) -> bool:
        try:
            answer = self.redash.call("GET", f"{path}/{number}")
        except NotThereError:
            return False
        return address in self.wanted or not answer["is_archived"]

    def _query(self, answer: Mapping[str, Any]) -> Fields:
        options = answer.get("options") or {}
        return {
            "name": answer["name"],
            "description": answer.get("description") or "",
            "query": answer["query"],
            "data_source": self._name_of("data_source", answer.get("data_source_id")),
            "parameters": [self._parameter(each) for each in options.get("parameters") or ()],
            "apply_auto_limit": bool(options.get("apply_auto_limit")),
            "tags": _ours(answer),
            "is_draft": answer["is_draft"],
            "is_archived": answer["is_archived"],
            "schedule": answer.get("schedule"),
        }

    def _parameter(self, parameter: Mapping[str, Any]) -> dict[str, Any]:
        fields = plain(parameter)
        if "queryId" in fields:
            fields["query"] = self._name_of("query", fields.pop("queryId"))
        fields.pop("parentQueryId", None)  # the editor's own
        return fields

    def _read_visualizations(self, query: str, answers: Iterable[Mapping[str, Any]]) -> None:
        left = {int(answer["id"]): answer for answer in answers}
        for address, fields, sent in self._of_kind("visualization"):
            if address.key.split(".")[0] != query:
                continue
            answer = left.get(sent.id) if sent is not None else None
            if answer is None and sent is None and fields is not None:
                answer = next((each for each in left.values() if _same(each, fields)), None)
            if answer is not None:
                number = int(answer["id"])
                del left[number]
                self._keys["visualization", number] = address.key
                there = {
                    "query": query,
                    "type": answer["type"],
                    "name": answer["name"],
                    "options": answer["options"],
                }
                self._add(address, number, there, answer, is_pristine=not answer["options"])

    def read_dashboards(self) -> None:
        found = dict(self._tagged("dashboard", "dashboards"))
        for address, fields, sent in self._of_kind("dashboard"):
            if address not in found and sent is None and fields is not None:
                # A dashboard gets its tags only after it is made: a run may have died between.
                number = self._untagged(fields["name"])
                if number is not None:
                    found[address] = number
        for address, number in found.items():
            answer = self.redash.call("GET", f"dashboards/{number}")
            there = {
                "name": answer["name"],
                "tags": _ours(answer),
                "is_draft": answer["is_draft"],
                "is_archived": answer["is_archived"],
            }
            self._add(address, number, there, answer, is_pristine=answer["is_draft"])
            self._read_widgets(address.key, answer["widgets"])

    def _untagged(self, name: str) -> int | None:
        """A draft of our own user's with no tag and nothing on it."""
        for listed in self.redash.pages("dashboards/my"):
            if listed["name"] == name and listed["is_draft"] and not listed.get("tags"):
                answer = self.redash.call("GET", f"dashboards/{listed['id']}")
                if not answer["widgets"] and not answer["is_archived"]:
                    return int(listed["id"])
        return None

    def _read_widgets(self, dashboard: str, answers: Iterable[Mapping[str, Any]]) -> None:
        left = {int(answer["id"]): answer for answer in answers}
        for address, fields, sent in self._of_kind("widget"):
            if address.key.split("/")[0] != dashboard:
                continue
            answer = left.get(sent.id) if sent is not None else None
            if answer is None and sent is None and fields is not None:
                answer = next((each for each in left.values() if self._shows(each, fields)), None)
            if answer is not None:
                del left[int(answer["id"])]
                self._add(address, int(answer["id"]), self._widget(dashboard, answer), answer)

    def _shows(self, answer: Mapping[str, Any], fields: Fields) -> bool:
        there = self._widget("", answer)
        return all(there[name] == fields[name] for name in ("visualization", "text"))

    def _widget(self, dashboard: str, answer: Mapping[str, Any]) -> Fields:
        options = answer.get("options") or {}
        position = options.get("position") or {}
        drawn = answer.get("visualization")
        mappings = options.get("parameterMappings") or {}
        return {
            "dashboard": dashboard,
            "visualization": self._name_of("visualization", drawn["id"] if drawn else None),
            "text": answer.get("text") or "",
            "position": {name: position.get(name) for name in ("col", "row", "sizeX", "sizeY")},
            "parameters": mappings,
        }

    def read_alerts(self) -> None:
        there = {int(answer["id"]): answer for answer in self.redash.call("GET", "alerts")}
        for address, fields, sent in self._of_kind("alert"):
            answer = there.get(sent.id) if sent is not None else None
            if answer is None and sent is None and fields is not None:
                answer = next(
                    (
                        each
                        for each in there.values()
                        if each["name"] == fields["name"]
                        and self._name_of("query", each["query"]["id"]) == fields["query"]
                    ),
                    None,
                )
            if answer is not None:
                options = answer["options"]
                declared = fields["options"] if fields else options
                there_now = {
                    "query": self._name_of("query", answer["query"]["id"]),
                    "name": answer["name"],
                    "options": {name: options.get(name) for name in declared},
                    "rearm": answer.get("rearm"),
                }
                self._add(address, int(answer["id"]), there_now, answer)


def _ours(answer: Mapping[str, Any]) -> list[str]:
    """The tags that are managed; people may have given others."""
    tags = answer.get("tags") or ()
    return sorted(tag for tag in tags if tag == TAG or tag.startswith(marker("")))


def _same(answer: Mapping[str, Any], fields: Fields) -> bool:
    return all(answer[name] == fields[name] for name in ("type", "name"))


def release_of(redash: Redash) -> tuple[int, ...]:
    """The server's release; the first question, because it tells a wrong key by its name.

    Raises:
        RedashError: the server does not answer, or not to this key.
    """
    try:
        return redash.version()
    except NotThereError:
        raise RedashError(
            f"{redash.url} does not know the API key: look at RFM_REDASH_API_KEY"
        ) from None
