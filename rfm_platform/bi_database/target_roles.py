"""Roles that a restore needs at the target, and what only some roles may create.

Both end a restore, and what was restored until then is thrown away: so they are looked at before.
"""

import re
from collections.abc import Mapping

import psycopg

from rfm_platform.bi_database.emptying import rows_of
from rfm_platform.bi_database.grants import EVERYBODY, mapped
from rfm_platform.bi_database.results import Finding, listed
from rfm_platform.bi_database.state import DatabaseState
from rfm_platform.postgres import Database

_NAME = r'(?:"(?:[^"]|"")+"|[^\s",]+)'
# As sql/other_objects.sql writes a policy.
_POLICY = re.compile(rf"(?:restrictive )?\S to ({_NAME}(?:, {_NAME})*)")
_MAPPING = re.compile(rf"user mapping for ({_NAME}) on server .*", re.DOTALL)
_EVERYBODY = "public"  # in a policy, and in a mapping
_EVENT_TRIGGER = "event trigger "
_TRIAL = (
    "CREATE FUNCTION pg_temp.rfm_trial() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
    # As releases before 11 write it too.
    "CREATE EVENT TRIGGER rfm_trial ON ddl_command_end EXECUTE PROCEDURE pg_temp.rfm_trial()",
)


def look_at_roles(
    connection: psycopg.Connection,
    owner: str,
    source: DatabaseState,
    roles: Mapping[str, str],
) -> list[Finding]:
    """Whether the roles are there that rights, policies and user mappings are for.

    Args:
        connection: to the target.
        owner: the role that restores, which needs no rights.
        source: what the dump holds.
        roles: for each role of the source, the target's.
    """
    there = {row["name"] for row in rows_of(connection, "roles")} | {EVERYBODY}
    carried, _ = mapped(source, roles, owner)
    missing = sorted({grant.grantee for grant in carried} - there)
    unused = sorted(set(roles.values()) - there - set(missing))
    named = sorted(_named_in_definitions(source) - there)
    findings = []
    if missing:
        text = (
            f"RFM_BI_ROLES gives rights to {listed(missing)}, and the target has no such role: "
            "correct the name, or CREATE ROLE there."
        )
        findings.append(Finding(name="roles", state="failed", text=text))
    elif unused:
        text = (
            f"RFM_BI_ROLES names {listed(unused)}, and the target has no such role. The dump has "
            "no rights for it: is the name right?"
        )
        findings.append(Finding(name="roles", state="unknown", text=text))
    if named:
        text = (
            f"Row security or user mappings of the source are for {listed(named)}, and the target "
            "has no such role: CREATE ROLE there. A dump holds them under the source's names, "
            "RFM_BI_ROLES does not change them."
        )
        findings.append(Finding(name="named roles", state="failed", text=text))
    return findings


def _named_in_definitions(source: DatabaseState) -> set[str]:
    """The roles that policies and user mappings are for."""
    found = set()
    for name, definition in source.sections["other_objects"].items():
        policy = _POLICY.match(definition) if name.startswith("policy ") else None
        if who := policy or _MAPPING.fullmatch(name):
            found |= set(re.findall(_NAME, who[1]))
    return {
        name[1:-1].replace('""', '"') if name.startswith('"') else name
        for name in found - {_EVERYBODY}
    }


def look_at_event_triggers(target: Database, source: DatabaseState) -> list[Finding]:
    """Whether the target's role may create event triggers, where the dump has some.

    It is tried, in a transaction that is taken back: a server lets superusers, and many a cloud its
    administrators as well.
    """
    triggers = sorted(
        name.removeprefix(_EVENT_TRIGGER)
        for name in source.sections["other_objects"]
        if name.startswith(_EVENT_TRIGGER)
    )
    if not triggers:
        return []
    why = None
    with target.connect() as connection:
        try:
            for statement in _TRIAL:
                connection.execute(statement.encode())
        except psycopg.errors.InsufficientPrivilege as error:
            why = error.diag.message_hint or error.diag.message_primary
        except psycopg.Error:
            why = None  # what else a server may say, says nothing about rights
        connection.rollback()
    if why is None:
        return []
    text = (
        f"The source has event triggers ({listed(triggers)}), which the target's role may not "
        f"create: {why} Restore as a role that may, or drop them at the source and dump again."
    )
    return [Finding(name="event triggers", state="failed", text=text)]
