"""The stand-in's answers, path by path."""

import datetime as dt
import re
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row

from rfm_platform_tests.dashboards.redash.state import ME, StandIn, Thing
from rfm_platform_tests.redash_http import Answer, Asked

MASK = "--------"


def route(server: StandIn, method: str, words: list[str], asked: Asked, body: Any) -> Any:
    if words == ["session"]:
        return {"user": {"id": ME}, "client_config": {"version": server.version}}
    routes = {
        "data_sources": _data_sources,
        "queries": _queries,
        "jobs": _jobs,
        "query_results": _results,
        "visualizations": _visualizations,
        "dashboards": _dashboards,
        "widgets": _widgets,
        "alerts": _alerts,
    }
    if words[0] not in routes:
        raise Answer(404, {"message": "Not found"})
    return routes[words[0]](server, method, words[1:], asked, body)


def _get(server: StandIn, kind: str, number: str) -> Thing:
    thing = server.of(kind).get(int(number))
    if thing is None:
        raise Answer(404, {"message": "Not found"})
    return thing


def _page(things: list[Thing], asked: Asked) -> Thing:
    size, page = int(asked.get("page_size", ["25"])[0]), int(asked.get("page", ["1"])[0])
    if not 1 <= size <= 250:
        raise Answer(400, {"message": "Page size is out of range (1-250)."})
    tags = set(asked.get("tags", ()))
    found = [
        thing
        for thing in things
        if not thing["is_archived"]
        and (not thing["is_draft"] or thing["user_id"] == ME)
        and tags <= set(thing["tags"])
    ]
    chosen = found[(page - 1) * size : page * size]
    # A list does not hold everything of an object.
    short = [{k: v for k, v in thing.items() if k != "options"} for thing in chosen]
    return {"count": len(found), "page": page, "page_size": size, "results": short}


def _update(thing: Thing, body: Thing) -> None:
    if "version" in body and body["version"] != thing["version"]:
        raise Answer(409, {"message": "Conflict"})
    thing.update({k: v for k, v in body.items() if k not in ("id", "version", "user_id")})
    thing["version"] += 1


def _data_sources(server: StandIn, method: str, words: list[str], asked: Asked, body: Any) -> Any:
    sources = server.of("data_sources")
    if not words:
        if method == "GET":
            return [{k: s[k] for k in ("id", "name", "type")} for s in sources.values()]
        return {"id": server.add("data_sources", **body)["id"]}
    source = _get(server, "data_sources", words[0])
    if words[1:] == ["test"]:
        try:
            psycopg.connect(**_conninfo(source)).close()
        except psycopg.Error as error:
            return {"ok": False, "message": str(error).splitlines()[0]}
        return {"ok": True, "message": "success"}
    if method == "POST":
        options = {**source["options"], **body["options"]}
        if body["options"].get("password") == MASK:
            options["password"] = source["options"].get("password")
        source.update(name=body["name"], type=body["type"], options=options)
    shown = {**source["options"], **({"password": MASK} if "password" in source["options"] else {})}
    return {**source, "options": shown}


def _conninfo(source: Thing) -> Thing:
    return {"connect_timeout": 5, **{k: v for k, v in source["options"].items() if v is not None}}


def _queries(server: StandIn, method: str, words: list[str], asked: Asked, body: Any) -> Any:
    if not words:
        if method == "GET":
            return _page(list(server.of("queries").values()), asked)
        body.pop("is_draft", None)
        _get(server, "data_sources", str(body["data_source_id"]))
        query = server.add("queries", **body)
        _born(server, query["id"], "TABLE", "Table", {})
        return _whole_query(server, query)
    query = _get(server, "queries", words[0])
    if words[1:] == ["results"]:
        return {"job": _begin(server, query, body.get("parameters") or {})}
    if method == "POST":
        _update(query, body)
    if method == "DELETE":  # archives it, and takes it off every dashboard
        query["is_archived"] = True
        drawn = {v["id"] for v in _drawn(server, query["id"])}
        for number, widget in list(server.of("widgets").items()):
            if widget["visualization_id"] in drawn:
                del server.of("widgets")[number]
        for number, alert in list(server.of("alerts").items()):
            if alert["query_id"] == query["id"]:
                del server.of("alerts")[number]
        return None
    return _whole_query(server, query)


def _born(server: StandIn, query: int, kind: str, name: str, options: Any) -> Thing:
    return server.add(
        "visualizations", query_id=query, type=kind, name=name, description="", options=options
    )


def _drawn(server: StandIn, query: int) -> list[Thing]:
    return [v for v in server.of("visualizations").values() if v["query_id"] == query]


def _whole_query(server: StandIn, query: Thing) -> Thing:
    return {**query, "visualizations": _drawn(server, query["id"])}


def _begin(server: StandIn, query: Thing, values: Thing) -> Thing:
    names = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", query["query"]))
    if names - values.keys():
        missing = ", ".join(sorted(names - values.keys()))
        raise Answer(
            400, {"job": {"status": 4, "error": f"Missing parameter value for: {missing}"}}
        )
    for parameter in (query.get("options") or {}).get("parameters", ()):
        value = values.get(parameter["name"])
        if parameter["type"] == "query" and value is not None:
            listed = server.results.get(server.of("queries")[parameter["queryId"]].get("latest", 0))
            if listed is None or value not in [str(row["value"]) for row in listed["rows"]]:
                raise Answer(400, {"message": f"incompatible values: {parameter['name']}"})
    number = next(server.numbers)
    job = {"id": f"job-{number}", "status": 1, "query": query["id"], "values": values}
    server.jobs[job["id"]] = job
    return {"id": job["id"], "status": 1}


def _jobs(server: StandIn, method: str, words: list[str], asked: Asked, body: Any) -> Any:
    job = server.jobs[words[0]]  # an unknown one is a 500
    if method == "DELETE":
        server.cancelled.append(job["id"])
        job["status"] = 5
        return None
    if server.has_worker and job["status"] == 1:
        _execute(server, job)
    return {"job": {k: v for k, v in job.items() if k not in ("query", "values")}}


def _execute(server: StandIn, job: Thing) -> None:
    query = server.of("queries")[job["query"]]
    text = re.sub(
        r"\{\{\s*(\w+)\s*\}\}", lambda found: str(job["values"][found[1]]), query["query"]
    )
    source = server.of("data_sources")[query["data_source_id"]]
    try:
        with psycopg.connect(**_conninfo(source), row_factory=dict_row) as connection:
            cursor = connection.execute(text.encode())
            columns = [{"name": c.name, "type": "string"} for c in cursor.description or ()]
            rows = [{k: _as_json(v) for k, v in row.items()} for row in cursor]
    except psycopg.Error as error:
        job |= {"status": 4, "error": str(error).splitlines()[0]}
        return
    number = next(server.numbers)
    server.results[number] = {"columns": columns, "rows": rows}
    query["latest"] = number
    job |= {"status": 3, "query_result_id": number}


def _as_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, (dt.date, dt.datetime)) else value


def _results(server: StandIn, method: str, words: list[str], asked: Asked, body: Any) -> Any:
    result = server.results[int(words[0])]
    data = {**result, "rows": server.distort([dict(row) for row in result["rows"]])}
    return {"query_result": {"id": int(words[0]), "data": data}}


def _visualizations(server: StandIn, method: str, words: list[str], asked: Asked, body: Any) -> Any:
    if not words:
        return server.add("visualizations", **body)
    drawn = _get(server, "visualizations", words[0])
    if method == "DELETE":
        del server.of("visualizations")[drawn["id"]]
        for number, widget in list(server.of("widgets").items()):
            if widget["visualization_id"] == drawn["id"]:
                del server.of("widgets")[number]
        return None
    drawn.update({k: v for k, v in body.items() if k not in ("id", "query_id")})
    return drawn


def _dashboards(server: StandIn, method: str, words: list[str], asked: Asked, body: Any) -> Any:
    if words in ([], ["my"]):
        if method == "GET":
            return _page(list(server.of("dashboards").values()), asked)
        return server.add("dashboards", name=body["name"])  # it takes nothing else
    dashboard = _get(server, "dashboards", words[0])
    if method == "POST":
        _update(dashboard, body)
    if method == "DELETE":
        dashboard["is_archived"] = True
    widgets = [w for w in server.of("widgets").values() if w["dashboard_id"] == dashboard["id"]]
    return {**dashboard, "widgets": [_whole_widget(server, widget) for widget in widgets]}


def _whole_widget(server: StandIn, widget: Thing) -> Thing:
    number = widget["visualization_id"]
    if number is None:
        return widget
    drawn = server.of("visualizations")[number]
    query = server.of("queries")[drawn["query_id"]]
    return {**widget, "visualization": {**drawn, "query": query}}


def _widgets(server: StandIn, method: str, words: list[str], asked: Asked, body: Any) -> Any:
    if not words:
        return _whole_widget(server, server.add("widgets", **body))
    widget = _get(server, "widgets", words[0])
    if method == "DELETE":
        del server.of("widgets")[widget["id"]]
        return None
    widget.update(text=body["text"], options=body["options"])  # and nothing else
    return _whole_widget(server, widget)


def _alerts(server: StandIn, method: str, words: list[str], asked: Asked, body: Any) -> Any:
    def shown(alert: Thing) -> Thing:
        return {**alert, "query": server.of("queries")[alert["query_id"]]}

    if not words:
        if method == "GET":
            return [shown(alert) for alert in server.of("alerts").values()]
        return shown(server.add("alerts", **body))
    alert = _get(server, "alerts", words[0])
    if words[1:] == ["mute"]:
        alert["options"] = {**alert["options"], "muted": True}
        return None
    alert.update({k: v for k, v in body.items() if k in ("name", "query_id", "options", "rearm")})
    return shown(alert)
