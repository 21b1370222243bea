"""A stand-in for Redash, a small declaration, and the real one over published tables."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rfm_platform.dashboards.redash.declaration import Alert as DeclaredAlert
from rfm_platform.dashboards.redash.declaration import Dashboard as DeclaredDashboard
from rfm_platform.dashboards.redash.declaration import (
    Declaration,
    Position,
    Query,
    Visualization,
    Widget,
    load_declaration,
)
from rfm_platform.dashboards.redash.ledger import Ledger
from rfm_platform.dashboards.redash.provision import Provisioner
from rfm_platform.dashboards.redash.writing import Source
from rfm_platform.postgres import Database
from rfm_platform.redash import Redash
from rfm_platform.warehouse import Warehouse
from rfm_platform_tests.dashboards.conftest import Reported
from rfm_platform_tests.dashboards.redash.stand_in import stand_in
from rfm_platform_tests.dashboards.redash.state import StandIn, Thing
from rfm_platform_tests.redash_http import API_KEY

SOURCE = "rfm_platform warehouse"
HOURLY = {"interval": 3600, "time": None, "day_of_week": None, "until": None}
PLACE = {"col": 0, "row": 0, "sizeX": 6, "sizeY": 4}
Provision = Callable[..., Provisioner]


@pytest.fixture
def server_of_redash() -> Iterator[StandIn]:
    """A stand-in, empty and well."""
    with stand_in() as server:
        yield server


@pytest.fixture
def small() -> Declaration:
    """Every kind of object, once or twice, over queries that need no table."""
    return small_declaration()


def small_declaration(**changed: Any) -> Declaration:
    """The small declaration, with other fields of its query `counts`."""
    lists = Query(name="Letters", sql="SELECT 'a' AS value UNION ALL SELECT 'b' ORDER BY 1")
    fields: dict[str, Any] = {
        "name": "Counts",
        "sql": "SELECT 'x {{ letter }}' AS stage1, 'y' AS stage2, 3 AS value",
        "parameters": [{"name": "letter", "type": "query", "query": "letters", "value": "a"}],
        "visualizations": {
            "table": Visualization(type="TABLE", name="Table"),
            "flow": Visualization(type="SANKEY", name="Flow"),
        },
        "alerts": {"many": DeclaredAlert(name="Many", options={"column": "value", "op": ">"})},
    }
    widgets = [
        Widget(visualization="counts.flow", position=Position(col=0, row=0, sizeX=6, sizeY=8)),
        Widget(text="What this is", position=Position(col=6, row=0, sizeX=6, sizeY=2)),
    ]
    return Declaration(
        {"letters": lists, "counts": Query(**{**fields, **changed})},
        {"board": DeclaredDashboard(name="Board", widgets=widgets)},
    )


def source_of(database: Database, password: str | None = None) -> Source:
    """The data source of a database, as it is wanted."""
    info = database.conninfo()
    fields = {"name": SOURCE, "type": "pg", **{k: info[k] for k in ("host", "port", "user")}}
    return Source({**fields, "dbname": info["dbname"]}, password)


@pytest.fixture
def provision(server_of_redash: StandIn, warehouse: Database) -> Provision:
    """Makes a provisioner of a declaration for the stand-in, over an empty warehouse."""

    def make(declaration: Declaration, **redash: Any) -> Provisioner:
        return Provisioner(
            Redash(server_of_redash.url, API_KEY, **redash),
            Ledger(Warehouse(warehouse), server_of_redash.url, "Asia/Jakarta"),
            declaration,
            source_of(warehouse),
        )

    return make


@pytest.fixture
def handmade(server_of_redash: StandIn, provision: Provision, small: Declaration) -> Thing:
    """A dashboard of somebody's: a query with a list, two charts, an alert, a text."""
    add = server_of_redash.add
    payload = provision(small).source.payload()
    payload["options"]["password"] = "a secret"  # noqa: S105 - of nothing
    source = add("data_sources", **payload)["id"]
    made = {"data_source_id": source, "is_draft": False, "api_key": "another secret"}
    lists = add("queries", name="2 letters", query="SELECT 'a' AS value", options={}, **made)
    parameters = [
        {"name": "letter", "title": "L", "type": "query", "queryId": lists["id"], "value": "a",
         "enumOptions": None, "locals": [], "global": False},
    ]  # fmt: skip
    query = add(
        "queries",
        name="Größe & Co",
        query="SELECT '{{ letter }}' AS name, 1 AS number",
        options={"parameters": parameters, "apply_auto_limit": True},
        schedule={"interval": 3600},
        **made,
    )
    charts = [
        add(
            "visualizations",
            query_id=query["id"],
            type=kind,
            name="Chart",
            description="",
            options=o,
        )
        for kind, o in (("TABLE", {}), ("CHART", {"columnMapping": {"name": "x", "number": "y"}}))
    ]
    add(
        "alerts",
        name="Few",
        query_id=query["id"],
        rearm=60,
        options={"column": "number", "op": "<", "value": 1, "muted": True},
    )
    board = add("dashboards", name="Theirs", is_draft=False, tags=["sales"])
    mapping = {
        "letter": {"name": "letter", "type": "static-value", "value": "a", "mapTo": "letter"}
    }
    for number, chart in enumerate(charts):
        options = {"position": {**PLACE, "col": 6 * number}, "parameterMappings": mapping}
        add(
            "widgets",
            dashboard_id=board["id"],
            visualization_id=chart["id"],
            text="",
            options=options,
        )
    add(
        "widgets",
        dashboard_id=board["id"],
        visualization_id=None,
        text="# Title",
        options={"position": {**PLACE, "row": 9}},
    )
    return board


@pytest.fixture
def ours(server_of_redash: StandIn, reported: Reported) -> Provisioner:
    """The declaration that comes along, over published tables."""
    return Provisioner(
        Redash(server_of_redash.url, API_KEY),
        Ledger(reported.chain.platform.warehouse, server_of_redash.url, "Asia/Jakarta"),
        load_declaration(),
        source_of(reported.chain.warehouse),
    )


def write(directory: Path, **files: str) -> Path:
    """Writes files, `name_yaml` as name.yaml."""
    for name, text in files.items():
        stem, _, kind = name.rpartition("_")
        (directory / f"{stem}.{kind}").write_text(text, encoding="utf-8")
    return directory
