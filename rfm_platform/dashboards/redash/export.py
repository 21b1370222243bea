"""A declaration of dashboards that people made in Redash: YAML and SQL, to be versioned.

What is written can be loaded again. No key and no data source's secrets are in it; what people
wrote into a query's text is. What is managed already is left out, and named where it is shown.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from rfm_platform.dashboards.redash.exported import Export
from rfm_platform.dashboards.redash.provision import Provisioner
from rfm_platform.dashboards.redash.wanted import NEW_GRID, TAG, Address, mappings, plain
from rfm_platform.redash import RedashError


def export(the: Provisioner, names: Iterable[str]) -> Export:
    """Reads dashboards with everything that they show.

    Args:
        names: the dashboards'; none: all that are published and not managed.

    Raises:
        RedashError: there is no dashboard of a name, or several; one is managed already, or shows a
            query that is, and that is not declared here.
    """
    reader = _Reader(the)
    for number in reader.choose(list(names)):
        reader.read_dashboard(number)
    reader.read_alerts()
    return reader.export


class _Reader:
    def __init__(self, the: Provisioner) -> None:
        self.redash = the.redash
        self.export = Export()
        self._own_source = the.source.name
        self._declared = the.declaration.queries
        self._scale = 1 if self.redash.version() >= NEW_GRID else 2
        sources = self.redash.call("GET", "data_sources")
        self._sources = {each["id"]: each["name"] for each in sources}
        noted = the.ledger.read()
        self._notes = {(a.kind, sent.id): sent for a, sent in noted.items()}
        # Managed queries and charts are referred to by the keys that they have.
        self._keys = {
            (a.kind, sent.id): a.key
            for a, sent in noted.items()
            if not sent.has_left and a.key.split(".")[0] in self._declared
        }
        self._taken = {*noted, *(Address("query", key) for key in self._declared)}
        self._taken |= {Address("dashboard", key) for key in the.declaration.dashboards}

    def _new_key(self, kind: str, name: str) -> str:
        """A key that no object of ours and none of the export has."""
        return _key(name, {a.key for a in (*self._taken, *self.export.numbers) if a.kind == kind})

    def _is_managed(self, kind: str, there: Mapping[str, Any]) -> bool:
        """As noted; where nothing is, as its tag says."""
        sent = self._notes.get((kind, there["id"]))
        return TAG in (there.get("tags") or ()) if sent is None else not sent.has_left

    def choose(self, names: list[str]) -> list[int]:
        """The numbers of the dashboards that are asked for."""
        there = [each for each in self.redash.pages("dashboards") if not each["is_archived"]]
        managed = {each["id"] for each in there if self._is_managed("dashboard", each)}
        if not names:
            published = [each for each in there if not each["is_draft"]]
            self.export.notes += [
                f"{each['name']} ({each['id']}) is left out: {_MANAGED}"
                for each in published
                if each["id"] in managed
            ]
            return [each["id"] for each in published if each["id"] not in managed]
        chosen = []
        for name in names:
            found = [each["id"] for each in there if name in (each["name"], str(each["id"]))]
            if len(found) != 1:
                raise RedashError(
                    f"{len(found)} dashboards are called {name!r}"
                    + (f": take the number, {found}" if found else "")
                )
            if found[0] in managed:
                raise RedashError(f"The dashboard {name!r} cannot be exported: {_MANAGED}")
            chosen += found
        return chosen

    def read_dashboard(self, number: int) -> None:
        answer = self.redash.call("GET", f"dashboards/{number}")
        key = self._new_key("dashboard", answer["name"])
        self.export.numbers[Address("dashboard", key)] = number
        widgets: list[dict[str, Any]] = []
        shown: set[str] = set()
        texts = 0
        for widget in sorted(answer["widgets"], key=_place):
            entry: dict[str, Any] = {"position": self._position(widget)}
            if widget.get("visualization"):
                drawn = widget["visualization"]
                query = self.read_query(drawn["query"]["id"])
                if ("visualization", drawn["id"]) not in self._keys:
                    self.export.notes.append(
                        f"{answer['name']}: {drawn['name']} is left out, which somebody added to "
                        f"the managed query {query}"
                    )
                    continue
                name = self._keys["visualization", drawn["id"]]
                derived = mappings(self._parameters_of(query))
                given = (widget.get("options") or {}).get("parameterMappings") or {}
                entry["visualization"] = name
                if given != derived:
                    entry["parameters"] = given
            else:
                texts += 1
                name = f"text_{texts}"
                entry["text"] = widget.get("text") or " "
            if name in shown:
                self.export.notes.append(f"{answer['name']}: {name} is shown once, not twice")
                continue
            shown.add(name)
            widgets.append(entry)
            self.export.numbers[Address("widget", f"{key}/{name}")] = widget["id"]
        self.export.dashboards[key] = {"name": answer["name"], "widgets": widgets}

    def _parameters_of(self, query: str) -> list[str]:
        if query in self.export.queries:
            return [each["name"] for each in self.export.queries[query].get("parameters", ())]
        return list(self._declared[query].defaults)

    def _position(self, widget: Mapping[str, Any]) -> dict[str, int]:
        place = (widget.get("options") or {}).get("position") or {}
        return {
            "col": int(place.get("col") or 0) * self._scale,
            "row": int(place.get("row") or 0),
            "sizeX": int(place.get("sizeX") or 6) * self._scale,
            "sizeY": int(place.get("sizeY") or 8),
        }

    def read_query(self, number: int) -> str:
        """Takes a query along, with its visualizations and the lists of its parameters."""
        if ("query", number) in self._keys:
            return self._keys["query", number]
        answer = self.redash.call("GET", f"queries/{number}")
        if self._is_managed("query", answer):
            raise RedashError(
                f"The query {answer['name']!r} ({number}) cannot be exported, and is not declared, "
                f"or not noted yet (`rfm redash apply`), to be referred to here: {_MANAGED}"
            )
        key = self._keys["query", number] = self._new_key("query", answer["name"])
        self.export.numbers[Address("query", key)] = number
        options = answer.get("options") or {}
        source = self._sources.get(answer["data_source_id"])
        drawn: dict[str, dict[str, Any]] = {}
        for each in answer["visualizations"]:
            drawn_key = _key(each["name"], drawn)
            drawn[drawn_key] = {name: each[name] for name in ("type", "name", "options")}
            if any(_same(drawn[drawn_key], other) for k, other in drawn.items() if k != drawn_key):
                drawn[drawn_key]["name"] = f"{each['name']} {each['id']}"
                self.export.notes.append(f"{answer['name']}: one {each['name']} gets its number")
            self._keys["visualization", each["id"]] = f"{key}.{drawn_key}"
            self.export.numbers[Address("visualization", f"{key}.{drawn_key}")] = each["id"]
        self.export.queries[key] = _without_nothing(
            name=answer["name"],
            description=answer.get("description"),
            data_source=source if source != self._own_source else None,
            parameters=[self._parameter(each) for each in options.get("parameters") or ()],
            apply_auto_limit=options.get("apply_auto_limit"),
            schedule=answer.get("schedule"),
            visualizations=drawn,
            sql=answer["query"],
        )
        return key

    def _parameter(self, parameter: Mapping[str, Any]) -> dict[str, Any]:
        fields = plain(parameter)
        if "queryId" in fields:
            fields["query"] = self.read_query(fields.pop("queryId"))
        return fields

    def read_alerts(self) -> None:
        """Takes along the alerts of the queries that were taken."""
        for alert in self.redash.call("GET", "alerts"):
            key = self._keys.get(("query", alert["query"]["id"]))
            if key in self.export.queries:
                alerts = self.export.queries[key].setdefault("alerts", {})
                name = _key(alert["name"], alerts)
                options = {k: v for k, v in alert["options"].items() if k != "muted"}
                alerts[name] = _without_nothing(
                    name=alert["name"], options=options, rearm=alert.get("rearm")
                )
                self.export.numbers[Address("alert", f"{key}.{name}")] = alert["id"]


_MANAGED = (
    f"it is managed by a declaration already. If it is a copy that bears the tag {TAG} of its "
    "origin, take its tags off"
)


def _place(widget: Mapping[str, Any]) -> tuple[int, int]:
    place = (widget.get("options") or {}).get("position") or {}
    return int(place.get("row") or 0), int(place.get("col") or 0)


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return (one["type"], one["name"]) == (other["type"], other["name"])


def _without_nothing(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", [], {}, False)}


def _key(name: str, taken: Collection[str]) -> str:
    """A name as a key of the declaration, unique among those that are taken."""
    base = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "unnamed"
    base = base if base[0].isalpha() else f"n_{base}"
    number, key = 1, base
    while key in taken:
        number += 1
        key = f"{base}_{number}"
    return key
