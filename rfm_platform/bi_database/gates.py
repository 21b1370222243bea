"""What is done at each gate of a move, and its verdict."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rfm_platform.bi_database import redash, store
from rfm_platform.bi_database.dump import DumpOptions, make_dump
from rfm_platform.bi_database.endpoint import CommandEndpoint, UrlEndpoint
from rfm_platform.bi_database.manifest import NAME, Manifest, read_manifest
from rfm_platform.bi_database.restore import RestoreOptions, preflight, restore, summary
from rfm_platform.bi_database.smoke import Redash, smoke_test
from rfm_platform.bi_database.state import read_definitions
from rfm_platform.bi_database.target import Finding
from rfm_platform.bi_database.verify import verify
from rfm_platform.postgres import Database

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Move:
    """What is moved where, and how.

    Attributes:
        directory: of the dump.
        store: an object store's URL, where dumps lie as well; None: only here.
        work: where the restore and the journal note how far they are.
        secret, cookie_secret: Redash's.
        redash_version: the release that will run on the target.
        server: the started Redash, for the last gate; None: that is left for later.
    """

    source: UrlEndpoint | CommandEndpoint
    target: Database
    directory: Path
    work: Path
    dump: DumpOptions = field(default_factory=DumpOptions)
    restore: RestoreOptions = field(default_factory=RestoreOptions)
    secret: str | None = None
    cookie_secret: str | None = None
    redash_version: str | None = None
    server: Redash | None = None
    store: str | None = None

    def manifest(self) -> Manifest:
        """The dump's; a dump that is not here is fetched from the store first."""
        if self.store is not None and not (self.directory / NAME).exists():
            store.fetch(self.directory, self.store)
        return read_manifest(self.directory)

    def make_dump(self, progress: Progress = lambda _: None) -> Manifest:
        """Dumps the source, into the store as well where there is one."""
        manifest = make_dump(self.source, self.directory, self.dump, progress)
        if self.store is not None:
            store.upload(self.directory, self.store, progress)
        return manifest


class Outcome:
    def __init__(
        self,
        state: Literal["passed", "failed", "skipped"],
        text: str,
        details: list[Finding] | None = None,
        **noted: Any,
    ) -> None:
        self.state, self.text, self.details, self.noted = state, text, details or [], noted


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
    return Outcome("passed", f"{summary(manifest)}, in {move.directory}.")


def _preflight(move: Move, _progress: Progress) -> Outcome:
    move.manifest()
    findings = preflight(move.target, move.directory, move.restore)
    failed = [finding for finding in findings if finding.state == "failed"]
    if failed:
        text = " ".join(f"{finding.name}: {finding.text}" for finding in failed)
        return Outcome("failed", text, findings)
    return Outcome("passed", f"{len(findings)} things looked at.", findings)


def _restore(move: Move, progress: Progress) -> Outcome:
    restore(
        move.target,
        move.directory,
        move.work / "restore",
        move.restore,
        lambda phase, done, total: progress(f"{phase} {done} of {total}" if total else phase),
    )
    return Outcome("passed", f"Restored into {move.target.label}.")


def _verify(move: Move, progress: Progress) -> Outcome:
    verification = verify(
        UrlEndpoint(move.target),
        move.manifest(),
        move.directory,
        move.restore.roles,
        jobs=move.restore.jobs,
        identity=move.restore.identity,
        progress=progress,
    )
    return Outcome(
        "passed" if verification.passed else "failed",
        verification.verdict,
        verification=verification,
    )


def _application(move: Move, _progress: Progress) -> Outcome:
    before = move.manifest().application
    if before is None:
        return Outcome("skipped", "The database is not Redash's: nothing more is known of it.")
    with UrlEndpoint(move.target).session() as session:
        after = redash.read_application(session, read_definitions(session))
        proof = redash.prove_secrets(session, move.secret, move.cookie_secret)
    if after is None:
        return Outcome("failed", "The target is not Redash's database.")
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
        _revision(move, after.revision),
    ]
    failed = [finding.text for finding in findings if finding.state == "failed"]
    return Outcome(
        "failed" if failed else "passed",
        " ".join(failed) or " ".join(finding.text for finding in findings),
        findings,
        objects=tuple(objects),
    )


def _revision(move: Move, revision: str | None) -> Finding:
    if move.redash_version is None:
        return Finding(
            name="schema",
            state="unknown",
            text=f"The schema's revision is {revision}; set RFM_REDASH_VERSION to have it held "
            "against the release that will run.",
        )
    problem = redash.revision_problem(revision, move.redash_version)
    too_new = problem is not None and "newer than" in problem
    return Finding(
        name="schema",
        # An older schema is upgraded before the start, which the runbook says: a newer one is lost.
        state="failed" if too_new else "unknown" if problem else "passed",
        text=problem or f"The schema is what Redash {move.redash_version} needs.",
    )


def _smoke(move: Move, _progress: Progress) -> Outcome:
    if move.server is None:
        return Outcome(
            "skipped", "Redash has not been started: set RFM_REDASH_URL and run `rfm bi smoke`."
        )
    findings = smoke_test(move.server, move.work / "smoke.json")
    failed = [f"{each.name}: {each.text}" for each in findings if each.state == "failed"]
    text = " ".join(failed) or f"{len(findings)} things that people do were done."
    return Outcome("failed" if failed else "passed", text, findings)


STEPS: dict[str, Callable[[Move, Progress], Outcome]] = {
    "inventory": _inventory,
    "secret": _secret,
    "dump": _dump,
    "preflight": _preflight,
    "restore": _restore,
    "verify": _verify,
    "application": _application,
    "smoke": _smoke,
}
