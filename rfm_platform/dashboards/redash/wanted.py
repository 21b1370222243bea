"""The declaration in the form in which it is compared with what Redash holds.

An object is its kind, its key and the fields that are managed. It refers to others by their keys,
because ids are a server's own. Everything that is not among the fields is people's: favourites,
permissions, further tags, schedules that are not declared, whether an alert is muted.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from rfm_platform.dashboards.redash.declaration import Dashboard, Declaration, Position, Query

TAG = "rfm_platform"  # of every query and dashboard that is managed here
NEW_GRID = (25, 8)  # since this release a dashboard has 12 columns, before it 6
_SCHEDULE = ("interval", "time", "day_of_week", "until")
Fields = dict[str, Any]


class Address(NamedTuple):
    """Which object: its kind and its key, unique within the kind."""

    kind: str
    key: str


def marker(key: str) -> str:
    """The tag that says which object of the declaration a query or dashboard is."""
    return f"{TAG}:{key}"


def is_ours(tag: str) -> bool:
    """Whether a tag is one of those by which objects are managed."""
    return tag == TAG or tag.startswith(marker(""))


def wanted_objects(
    declaration: Declaration, source: Fields, release: tuple[int, ...]
) -> dict[Address, Fields]:
    """Every object that is declared, those first that others refer to.

    Args:
        source: the data source of queries that name none; only its name where it is not managed.
        release: the server's, because older ones have another grid.
    """
    objects: dict[Address, Fields] = {}
    if len(source) > 1:
        objects[Address("data_source", source["name"])] = source
    for key, query in declaration.queries.items():
        objects[Address("query", key)] = _query(key, query, source["name"])
    for key, query in declaration.queries.items():
        for name, each in query.visualizations.items():
            objects[Address("visualization", f"{key}.{name}")] = {
                "query": key,
                "type": each.type,
                "name": each.name,
                "options": each.options,
            }
    for key, dashboard in declaration.dashboards.items():
        objects[Address("dashboard", key)] = {
            "name": dashboard.name,
            "tags": [TAG, marker(key)],
            "is_draft": False,
            "is_archived": False,
        }
    for key, dashboard in declaration.dashboards.items():
        objects |= _widgets(key, dashboard, declaration.queries, release)
    for key, query in declaration.queries.items():
        for name, alert in query.alerts.items():
            objects[Address("alert", f"{key}.{name}")] = {
                "query": key,
                "name": alert.name,
                "options": alert.options,
                "rearm": alert.rearm,
            }
    return objects


def _query(key: str, query: Query, source: str) -> Fields:
    fields: Fields = {
        "name": query.name,
        "description": query.description,
        "query": query.sql,
        "data_source": query.data_source or source,
        "parameters": [plain(parameter) for parameter in query.parameters],
        "apply_auto_limit": query.apply_auto_limit,
        "tags": [TAG, marker(key)],
        "is_draft": False,
        "is_archived": False,
    }
    if query.schedule is not None:
        fields["schedule"] = whole_schedule(query.schedule)
    return fields


def _widgets(
    key: str, dashboard: Dashboard, queries: Mapping[str, Query], release: tuple[int, ...]
) -> dict[Address, Fields]:
    objects = {}
    texts = 0
    for widget in dashboard.widgets:
        if widget.visualization:
            name = widget.visualization
            derived = mappings(queries[name.split(".")[0]].defaults)
        else:
            texts += 1
            name, derived = f"text_{texts}", {}
        objects[Address("widget", f"{key}/{name}")] = {
            "dashboard": key,
            "visualization": widget.visualization,
            "text": widget.text,
            "position": _on_grid(widget.position, release),
            "parameters": derived if widget.parameters is None else widget.parameters,
        }
    return objects


def _on_grid(position: Position, release: tuple[int, ...]) -> dict[str, int]:
    place = position.model_dump()
    if release < NEW_GRID:
        place |= {"col": place["col"] // 2, "sizeX": max(1, place["sizeX"] // 2)}
    return place


def mappings(parameters: Iterable[str]) -> dict[str, dict[str, Any]]:
    """One control on the dashboard for all widgets that have a parameter of that name."""
    return {
        name: {"name": name, "type": "dashboard-level", "mapTo": name, "value": None, "title": ""}
        for name in parameters
    }


def plain(parameter: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter without what says nothing, and without what Redash's editor keeps for itself."""
    return {
        key: value
        for key, value in parameter.items()
        if value not in (None, [], False) and key != "parentQueryId"
    }


def whole_schedule(schedule: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A schedule with what it says nothing about as null: Redash switches off what lacks one."""
    return {**dict.fromkeys(_SCHEDULE), **schedule} if schedule else None
