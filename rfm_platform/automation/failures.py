"""Why a step of a run failed."""

from collections.abc import Iterator

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from rfm_platform.errors import PlatformError


def innermost_error(event: dg.DagsterEvent) -> SerializableErrorInfo | None:
    """What a failed step's error goes back to."""
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error


def quotable(event: dg.DagsterEvent) -> str:
    """A failed step and why, for strangers' eyes.

    Only our own errors are quoted: a library's may hold rows or secrets.
    """
    error = innermost_error(event)
    if error is None:
        return f"{event.step_key}: failed"
    return f"{event.step_key}: {our_sentence(error) or error.cls_name or 'an error'}"


def our_sentence(error: SerializableErrorInfo) -> str | None:
    """What an error of ours says, without its class; None: a library's, or one without a text."""
    # With their modules: psycopg has a DatabaseError, too.
    ours = {f"{k.__module__}.{k.__qualname__}" for k in (*_subclasses(PlatformError), dg.Failure)}
    name, _, said = error.message.partition(": ")
    return said.strip() or None if name in ours else None


def _subclasses(kind: type[PlatformError]) -> Iterator[type[PlatformError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _subclasses(child)
