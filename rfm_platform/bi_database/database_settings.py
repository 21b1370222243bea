"""Settings that a database gives its sessions, and its comment: no dump holds them, they are told.

A time zone or a search path that is missing changes what queries return, and nothing fails. They
are told and not set: a cloud's server refuses some, and others were made for the old one.
"""

import re
from collections.abc import Collection, Mapping

from psycopg import sql

from rfm_platform.bi_database.endpoint import quoted
from rfm_platform.bi_database.results import listed
from rfm_platform.bi_database.state import DatabaseSetting, DatabaseState

_PLAIN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
# Servers keep them as a list of names in quotes already.
_LISTS = {
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "temp_tablespaces",
}
_NOT_SHOWN = "…"


def setting_notes(
    source: DatabaseState, target: DatabaseState, roles: Mapping[str, str]
) -> list[str]:
    """What a person has to run so that the target's sessions are as the source's, if anything.

    Args:
        source: what the dump's snapshot saw.
        target: the restored database.
        roles: for each role of the source, the target's.
    """
    stand_ins = {source.owner: target.connected_as, **roles}
    wanted = {
        each.model_copy(update={"role": stand_ins.get(each.role, each.role)})
        if each.role is not None
        else each
        for each in source.settings
        if _concerns(each, stand_ins)
    }
    notes = []
    if missing := sorted(wanted - set(target.settings), key=_place):
        statements = "; ".join(_statement(each, target.name) for each in missing)
        note = f"The source sets for its sessions what no dump holds. To have it so: {statements}."
        if any(each.is_made_up for each in missing):
            note += f" For {_NOT_SHOWN} take the source's value, which is written down nowhere."
        notes.append(note)
    known = {(each.role, each.name) for each in wanted}
    if more := [
        each
        for each in target.settings
        if (each.role, each.name) not in known and _concerns(each, stand_ins.values())
    ]:
        names = sorted({each.name for each in more})
        notes.append(f"Settings that only the target gives its sessions: {listed(names)}.")
    if source.comment is not None and target.comment is None:
        text = sql.Literal(source.comment).as_string(None).strip()
        notes.append(
            "The source has a comment, which no dump holds. To have it so: "
            f"COMMENT ON DATABASE {quoted(target.name)} IS {text}."
        )
    return notes


def _concerns(setting: DatabaseSetting, roles: Collection[str]) -> bool:
    """Whether it is the database's: a server's other roles may have settings that are not."""
    return not setting.is_everywhere or setting.role is None or setting.role in roles


def _place(setting: DatabaseSetting) -> tuple[str, str, bool]:
    return setting.role or "", setting.name, setting.is_everywhere


def _statement(setting: DatabaseSetting, database: str) -> str:
    role = "ALL" if setting.role is None else quoted(setting.role)
    if setting.is_everywhere:
        whose = f"ALTER ROLE {role}"
    elif setting.role is not None:
        whose = f"ALTER ROLE {role} IN DATABASE {quoted(database)}"
    else:
        whose = f"ALTER DATABASE {quoted(database)}"
    name = setting.name if _PLAIN.fullmatch(setting.name) else quoted(setting.name)
    return f"{whose} SET {name} TO {_value(setting)}"


def _value(setting: DatabaseSetting) -> str:
    if setting.is_made_up:
        return f"'{_NOT_SHOWN}'"
    if setting.name in _LISTS:
        return setting.value
    return sql.Literal(setting.value).as_string(None).strip()
