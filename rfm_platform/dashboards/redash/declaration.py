"""What is wanted in Redash: directories of YAML files with each query's SQL beside them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

from rfm_platform.dashboards.redash.filled import DEFAULTS, filled, unknown_in
from rfm_platform.errors import PlatformError
from rfm_platform.yaml_file import as_model, read_yaml

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class DeclarationError(PlatformError):
    """A declaration that cannot be used: which file, what, where."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Visualization(_Model):
    """A way to draw a query's result; type and options are Redash's own."""

    type: str
    name: str
    options: dict[str, Any] = {}


class Alert(_Model):
    """When Redash tells its subscribers; `options` has at least column, op and value."""

    name: str
    options: dict[str, Any]
    rearm: int | None = None


class Query(_Model):
    """A saved query.

    Attributes:
        data_source: its name; None: the warehouse.
        parameters: as Redash has them, but `query` (a key) in the place of `queryId`.
        apply_auto_limit: whether Redash shortens results.
        schedule: as Redash has it; None: whoever set one in Redash decides.
        sql: its text, from the file beside, with the settings that it names.
    """

    name: str
    description: str = ""
    data_source: str | None = None
    parameters: list[dict[str, Any]] = []
    apply_auto_limit: bool = False
    schedule: dict[str, Any] | None = None
    visualizations: dict[Key, Visualization] = {}
    alerts: dict[Key, Alert] = {}
    sql: str = ""

    @property
    def lists(self) -> list[str]:
        """The queries whose results its parameters offer."""
        return [parameter["query"] for parameter in self.parameters if "query" in parameter]

    @property
    def defaults(self) -> dict[str, str]:
        """Each parameter's value when nobody has chosen another."""
        return {each["name"]: str(each.get("value", "")) for each in self.parameters}


class Position(_Model):
    """Place and size on the dashboard's grid of 12 columns."""

    col: int = Field(ge=0, lt=12)
    row: int = Field(ge=0)
    sizeX: int = Field(ge=1, le=12)  # noqa: N815 - Redash's own name, as in YAML
    sizeY: int = Field(ge=1)  # noqa: N815 - likewise


class Widget(_Model):
    """A visualization (`query.visualization`) or a text on a dashboard.

    Attributes:
        parameters: where each parameter's value comes from, as Redash has it; None: from the
            dashboard's control of the same name.
    """

    visualization: str | None = None
    text: str = ""
    position: Position
    parameters: dict[str, dict[str, Any]] | None = None


class Dashboard(_Model):
    """Widgets under a name."""

    name: str
    widgets: list[Widget] = []


class _File(_Model):
    definitions: Any = None  # for YAML's anchors
    queries: dict[Key, Query] = {}
    dashboards: dict[Key, Dashboard] = {}


@dataclass(frozen=True)
class Declaration:
    """Everything wanted: queries in an order in which lists come before those who offer them."""

    queries: Mapping[str, Query]
    dashboards: Mapping[str, Dashboard]


def load_declaration(own: Path | None = None, values: Mapping[str, str] = DEFAULTS) -> Declaration:
    """The declaration that comes along with the platform, and one's own.

    Args:
        own: a directory; what it declares takes the place of ours with the same key.
        values: of the variables that queries name (see `filled`).

    Raises:
        DeclarationError: with everything that is wrong with it.
    """
    queries, dashboards = _read_all(resources.files(__package__))
    if own is not None:
        own_queries, own_dashboards = _read_all(own)
        queries |= own_queries
        dashboards |= own_dashboards
    unknown = (
        f"{k}: there is no {v}" for k, q in queries.items() for v in unknown_in(q.sql, values)
    )
    _refuse(own or "the dashboards that come along", [*unknown, *_problems(queries, dashboards)])
    queries = {
        key: query.model_copy(update={"sql": filled(query.sql, values)})
        for key, query in queries.items()
    }
    return Declaration(_lists_first(queries), dashboards)


def _refuse(place: object, problems: Iterable[str]) -> None:
    if found := list(problems):
        raise DeclarationError(f"{place}: {'; '.join(found)}")


def _read_all(place: Path | Traversable) -> tuple[dict[str, Query], dict[str, Dashboard]]:
    try:
        files = sorted(
            (file for file in place.iterdir() if file.name.endswith(".yaml")),
            key=lambda file: file.name,
        )
    except OSError as error:
        raise DeclarationError(f"{place}: {error.strerror}") from None
    if not files:
        raise DeclarationError(f"{place} holds no .yaml file")
    queries: dict[str, Query] = {}
    dashboards: dict[str, Dashboard] = {}
    problems = []
    for file in files:
        content = _read(file)
        twice = (queries.keys() & content.queries) | (dashboards.keys() & content.dashboards)
        problems += [f"{file.name}: {key} is there twice" for key in sorted(twice)]
        dashboards |= content.dashboards
        for key, query in content.queries.items():
            text = place / f"{key}.sql"
            if text.is_file():
                sql = text.read_text(encoding="utf-8").rstrip("\n")
                queries[key] = query.model_copy(update={"sql": sql})
            else:
                problems.append(f"{file.name}: {key} has no {key}.sql beside it")
    _refuse(place, problems)
    return queries, dashboards


def _read(file: Path | Traversable) -> _File:
    return as_model(read_yaml(file, DeclarationError) or {}, _File, file, DeclarationError)


def _problems(queries: Mapping[str, Query], dashboards: Mapping[str, Dashboard]) -> Iterable[str]:
    for key, query in queries.items():
        yield from (f"{key}: {problem}" for problem in _query_problems(query, queries))
    drawn = {f"{key}.{name}" for key, query in queries.items() for name in query.visualizations}
    for key, dashboard in dashboards.items():
        yield from (f"{key}: {problem}" for problem in _dashboard_problems(dashboard, drawn))


def _query_problems(query: Query, queries: Mapping[str, Query]) -> Iterable[str]:
    for name in query.lists:
        if name not in queries:
            yield f"a parameter offers {name}, which is no query here"
        elif queries[name].lists:
            yield f"a parameter offers {name}, which has a list of its own"
    if not all(parameter.get("name") and parameter.get("type") for parameter in query.parameters):
        yield "a parameter has no name or no type"
    if _recurs((each.type, each.name) for each in query.visualizations.values()):
        yield "two visualizations have one type and one name"
    if _recurs(alert.name for alert in query.alerts.values()):
        yield "two alerts have one name"


def _dashboard_problems(dashboard: Dashboard, drawn: Collection[str]) -> Iterable[str]:
    if _recurs(widget.visualization for widget in dashboard.widgets if widget.visualization):
        yield "a visualization is there twice"
    for widget in dashboard.widgets:
        if (widget.visualization is None) != bool(widget.text):
            yield "a widget is a visualization or a text"
        elif widget.visualization and widget.visualization not in drawn:
            yield f"{widget.visualization} is no visualization of a query here"


def _recurs(names: Iterable[object]) -> bool:
    listed = list(names)
    return len(set(listed)) < len(listed)


def _lists_first(queries: Mapping[str, Query]) -> dict[str, Query]:
    lists = {name for query in queries.values() for name in query.lists}
    return dict(sorted(queries.items(), key=lambda item: (item[0] not in lists, item[0])))
