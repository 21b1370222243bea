"""The BI platform's database: where it is, where it moves to, and its restore drill."""

import shlex
from pathlib import Path

from pydantic import SecretStr

from rfm_platform.bi_database.dump import DumpOptions
from rfm_platform.bi_database.endpoint import CommandEndpoint, UrlEndpoint
from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.move import Move
from rfm_platform.bi_database.restore import RestoreOptions
from rfm_platform.bi_database.target import tell_apart
from rfm_platform.postgres import Database, external
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.settings import Settings
from rfm_platform.wiring.redash import redash_server


def bi_source(settings: Settings) -> UrlEndpoint | CommandEndpoint:
    """The BI platform's database: RFM_BI_SOURCE_COMMAND, or RFM_BI_SOURCE_URL.

    Raises:
        BiDatabaseError: neither is set, both are, or the command is none.
    """
    if settings.bi_source_command and settings.bi_source_url:
        raise BiDatabaseError(
            "RFM_BI_SOURCE_COMMAND and RFM_BI_SOURCE_URL are both set, and may be two databases: "
            "unset one of them"
        )
    if settings.bi_source_command:
        return CommandEndpoint(
            _words(settings.bi_source_command),
            settings.bi_source_user,
            settings.bi_source_database,
        )
    if settings.bi_source_url is None:
        raise BiDatabaseError(
            "Where the BI platform's database is, is not set: RFM_BI_SOURCE_URL, or "
            "RFM_BI_SOURCE_COMMAND (`rfm bi find HOST` tells it)"
        )
    return UrlEndpoint(external("BI database", settings.bi_source_url.get_secret_value()))


def _words(command: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        reason = str(error).lower()
    else:
        if words:
            return words
        reason = "it is blank"  # it would ask the psql of this machine
    raise BiDatabaseError(
        f"RFM_BI_SOURCE_COMMAND is no command ({reason}): write it as in a shell, `ssh bi.example "
        "docker exec -i redash_postgres_1`, or unset it"
    )


def bi_move(settings: Settings, *, replace: bool = False) -> Move:
    """The move to RFM_BI_TARGET_URL.

    Raises:
        BiDatabaseError: the source or the target is not set.
    """
    if settings.bi_target_url is None:
        raise BiDatabaseError("Where the BI platform's database moves to: set RFM_BI_TARGET_URL")
    target = external("new BI database", settings.bi_target_url.get_secret_value())
    return _move(settings, target, bi_dumps(settings) / "move", "bi_move", replace=replace)


def bi_drill(settings: Settings, name: str) -> Move:
    """The restore drill of a day: into RFM_BI_DRILL_URL, or a database of the embedded server.

    Raises:
        BiDatabaseError: the source is not set.
    """
    if settings.bi_drill_url is not None:
        target = external("drill database", settings.bi_drill_url.get_secret_value())
    else:
        target = EmbeddedServer(settings.home).database("bi_restore_drill")
    directory = bi_dumps(settings) / name
    return _move(settings, target, directory, "bi_drill", replace=True, is_drill=True)


def refuse_moved(settings: Settings, drill: Database) -> None:
    """Makes sure that the drill does not replace what was moved, however the two are spelled.

    Raises:
        BiDatabaseError: RFM_BI_TARGET_URL is the drill's database, by what the server says.
    """
    if settings.bi_target_url is None:
        return
    moved = external("new BI database", settings.bi_target_url.get_secret_value())
    if tell_apart(UrlEndpoint(moved), drill).state == "failed":
        raise BiDatabaseError(
            f"{drill.label} is the database that RFM_BI_TARGET_URL leads to, which the drill would "
            "replace: set RFM_BI_DRILL_URL to a database of the drill's own"
        )


def bi_dumps(settings: Settings) -> Path:
    """Where dumps lie."""
    return settings.bi_dumps or settings.home / "bi_dumps"


def _move(
    settings: Settings,
    target: Database,
    directory: Path,
    work: str,
    *,
    replace: bool,
    is_drill: bool = False,
) -> Move:
    return Move(
        source=bi_source(settings),
        target=target,
        directory=directory,
        work=settings.home / work,
        dump=DumpOptions(
            format=settings.bi_format,
            jobs=settings.bi_jobs,
            compression=settings.bi_compression,
            recipients=tuple((settings.bi_recipients or "").split()),
        ),
        restore=RestoreOptions(
            jobs=settings.bi_jobs,
            replace=replace,
            roles=settings.bi_roles,
            identity=_secret(settings.bi_identity),
        ),
        secret=_secret(settings.bi_secret_key),
        cookie_secret=_secret(settings.bi_cookie_secret),
        redash_version=settings.redash_version,
        server=redash_server(settings),
        store=settings.bi_store_url,
        is_drill=is_drill,
    )


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value is not None else None
