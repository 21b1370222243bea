"""A declaration of dashboards that people made in Redash: YAML and SQL, to be versioned.

What is written can be loaded again. No key and no data source's secrets are in it; what people
wrote into a query's text is.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rfm_platform.dashboards.redash.wanted import NEW_GRID, Address, mappings, plain
from rfm_platform.redash import Redash, RedashError


@dataclass
class Export:
    """What is written.

    Attributes:
        queries: by key, as YAML holds them, but for `sql`.
        dashboards: by key.
        numbers: Redash's number of each object.
        notes: what could not be taken along as it is.
    """

    queries: dict[str, dict[str, Any]] = field(default_factory=dict)
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)
    numbers: dict[Address, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def write(self, directory: Path, name: str) -> None:
        """Writes `<name>.yaml` and each query's `.sql` into a directory.

        Raises:
            RedashError: one of the files is there already; none is written then.
        """
        texts = {f"{key}.sql": query["sql"] + "\n" for key, query in self.queries.items()}
        content = {
            "queries": {
                key: {name: value for name, value in query.items() if name != "sql"}
                for key, query in self.queries.items()
            },
            "dashboards": self.dashboards,
        }
        dumped = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
        texts[f"{name}.yaml"] = dumped
        there = [text for text in texts if (directory / text).exists()]
        if there:
            raise RedashError(f"{directory} holds {', '.join(there)} already: take another one")
        directory.mkdir(parents=True, exist_ok=True)
        for text, written in texts.items():
            (directory / text).write_text(written, encoding="utf-8")


def export(redash: Redash, names: Iterable[str], own_source: str) -> Export:
    """Reads dashboards with everything that they show.

    Args:
        names: the dashboards'; none: all that are published.
        own_source: the data source that a declaration need not name.

    Raises:
        RedashError: there is no dashboard of a name, or several.
    """
    reader = _Reader(redash, own_source)
    for number in _chosen(redash, list(names)):
        reader.read_dashboard(number)
    reader.read_alerts()
    return reader.export


def _chosen(redash: Redash, names: list[str]) -> list[int]:
    there = [each for each in redash.pages("dashboards") if not each["is_archived"]]
    if not names:
        return [each["id"] for each in there if not each["is_draft"]]
    chosen = []
    for name in names:
        found = [each["id"] for each in there if name in (each["name"], str(each["id"]))]
        if len(found) != 1:
            raise RedashError(
                f"{len(found)} dashboards are called {name!r}"
                + (f": take the number, {found}" if found else "")
            )
        chosen += found
    return chosen


class _Reader:
    def __init__(self, redash: Redash, own_source: str) -> None:
        self.redash = redash
        self.export = Export()
        self._own_source = own_source
        self._scale = 1 if redash.version() >= NEW_GRID else 2
        self._sources = {each["id"]: each["name"] for each in redash.call("GET", "data_sources")}
        self._keys: dict[tuple[str, int], str] = {}

    def read_dashboard(self, number: int) -> None:
        answer = self.redash.call("GET", f"dashboards/{number}")
        key = _key(answer["name"], self.export.dashboards)
        self.export.numbers[Address("dashboard", key)] = number
        widgets: list[dict[str, Any]] = []
        shown: set[str] = set()
        texts = 0
        for widget in sorted(answer["widgets"], key=_place):
            entry: dict[str, Any] = {"position": self._position(widget)}
            if widget.get("visualization"):
                name = self._visualization(widget["visualization"])
                query = self.export.queries[name.split(".")[0]]
                derived = mappings(each["name"] for each in query.get("parameters", ()))
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

    def _position(self, widget: Mapping[str, Any]) -> dict[str, int]:
        place = (widget.get("options") or {}).get("position") or {}
        return {
            "col": int(place.get("col") or 0) * self._scale,
            "row": int(place.get("row") or 0),
            "sizeX": int(place.get("sizeX") or 6) * self._scale,
            "sizeY": int(place.get("sizeY") or 8),
        }

    def _visualization(self, drawn: Mapping[str, Any]) -> str:
        self.read_query(drawn["query"]["id"])
        return self._keys["visualization", drawn["id"]]

    def read_query(self, number: int) -> str:
        """Takes a query along, with its visualizations and the lists of its parameters."""
        if ("query", number) in self._keys:
            return self._keys["query", number]
        answer = self.redash.call("GET", f"queries/{number}")
        key = self._keys["query", number] = _key(answer["name"], self.export.queries)
        self.export.queries[key] = {}  # the key is taken
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
            if key is not None:
                alerts = self.export.queries[key].setdefault("alerts", {})
                name = _key(alert["name"], alerts)
                options = {k: v for k, v in alert["options"].items() if k != "muted"}
                alerts[name] = _without_nothing(
                    name=alert["name"], options=options, rearm=alert.get("rearm")
                )
                self.export.numbers[Address("alert", f"{key}.{name}")] = alert["id"]


def _place(widget: Mapping[str, Any]) -> tuple[int, int]:
    place = (widget.get("options") or {}).get("position") or {}
    return int(place.get("row") or 0), int(place.get("col") or 0)


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return (one["type"], one["name"]) == (other["type"], other["name"])


def _without_nothing(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", [], {}, False)}


def _key(name: str, taken: Mapping[str, object]) -> str:
    """A name as a key of the declaration, unique among those that are taken."""
    base = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "unnamed"
    base = base if base[0].isalpha() else f"n_{base}"
    number, key = 1, base
    while key in taken:
        number += 1
        key = f"{base}_{number}"
    return key
