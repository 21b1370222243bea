"""What killed dumps and restores leave in the clear, and who removes it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rfm_platform.bi_database.dump import DumpOptions, make_dump
from rfm_platform.bi_database.endpoint import UrlEndpoint
from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.job import JOB, RestoreState, describe_target, write_state
from rfm_platform.bi_database.restore import RestoreOptions, restore, watch
from rfm_platform.bi_database.staging import remove_leftovers, staging
from rfm_platform.postgres import Database


@pytest.fixture
def leftovers(tmp_path: Path) -> list[Path]:
    """Of a dump of another day and of a restore, both killed."""
    places = [tmp_path / ".2024-07-01.partial", tmp_path / ".decrypted-0"]
    for place in places:
        (place / "archive").mkdir(parents=True)
        (place / "archive" / "toc.dat").write_text("rows", encoding="utf-8")
    return places


@pytest.fixture
def under_way(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / ".2024-07-02.partial"
    with staging(place):
        (place / "archive").write_text("rows", encoding="utf-8")
        yield place


def test_a_dump_removes_what_a_killed_one_of_another_day_left(
    source: Database, tmp_path: Path, leftovers: list[Path], under_way: Path
) -> None:
    make_dump(UrlEndpoint(source), tmp_path / "2024-07-03", DumpOptions())
    assert not any(place.exists() for place in leftovers)
    assert (under_way / "archive").exists(), "a dump that is under way is left alone"
    with pytest.raises(BiDatabaseError, match="by another process"):
        make_dump(UrlEndpoint(source), tmp_path / "2024-07-02", DumpOptions())
    assert (under_way / "archive").exists()


def test_a_restore_removes_what_a_killed_one_left(
    target: Database, dumped: Path, tmp_path: Path, leftovers: list[Path], under_way: Path
) -> None:
    (tmp_path / "dump").symlink_to(dumped)
    restore(target, tmp_path / "dump", tmp_path / "job", RestoreOptions())
    assert not any(place.exists() for place in leftovers)
    assert (under_way / "archive").exists()


def test_who_watches_a_killed_restore_removes_its_clear_text_and_password(
    target: Database, tmp_path: Path, leftovers: list[Path]
) -> None:
    job = tmp_path / "job"
    job.mkdir()
    task = {
        "directory": str(tmp_path / "dump"),
        "target": describe_target(target),
        "label": target.label,
    }
    (job / JOB).write_text(json.dumps(task), encoding="utf-8")
    for name in ("service.conf", "passfile"):
        (job / name).write_text("password=…", encoding="utf-8")
    write_state(job, RestoreState(pid=0, phase="decrypting"))
    with pytest.raises(BiDatabaseError, match="killed"):
        watch(target, job)
    assert not (job / "service.conf").exists()
    assert not (job / "passfile").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"job"}


def test_a_directory_of_somebody_else_stays(tmp_path: Path) -> None:
    (tmp_path / ".download.partial" / "film").mkdir(parents=True)
    remove_leftovers(tmp_path)
    assert (tmp_path / ".download.partial" / "film").exists()
