"""What a finished move knows of the new Redash, as values for its official chart.

They go on top of ``deploy/redash-values.yaml``. There is nothing secret in them: the key that was
proved goes into the Secret that those values name.
"""

import yaml

from rfm_platform.bi_database.endpoint import UrlEndpoint
from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.migrate import read_journal
from rfm_platform.bi_database.move import Move
from rfm_platform.bi_database.redash import (
    ASK_FOR_NUMBER,
    judge_revision,
    read_revision,
    revision_of,
)

# The gates without which nothing may be started on the database.
NEEDED = ("secret", "verify", "application")


def chart_values(move: Move, url: str | None) -> str:
    """The values, as YAML with what was proved in its comments.

    Args:
        move: whose gates up to the application have passed.
        url: the address of the new server; None: it is not known yet.

    Raises:
        BiDatabaseError: a gate has not passed, or the release is not set or cannot run on the
            target's schema.
        DatabaseError: the target cannot be reached.
    """
    journal = read_journal(move)
    waiting = [
        gate.name for gate in journal.gates if gate.name in NEEDED and gate.state != "passed"
    ]
    if waiting:
        raise BiDatabaseError(
            f"The move has not passed {', '.join(waiting)} yet: run `rfm bi migrate` first"
        )
    if move.redash_version is None:
        raise BiDatabaseError("Set RFM_REDASH_VERSION: the release that will run")
    if revision_of(move.redash_version) is None:
        raise BiDatabaseError(
            f"RFM_REDASH_VERSION is {move.redash_version}, which is another release tomorrow: "
            + ASK_FOR_NUMBER
        )
    with UrlEndpoint(move.target).session() as session:  # it may have been upgraded since the dump
        schema = judge_revision(read_revision(session), move.redash_version)
    if schema.state == "failed":
        raise BiDatabaseError(schema.text)
    verified = next(gate.ended for gate in journal.gates if gate.name == "verify")
    lines = [
        f"The database behind it: {journal.target}, moved from {journal.source}",
        f"and verified on {verified:%Y-%m-%d %H:%M %Z}.",
        schema.text,
        "The Secret's secretKey is the one that was proved to open every encrypted row.",
    ]
    values: dict[str, object] = {"image": {"tag": move.redash_version}}
    if url:
        values["redash"] = {"host": url}
    else:
        lines.append("Without RFM_REDASH_URL: the address has to be put into redash.host.")
    return "".join(f"# {line}\n" for line in lines) + yaml.safe_dump(values, sort_keys=False)
