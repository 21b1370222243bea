"""What is moved where, and how: a dump's way from the source to the target."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rfm_platform.bi_database import store
from rfm_platform.bi_database.dump import DumpOptions, make_dump
from rfm_platform.bi_database.endpoint import CommandEndpoint, UrlEndpoint
from rfm_platform.bi_database.journal import reopen_restore
from rfm_platform.bi_database.kept import remove_old
from rfm_platform.bi_database.manifest import NAME, Manifest, read_manifest
from rfm_platform.bi_database.restore import RestoreOptions, preflight, restore
from rfm_platform.bi_database.results import Finding, Verification
from rfm_platform.bi_database.target import is_ours, mark_as_ours
from rfm_platform.bi_database.verify import verify
from rfm_platform.postgres import Database
from rfm_platform.redash import Redash

Progress = Callable[[str], None]
# The comment of a database that the daily drill may replace.
DRILL_MARK = "Restore drill of rfm_platform: replaced every day."


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
        is_drill: whether the target stays the daily drill's to replace.
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
    is_drill: bool = False

    def manifest(self) -> Manifest:
        """The dump's; a dump that is not here is fetched from the store first."""
        if self.store is not None and not (self.directory / NAME).exists():
            store.fetch(self.directory, self.store)
        return read_manifest(self.directory)

    def make_dump(self, progress: Progress = lambda _: None) -> Manifest:
        """Dumps the source, into the store as well where there is one."""
        if self.store is not None:
            store.check(self.store)
        manifest = make_dump(self.source, self.directory, self.dump, progress)
        if self.store is not None:
            store.upload(self.directory, self.store, progress)
        return manifest

    def remove_old_dumps(self, keep: int) -> list[str]:
        """Removes all but the newest daily dumps, here and in the store; says which."""
        removed = remove_old(self.directory.parent, keep)
        if self.store is not None:
            removed += store.remove_old(self.store, keep)
        return [f"The dump of {name} was removed." for name in removed]

    def look_at_target(self) -> list[Finding]:
        """What stands in the way of a restore, and what does not."""
        self.manifest()
        return preflight(self.target, self.directory, self.restore, self.source)

    def restore_dump(
        self, progress: Callable[[str, int, int], None] = lambda *_: None
    ) -> list[Finding]:
        """Restores the dump into the target, after another look: the last may be days old.

        What the gates of a move had found out about the target holds no longer.
        """
        self.manifest()
        return restore(
            self.target,
            self.directory,
            self.work / "restore",
            self.restore,
            progress,
            source=self.source,
            before=self._let_go,
        )

    def _let_go(self) -> None:
        """What was noted of the target holds no longer, nor may a drill replace it from now on."""
        reopen_restore(self.work, self.target.label)
        if not self.is_drill and is_ours(self.target, DRILL_MARK):
            mark_as_ours(self.target, "")  # an empty comment is none

    def verify(self, progress: Progress = lambda _: None) -> Verification:
        """Compares the target with what the dump's snapshot held."""
        return verify(
            UrlEndpoint(self.target),
            self.manifest(),
            self.directory,
            self.restore.roles,
            jobs=self.restore.jobs,
            identity=self.restore.identity,
            progress=progress,
        )
