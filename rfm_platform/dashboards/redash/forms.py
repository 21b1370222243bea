"""Redash's answers in the form in which objects are wanted: fields, and keys instead of numbers."""

from collections.abc import Mapping
from typing import Any

from rfm_platform.dashboards.redash.wanted import Fields, is_ours, plain, whole_schedule

Answer = Mapping[str, Any]


class Forms:
    """The forms of one server's objects; what they refer to has to be named first."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, int], str] = {}

    def name(self, kind: str, number: int, key: str) -> None:
        """Says which key an object of the server has."""
        self._keys[kind, number] = key

    def _name_of(self, kind: str, number: int | None) -> str | int | None:
        return None if number is None else self._keys.get((kind, number), number)

    def query(self, answer: Answer) -> Fields:
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
            "schedule": whole_schedule(answer.get("schedule")),
        }

    def _parameter(self, parameter: Answer) -> dict[str, Any]:
        fields = plain(parameter)
        if "queryId" in fields:
            fields["query"] = self._name_of("query", fields.pop("queryId"))
        return fields

    @staticmethod
    def visualization(query: str, answer: Answer) -> Fields:
        return {
            "query": query,
            "type": answer["type"],
            "name": answer["name"],
            "options": answer["options"],
        }

    @staticmethod
    def dashboard(answer: Answer) -> Fields:
        return {
            "name": answer["name"],
            "tags": _ours(answer),
            "is_draft": answer["is_draft"],
            "is_archived": answer["is_archived"],
        }

    def widget(self, dashboard: str, answer: Answer) -> Fields:
        options = answer.get("options") or {}
        position = options.get("position") or {}
        drawn = answer.get("visualization")
        return {
            "dashboard": dashboard,
            "visualization": self._name_of("visualization", drawn["id"] if drawn else None),
            "text": answer.get("text") or "",
            "position": {name: position.get(name) for name in ("col", "row", "sizeX", "sizeY")},
            "parameters": options.get("parameterMappings") or {},
        }

    def alert(self, answer: Answer) -> Fields:
        # Whether it is muted is people's.
        options = {name: value for name, value in answer["options"].items() if name != "muted"}
        return {
            "query": self._name_of("query", answer["query"]["id"]),
            "name": answer["name"],
            "options": options,
            "rearm": answer.get("rearm"),
        }


def _ours(answer: Answer) -> list[str]:
    """The tags that are managed; people may have given others."""
    return sorted(filter(is_ours, answer.get("tags") or ()))
