"""Rights of others than the owner: given to the roles that stand for them at the target."""

from collections.abc import Mapping

from rfm_platform.bi_database.endpoint import quoted
from rfm_platform.bi_database.state import DatabaseState, Grant
from rfm_platform.postgres import Database

EVERYBODY = "PUBLIC"


def mapped(state: DatabaseState, roles: Mapping[str, str]) -> tuple[list[Grant], list[Grant]]:
    """The rights as the target should have them, and those whose role stands for nobody there."""
    carried, left = [], []
    for grant in state.grants:
        role = EVERYBODY if grant.grantee == EVERYBODY else roles.get(grant.grantee)
        if role is None:
            left.append(grant)
        else:
            carried.append(grant.model_copy(update={"grantee": role}))
    return carried, left


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
    carried, _ = mapped(state, roles)
    if carried:
        with target.connect() as connection:
            for grant in carried:
                connection.execute(statement(grant).encode())
