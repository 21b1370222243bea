"""A small database of a test's own, moved into another one on the same server."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rfm_platform.bi_database.dump import DumpOptions, make_dump
from rfm_platform.bi_database.endpoint import UrlEndpoint
from rfm_platform.bi_database.manifest import Manifest
from rfm_platform.bi_database.restore import RestoreOptions, restore
from rfm_platform.bi_database.results import SectionResult, Verification
from rfm_platform.bi_database.verify import verify
from rfm_platform.postgres import Database

_numbers = itertools.count()


@dataclass(frozen=True)
class Moved:
    """A restored database and the dump that it is from."""

    database: Database
    manifest: Manifest
    directory: Path

    def change(self, *statements: str) -> None:
        run(self.database, *statements)

    def verify(self, roles: Mapping[str, str] | None = None) -> Verification:
        return verify(UrlEndpoint(self.database), self.manifest, self.directory, roles or {})


def move(source: Database, target: Database, directory: Path) -> Moved:
    """Dumps one and restores it into the other."""
    place = directory / f"move_{next(_numbers)}"
    manifest = make_dump(UrlEndpoint(source), place / "dump", DumpOptions(jobs=1))
    restore(target, place / "dump", place / "job", RestoreOptions(jobs=1))
    return Moved(target, manifest, place / "dump")


def run(database: Database, *statements: str) -> None:
    """Runs each statement by itself."""
    with database.connect() as connection:
        connection.autocommit = True
        for statement in statements:
            connection.execute(statement.encode())


def unequal(found: Verification) -> dict[str, SectionResult]:
    """The kinds of objects that differ, by name."""
    return {each.section: each for each in found.sections if not each.is_equal}
