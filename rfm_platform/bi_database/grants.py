"""Rights of others than the owner: given to the roles that stand for them at the target."""

from collections.abc import Mapping

from rfm_platform.bi_database.endpoint import quoted
from rfm_platform.bi_database.limits import lift_limits
from rfm_platform.bi_database.state import DatabaseState, Grant
from rfm_platform.postgres import Database

EVERYBODY = "PUBLIC"


def mapped(
    state: DatabaseState, roles: Mapping[str, str], owner: str | None
) -> tuple[list[Grant], list[Grant]]:
    """The rights as the target should have them, and those whose role stands for nobody there.

    Args:
        state: what the source had.
        roles: who stands for a source's role.
        owner: the role that owns everything at the target, and needs no right there; None: it is
            not known.
    """
    carried: dict[tuple[str, ...], Grant] = {}
    left = []
    for grant in state.grants:
        role = EVERYBODY if grant.grantee == EVERYBODY else roles.get(grant.grantee)
        if role is None:
            left.append(grant)
        elif role != owner:
            # Two roles may stand in one, which has what either of them had.
            key = (grant.kind, grant.object, grant.privilege, role)
            before = carried.get(key)
            may_grant = grant.is_grantable or (before is not None and before.is_grantable)
            carried[key] = grant.model_copy(update={"grantee": role, "is_grantable": may_grant})
    return list(carried.values()), left


def statement(grant: Grant) -> str:
    """The statement that gives a right."""
    grantee = EVERYBODY if grant.grantee == EVERYBODY else quoted(grant.grantee)
    option = " WITH GRANT OPTION" if grant.is_grantable else ""
    # The object is a name that the server itself has quoted.
    return f"GRANT {grant.privilege} ON {grant.kind} {grant.object} TO {grantee}{option}"


def give(target: Database, state: DatabaseState, roles: Mapping[str, str]) -> None:
    """Gives what the source's roles had to those that stand for them.

    Raises:
        DatabaseError: a role is not there.
    """
    with target.connect() as connection:
        lift_limits(connection)
        owner = connection.execute("SELECT current_user").fetchone()
        carried, _ = mapped(state, roles, owner[0] if owner else None)
        for grant in carried:
            connection.execute(statement(grant).encode())
