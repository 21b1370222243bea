"""What a person's click asks of Dagster's web server: its GraphQL, over HTTP."""

import datetime as dt
import json
import urllib.request
from typing import Any

from rfm_platform.partitions import LateChanges

_LAUNCH = """
mutation Launch($parameters: ExecutionParams!) {
  launchRun(executionParams: $parameters) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
_RUNS = "{ runsOrError { ... on Runs { results { runId status rootRunId tags { key value } } } } }"


def _ask(address: str, query: str, **variables: Any) -> dict[str, Any]:
    # S310 warns of schemes like file:, but the address is a test's own, http on this machine.
    request = urllib.request.Request(  # noqa: S310
        f"{address}/graphql",
        json.dumps({"query": query, "variables": variables}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        data: dict[str, Any] = json.load(answer)["data"]
        return data


def launch_daily(address: str, location: str, on: dt.date) -> str:
    """Asks for the daily run of a day; its id.

    Raises:
        KeyError: not now: the code server is away.
        OSError: the web server does not answer.
    """
    parameters = {
        "selector": {
            "repositoryLocationName": location,
            "repositoryName": "__repository__",
            "jobName": "daily",
        },
        "runConfigData": json.dumps(LateChanges.WINDOW.config),
        "executionMetadata": {"tags": [{"key": "dagster/partition", "value": str(on)}]},
    }
    return str(_ask(address, _LAUNCH, parameters=parameters)["launchRun"]["run"]["runId"])


def runs(address: str) -> list[dict[str, Any]]:
    """All runs, newest first.

    Raises:
        OSError: the web server does not answer.
    """
    results: list[dict[str, Any]] = _ask(address, _RUNS)["runsOrError"]["results"]
    return results
