"""What is done at each gate of a move, and its verdict."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from rfm_platform.bi_database import redash
from rfm_platform.bi_database.endpoint import UrlEndpoint
from rfm_platform.bi_database.move import Move, Progress
from rfm_platform.bi_database.other_sessions import look_at_source
from rfm_platform.bi_database.restore import STATISTICS, in_words
from rfm_platform.bi_database.results import Finding, Verification
from rfm_platform.bi_database.smoke import look_for_saved, smoke_test
from rfm_platform.bi_database.state import read_definitions


@dataclass(frozen=True)
class Outcome:
    """How a gate ended.

    Attributes:
        state: skipped has nothing to look at, and says so.
        details: what was found, one by one.
        verification: of the gate that compares.
        objects: counts of what people made, side by side.
    """

    state: Literal["passed", "failed", "skipped"]
    text: str
    details: tuple[Finding, ...] = ()
    verification: Verification | None = None
    objects: tuple[dict[str, Any], ...] = ()


def _inventory(move: Move, _progress: Progress) -> Outcome:
    with move.source.session() as session:
        state = read_definitions(session)
        application = redash.read_application(session, state)
    what = f"{application.name}, schema {application.revision}" if application else "unknown"
    return Outcome(
        "passed",
        f"{state.name}: PostgreSQL {state.version}, {len(state.tables)} tables, "
        f"{state.bytes / 1e6:,.1f} MB, {state.encoding}; application: {what}.",
    )


def _secret(move: Move, _progress: Progress) -> Outcome:
    with move.source.session() as session:
        if redash.read_application(session, read_definitions(session)) is None:
            return Outcome("skipped", "The database is not Redash's: there is no secret to prove.")
        return _proved(redash.prove_secrets(session, move.secret, move.cookie_secret))


def _proved(proof: redash.SecretProof) -> Outcome:
    return Outcome("passed" if proof.is_proved else "failed", proof.verdict)


def _dump(move: Move, progress: Progress) -> Outcome:
    manifest = move.make_dump(progress)
    others = look_at_source(move.source)
    text = f"{manifest.summary}, in {move.directory}."
    if others.state != "passed":
        text += f" {others.text}"
    return Outcome("passed", text, (others,))


def _preflight(move: Move, _progress: Progress) -> Outcome:
    findings = move.look_at_target()
    failed = [f"{each.name}: {each.text}" for each in findings if each.state == "failed"]
    text = " ".join(failed) or f"{len(findings)} things looked at."
    return Outcome("failed" if failed else "passed", text, tuple(findings))


def _restore(move: Move, progress: Progress) -> Outcome:
    found = move.restore_dump(lambda *state: progress(in_words(*state)))
    notes = [each.text for each in found if each.name == STATISTICS]
    return Outcome("passed", " ".join([f"Restored into {move.target.label}.", *notes]))


def _verify(move: Move, progress: Progress) -> Outcome:
    found = move.verify(progress)
    return Outcome("passed" if found.passed else "failed", found.verdict, verification=found)


def look_at_application(move: Move, _progress: Progress = lambda _: None) -> Outcome:
    """What people made, the secret and the schema, on the target."""
    before = move.manifest().application
    if before is None:
        return Outcome("skipped", "The database is not Redash's: nothing more is known of it.")
    with UrlEndpoint(move.target).session() as session:
        after = redash.read_application(session, read_definitions(session))
        if after is None:
            return Outcome("failed", "The target is not Redash's database.")
        proof = redash.prove_secrets(session, move.secret, move.cookie_secret)
    objects = redash.compare_objects(before, after)
    problems = [
        f"{row['kind']} ({row['which']}): {row['source']} at the source, {row['target']} now"
        for row in objects
        if row["source"] != row["target"]
    ]
    if before.examples != after.examples:
        problems.append("the newest objects of a kind differ")
    findings = [
        Finding(
            name="objects",
            state="failed" if problems else "passed",
            text="; ".join(problems) or f"{len(objects)} counts are the same on both sides.",
        ),
        Finding(name="secret", state="passed" if proof.is_proved else "failed", text=proof.verdict),
        redash.judge_revision(after.revision, move.redash_version),
    ]
    failed = [finding.text for finding in findings if finding.state == "failed"]
    return Outcome(
        "failed" if failed else "passed",
        " ".join(failed) or " ".join(finding.text for finding in findings),
        tuple(findings),
        objects=tuple(objects),
    )


def _smoke(move: Move, _progress: Progress) -> Outcome:
    if move.server is None:
        return Outcome(
            "skipped", "Redash has not been started: set RFM_REDASH_URL and run `rfm bi smoke`."
        )
    notes = move.work / "smoke.json"
    findings = smoke_test(move.server, notes)
    # Without an answer the notes are an earlier test's, perhaps of another server.
    if findings[0].state == "passed" and (found := look_for_saved(move.target, notes)) is not None:
        findings.append(found)
    failed = [f"{each.name}: {each.text}" for each in findings if each.state == "failed"]
    text = " ".join(failed) or f"{len(findings)} things that people do were done."
    return Outcome("failed" if failed else "passed", text, tuple(findings))


STEPS: dict[str, Callable[[Move, Progress], Outcome]] = {
    "inventory": _inventory,
    "secret": _secret,
    "dump": _dump,
    "preflight": _preflight,
    "restore": _restore,
    "verify": _verify,
    "application": look_at_application,
    "smoke": _smoke,
}
