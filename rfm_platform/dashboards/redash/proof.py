"""Whether Redash shows what the warehouse holds: its own results, value by value."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from psycopg.rows import dict_row

from rfm_platform.dashboards.redash.declaration import Query, Visualization
from rfm_platform.dashboards.redash.drawn import cohort_rows, sankey_flows
from rfm_platform.dashboards.redash.shapes import shape_problems
from rfm_platform.postgres import Database
from rfm_platform.redash import Redash, RedashError

State = Literal["equal", "differs", "not compared"]


@dataclass(frozen=True)
class Result:
    """Columns and rows of a query, as JSON holds them."""

    columns: list[str]
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class Proof:
    """What was found of one query."""

    query: str
    state: State
    rows: int
    text: str


def read_result(database: Database, query: Query, seconds: int) -> Result:
    """What a query gives in the warehouse, with the values that its parameters begin with.

    Raises:
        DatabaseError: the query fails there, or takes longer.
    """
    text = re.sub(
        r"\{\{\s*(\w+)\s*\}\}", lambda found: str(query.defaults.get(found[1], "")), query.sql
    )
    with (
        database.connect(read_only=True, statement_timeout_seconds=seconds) as connection,
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        cursor.execute(text.encode())
        columns = [column.name for column in cursor.description or ()]
        rows = [{name: _as_json(value) for name, value in row.items()} for row in cursor]
    return Result(columns, rows)


def _as_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(timespec="milliseconds" if value.microsecond else "auto")
    return value.isoformat() if isinstance(value, dt.date) else value


def problems_of(query: Query, result: Result) -> list[str]:
    """Why one of a query's visualizations would show blanks or wrong numbers."""
    return [
        f"{drawn.name}: {problem}"
        for drawn in query.visualizations.values()
        for problem in shape_problems(drawn.type, drawn.options, result.columns, result.rows)
    ]


def prove_query(
    redash: Redash, number: int, key: str, query: Query, database: Database | None
) -> Proof:
    """Has Redash run a query and compares.

    Args:
        number: Redash's.
        database: what the query reads; None: another data source, so that only its shape is known.
    """
    seconds = int(redash.job_seconds)
    try:
        there = _shown(redash, number, query)
        if database is None:
            problems = problems_of(query, there)
            said = "; ".join(problems) or "It reads another data source."
            state: State = "differs" if problems else "not compared"
            return Proof(key, state, len(there.rows), said)
        here = read_result(database, query, seconds)
        if _difference(there, here):
            # Something may have been published between the two: once more.
            there, here = _shown(redash, number, query), read_result(database, query, seconds)
    except RedashError as error:
        return Proof(key, "differs", 0, str(error))
    text = _difference(there, here)
    problems = [text] if text else problems_of(query, there)
    problems += [
        f"{drawn.name}: {problem}"
        for drawn in query.visualizations.values()
        if (problem := _drawn_differs(drawn, there, here))
    ]
    return Proof(
        key,
        "differs" if problems else "equal",
        len(here.rows),
        "; ".join(problems) or f"Redash shows the warehouse's {len(here.rows)} rows.",
    )


def _shown(redash: Redash, number: int, query: Query) -> Result:
    data = redash.result(redash.run(number, query.defaults))
    return Result([column["name"] for column in data["columns"]], data["rows"])


def _difference(there: Result, here: Result) -> str | None:
    if there.columns != here.columns:
        return f"Redash has the columns {there.columns}, the warehouse {here.columns}"
    if len(there.rows) != len(here.rows):
        return f"Redash has {len(there.rows)} rows, the warehouse {len(here.rows)}"
    for number, (shown, held) in enumerate(zip(there.rows, here.rows, strict=True), start=1):
        for name in here.columns:
            if shown.get(name) != held[name]:
                return (
                    f"row {number}, {name}: Redash has {shown.get(name)!r}, the warehouse "
                    f"{held[name]!r}"
                )
    return None


def _drawn_differs(drawn: Visualization, there: Result, here: Result) -> str | None:
    """Whether the totals that a chart draws are the table's."""
    if drawn.type == "SANKEY":
        total = sum(row["value"] for row in here.rows)
        stages = len(here.columns) - 1
        flows = sankey_flows(there.columns, there.rows)
        for stage in range(1, stages):
            shown = sum(flow.value for flow in flows if flow.stage == stage)
            if shown != total:
                return (
                    f"draws {shown} between stages {stage} and {stage + 1}, the table has {total}"
                )
    if drawn.type == "COHORT":
        names = drawn.options
        sizes = {row[names["dateColumn"]]: row[names["totalColumn"]] for row in here.rows}
        cells = {
            (row[names["dateColumn"]], row[names["stageColumn"]]): row[names["valueColumn"]]
            for row in here.rows
        }
        rows = cohort_rows(there.rows, names)
        shown_sizes = sum(row.total for row in rows)
        shown_values = sum(value or 0 for row in rows for value in row.values)
        if (shown_sizes, shown_values) != (sum(sizes.values()), sum(cells.values())):
            return (
                f"draws cohorts of {shown_sizes} and cells of {shown_values}, the table has "
                f"{sum(sizes.values())} and {sum(cells.values())}"
            )
    return None


def counts(proofs: list[Proof]) -> Mapping[str, int]:
    """How many are in each state."""
    return {
        state: sum(proof.state == state for proof in proofs)
        for state in ("equal", "differs", "not compared")
    }
