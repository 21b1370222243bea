"""Dagster's connections to PostgreSQL, kept open for as long as a run lasts.

Dagster's storage connects anew for each question: a morning did so 835 times, which over TLS was
two thirds of its time. It does so because a process may make many instances and close none of them.
A run has one, and so has the command line.
"""

from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.executor.base import Executor

# Dagster's threads ask beside the run now and then.
KEPT_OPEN = 2
RECYCLE_SECONDS = 600


def keep_connections(instance: dg.DagsterInstance) -> None:
    """Lets an instance ask its PostgreSQL over connections that stay open.

    One that has died is replaced before it is used. Other storages are left as they are.
    """
    # In the storages' own fields, because there is no setting. What Dagster itself does for web
    # servers (`optimize_for_webserver`) does not look whether a connection is alive.
    storages: tuple[Any, ...] = (
        instance.event_log_storage,
        instance.run_storage,
        instance.schedule_storage,
    )
    for storage in storages:
        if hasattr(storage, "postgres_url") and isinstance(storage._engine.pool, sa.NullPool):  # noqa: SLF001 - as above
            # Where it is needed it has been imported, elsewhere it would take 0.2 s.
            from dagster_postgres.utils import create_pg_engine  # noqa: PLC0415 - for its time

            storage._engine = create_pg_engine(  # noqa: SLF001 - as above
                storage.postgres_url,
                storage._token_provider,  # noqa: SLF001 - as above
                isolation_level="AUTOCOMMIT",
                pool_size=KEPT_OPEN,
                pool_pre_ping=True,
                pool_recycle=RECYCLE_SECONDS,
            )


_DAGSTERS: Any = dg.in_process_executor  # Any: it does not take the types that it gives


def _create(context: dg.InitExecutorContext) -> Executor:
    keep_connections(context.instance)
    executor: Executor = _DAGSTERS.executor_creation_fn(context)
    return executor


in_process_executor = dg.ExecutorDefinition(
    name=_DAGSTERS.name,
    config_schema=_DAGSTERS.config_schema,
    executor_creation_fn=_create,
    description="All steps in one process, over connections that stay open.",
)
