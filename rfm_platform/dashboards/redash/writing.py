"""Sending objects to Redash: each is noted as soon as it is sent, so that a run may die anywhere.

What is people's is sent back as it was: their tags, options that the declaration does not name.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from rfm_platform.dashboards.redash.ledger import Ledger
from rfm_platform.dashboards.redash.plan import Live, name_of_left
from rfm_platform.dashboards.redash.wanted import Address, Fields, is_ours
from rfm_platform.redash import NotThereError, Redash, RedashError


@dataclass(frozen=True)
class Source:
    """The data source that queries read which name none.

    Attributes:
        fields: as they are wanted; only the name, where the platform does not manage it.
        password: beside them, because Redash never shows it again.
    """

    fields: Fields
    password: str | None = None

    @property
    def name(self) -> str:
        return str(self.fields["name"])

    @property
    def is_managed(self) -> bool:
        return len(self.fields) > 1

    def payload(self) -> dict[str, Any]:
        """As Redash takes it, with the password."""
        options = {k: v for k, v in self.fields.items() if k not in ("name", "type")}
        if self.password is not None:
            options["password"] = self.password
        return {"name": self.name, "type": self.fields["type"], "options": options}


@dataclass
class Writer:
    """Sends objects in the order of a plan.

    Attributes:
        numbers: Redash's, of every object that is there or was sent.
        put_away: those that had left the declaration and were put away.
    """

    redash: Redash
    ledger: Ledger
    source: Source
    numbers: dict[Address, int]
    put_away: Collection[Address]
    _born: dict[Address, Mapping[str, Any]] = field(default_factory=dict)

    def send(self, address: Address, fields: Fields, live: Live | None) -> None:
        """Creates an object, or brings the one that is there to the wanted fields.

        Raises:
            ConflictError: somebody saved it since it was read.
        """
        send = {
            "data_source": self._send_source,
            "query": self._send_query,
            "visualization": self._send_visualization,
            "dashboard": self._send_dashboard,
            "widget": self._send_widget,
            "alert": self._send_alert,
        }[address.kind]
        send(address, fields, live.answer if live is not None else None)

    def note(self, address: Address, number: int, fields: Fields) -> None:
        """Remembers what an object is."""
        self.numbers[address] = number
        self.ledger.note(address, number, fields)

    def retire(self, address: Address, live: Live | None) -> None:
        """Puts away what has left the declaration, in a way that it can be taken back.

        Queries and dashboards are archived, without Redash's own archiving of a query, which
        deletes its widgets and alerts everywhere. Alerts are muted. A widget is taken off. A chart
        would be deleted from people's dashboards, too: its name says that it has left.
        """
        if live is not None:
            if address.kind in ("query", "dashboard"):
                path = {"query": "queries", "dashboard": "dashboards"}[address.kind]
                put_away = {"is_archived": True, "version": live.answer["version"]}
                if address.kind == "query":  # Redash would go on running it
                    put_away["schedule"] = None
                self._post(f"{path}/{live.id}", put_away)
            elif address.kind == "widget":
                with suppress(NotThereError):  # gone with what it showed
                    self.redash.call("DELETE", f"widgets/{live.id}")
            elif address.kind == "visualization":
                name = name_of_left(live.answer["name"])
                self._post(f"visualizations/{live.id}", {"name": name})
            elif address.kind == "alert":
                self._post(f"alerts/{live.id}/mute", {})
        self.ledger.leave(address)

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self.redash.call("POST", path, json=body)

    def _number(self, kind: str, key: str, by: Address) -> int:
        number = self.numbers.get(Address(kind, key))
        if number is None:
            hint = (
                "set RFM_REDASH_WAREHOUSE_URL to have it made"
                if (kind, key) == ("data_source", self.source.name)
                else "somebody removed it"
            )
            raise RedashError(
                f"{by.kind} {by.key} needs the {kind} {key!r}, which is not there: {hint}"
            )
        return number

    def _send_source(self, address: Address, fields: Fields, there: Any) -> None:
        if there is None:
            answer = self._post("data_sources", self.source.payload())
        else:
            answer = self._post(f"data_sources/{there['id']}", self.source.payload())
        self.note(address, answer["id"], fields)

    def _send_query(self, address: Address, fields: Fields, there: Any) -> None:
        options = (there or {}).get("options") or {}
        body = {
            "name": fields["name"],
            "description": fields["description"],
            "query": fields["query"],
            "data_source_id": self._number("data_source", fields["data_source"], address),
            "options": {
                **options,
                "parameters": [self._parameter(each, address) for each in fields["parameters"]],
                "apply_auto_limit": fields["apply_auto_limit"],
            },
            "tags": _with_theirs(there, fields["tags"]),
        }
        if "schedule" in fields:
            body["schedule"] = fields["schedule"]
        if there is None:
            there = self._post("queries", {"schedule": None, **body})
            self.note(address, there["id"], {**fields, "is_draft": True})
            for drawn in there["visualizations"]:  # Redash adds a table by itself
                self._born[Address(address.key, f"{drawn['type']} {drawn['name']}")] = drawn
        public = {"is_draft": False, "is_archived": False, "version": there["version"]}
        self._post(f"queries/{there['id']}", body | public)
        self.note(address, there["id"], fields)

    def _parameter(self, parameter: Mapping[str, Any], by: Address) -> dict[str, Any]:
        sent = dict(parameter)
        if "query" in sent:
            sent["queryId"] = self._number("query", sent.pop("query"), by)
        return sent

    def _send_visualization(self, address: Address, fields: Fields, there: Any) -> None:
        query = fields["query"]
        there = there or self._born.get(Address(query, f"{fields['type']} {fields['name']}"))
        body = {name: fields[name] for name in ("type", "name", "options")}
        if there is None:
            number = self._number("query", query, address)
            there = self._post("visualizations", {**body, "query_id": number, "description": ""})
        else:
            self._post(f"visualizations/{there['id']}", body)
        self.note(address, there["id"], fields)

    def _send_dashboard(self, address: Address, fields: Fields, there: Any) -> None:
        if there is None:
            there = self._post("dashboards", {"name": fields["name"]})
            self.note(address, there["id"], {**fields, "tags": [], "is_draft": True})
        body = {**fields, "tags": _with_theirs(there, fields["tags"]), "version": there["version"]}
        self._post(f"dashboards/{there['id']}", body)
        self.note(address, there["id"], fields)

    def _send_widget(self, address: Address, fields: Fields, there: Any) -> None:
        options = (there or {}).get("options") or {"isHidden": False}
        options = {
            **options,
            "parameterMappings": fields["parameters"],
            "position": {**(options.get("position") or _SIZES), **fields["position"]},
        }
        if there is None:
            shown = fields["visualization"]
            body = {
                "dashboard_id": self._number("dashboard", fields["dashboard"], address),
                "visualization_id": self._number("visualization", shown, address)
                if shown
                else None,
                "text": fields["text"],
                "width": 1,
                "options": options,
            }
            there = self._post("widgets", body)
        else:
            self._post(f"widgets/{there['id']}", {"text": fields["text"], "options": options})
        self.note(address, there["id"], fields)

    def _send_alert(self, address: Address, fields: Fields, there: Any) -> None:
        body = {
            "name": fields["name"],
            "query_id": self._number("query", fields["query"], address),
            "options": {**((there or {}).get("options") or {}), **fields["options"]},
            "rearm": fields["rearm"],
        }
        if address in self.put_away:
            body["options"] |= {"muted": False}
        if there is None:
            body["options"] = {"muted": False, **body["options"]}
            there = self._post("alerts", body)
        else:
            self._post(f"alerts/{there['id']}", body)
        self.note(address, there["id"], fields)


_SIZES = {"autoHeight": False, "minSizeX": 1, "maxSizeX": 12, "minSizeY": 1, "maxSizeY": 1000}


def _with_theirs(there: Mapping[str, Any] | None, ours: list[str]) -> list[str]:
    """Our tags after those that people gave; a copy has those of its origin."""
    theirs = [tag for tag in (there or {}).get("tags") or () if not is_ours(tag)]
    return [*theirs, *ours]
