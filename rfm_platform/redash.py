"""Redash's REST API: calls that say what an answer means, pages, and queries run to their end.

Redash answers 404 to a wrong key, leaves a job queued for ever where no worker runs, and lists at
most 250 objects at once. Whoever calls it here need not know. What is done with it is elsewhere:
the smoke test of a moved server (`bi_database`), dashboards (`dashboards.redash`).
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

from rfm_platform.errors import PlatformError

TIMEOUT_SECONDS = 20
JOB_SECONDS = 90
POLL_SECONDS = 0.2  # Redash tells of a job only when it is asked
PAGE_SIZE = 250  # the most that it lists at once
_DONE, _FAILED, _CANCELLED = 3, 4, 5
_SHOWN = 200  # characters of a message of Redash's


class RedashError(PlatformError):
    """What Redash would not do, and what that means. Never a key."""


class NotThereError(RedashError):
    """An object that is not there, or a key that Redash does not know."""


class ConflictError(RedashError):
    """An object that somebody saved since it was read."""


@dataclass(frozen=True)
class Redash:
    """A server's API.

    Attributes:
        url: its address.
        api_key: an administrator's.
        job_seconds: how long a query may take.
        timeout_seconds: how long an answer may take.
    """

    url: str
    api_key: str
    job_seconds: float = JOB_SECONDS
    timeout_seconds: float = TIMEOUT_SECONDS

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """What the server answers, as JSON.

        Raises:
            RedashError: it does not answer, or with an error; says what that means.
        """
        try:
            response = requests.request(
                method,
                f"{self.url.rstrip('/')}/api/{path}",
                auth=self._signed,
                # A POST would arrive as a GET, and what .netrc says in the place of the key.
                allow_redirects=False,
                timeout=self.timeout_seconds,
                **arguments,
            )
        except requests.ReadTimeout:
            # The server has a worker test its data sources, and waits for it.
            raise RedashError(
                f"{method} /api/{path}: no answer within {self.timeout_seconds:g} s: are workers "
                "running, and do they listen to every queue?"
            ) from None
        except requests.RequestException as error:
            raise RedashError(f"{self.url}: {type(error).__name__}, no answer") from None
        if response.is_redirect:
            place = urlsplit(response.headers["Location"])
            raise RedashError(
                f"{self.url} sends us on to {place.scheme}://{place.hostname}: set RFM_REDASH_URL "
                "to where Redash is"
            )
        if response.ok:
            return response.json() if response.content else None
        kind = {404: NotThereError, 409: ConflictError}.get(response.status_code, RedashError)
        raise kind(f"{method} /api/{path}: {_meaning(response)}")

    def _signed(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # Not as a header, which what .netrc says of the host would take the place of.
        request.headers["Authorization"] = f"Key {self.api_key}"
        return request

    def pages(self, path: str, **asked: object) -> Iterator[dict[str, Any]]:
        """Every object of a list that comes in pages.

        Args:
            path: such as `queries`.
            asked: what the list is narrowed by.
        """
        page = 1
        while True:
            answer = self.call("GET", path, params={**asked, "page": page, "page_size": PAGE_SIZE})
            yield from answer["results"]
            if page * PAGE_SIZE >= answer["count"]:
                return
            page += 1

    def run(self, query_id: int, parameters: dict[str, str] | None = None) -> int:
        """Runs a query to its end; returns its result's id.

        Args:
            query_id: the saved query.
            parameters: a value for each parameter.

        Raises:
            RedashError: it failed, or did not end in time and was cancelled.
        """
        asked = {"max_age": 0, "parameters": parameters or {}}
        job = self.call("POST", f"queries/{query_id}/results", json=asked)["job"]
        deadline = time.monotonic() + self.job_seconds
        while job["status"] not in (_DONE, _FAILED, _CANCELLED):
            if time.monotonic() > deadline:
                self.call("DELETE", f"jobs/{job['id']}")
                raise RedashError(
                    f"query {query_id} did not end within {self.job_seconds:g} s and was "
                    "cancelled: are workers running, and do they listen to the data source's queue?"
                )
            time.sleep(POLL_SECONDS)
            job = self.call("GET", f"jobs/{job['id']}")["job"]
        if job["status"] != _DONE:
            raise RedashError(f"query {query_id} failed: {str(job.get('error'))[:_SHOWN]}")
        return int(job["query_result_id"])

    def result(self, result_id: int) -> dict[str, Any]:
        """A result's `columns` and `rows`."""
        answer = self.call("GET", f"query_results/{result_id}")
        data: dict[str, Any] = answer["query_result"]["data"]
        return data

    def version(self) -> tuple[int, ...]:
        """The release, such as (25, 8, 0).

        Raises:
            RedashError: also where the key is wrong, which no other question tells for sure.
        """
        try:
            session = self.call("GET", "session")
        except NotThereError:
            raise RedashError(
                f"{self.url} does not know the API key: look at RFM_REDASH_API_KEY"
            ) from None
        text = str(session["client_config"].get("version", ""))
        parts = [part for part in text.split("-", maxsplit=1)[0].split(".") if part.isdigit()]
        if not parts:
            raise RedashError(
                f"{self.url} does not tell its release: take a user's API key, not a query's"
            )
        return tuple(map(int, parts))


def _meaning(response: requests.Response) -> str:
    meanings = {
        403: "the API key's user may not do that: take an administrator's",
        404: "404, which Redash also answers to a wrong API key: look at RFM_REDASH_API_KEY",
        409: "somebody saved it since it was read",
        500: "500: a wrong REDASH_SECRET_KEY or a schema older than the release answer so "
        "(`rfm bi verify` proves the one and names the other)",
    }
    if response.status_code == 400:  # what was asked is wrong, and it says why
        return f"400: {_reason(response)[:_SHOWN]}"
    return meanings.get(response.status_code, f"{response.status_code}")


def _reason(response: requests.Response) -> str:
    try:
        answer = response.json()
    except requests.JSONDecodeError:
        return "no reason given"
    job = answer.get("job") or {}
    return str(job.get("error") or answer.get("message") or "no reason given")
