"""Dumps in an object store that speaks S3, over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest
from obstore.store import from_url

from rfm_platform.bi_database import store
from rfm_platform.bi_database.endpoint import UrlEndpoint
from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.manifest import NAME, damaged_files, read_manifest
from rfm_platform.bi_database.move import Move
from rfm_platform.postgres import Database
from rfm_platform_tests.s3 import bucket

URL = "s3://backups/bi"
KEY = "an access key that nobody must see"


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of a server of this test's own."""
    with bucket(monkeypatch, "backups", KEY):
        yield URL


def paths(url: str) -> list[str]:
    return sorted(
        item["path"]
        for page in obstore.list(from_url(url, client_options={"allow_http": True}))
        for item in page
    )


def test_a_dump_is_stored_with_its_manifest_last_and_fetched_on_another_machine(
    url: str, source: Database, target: Database, tmp_path: Path
) -> None:
    here = Move(UrlEndpoint(source), target, tmp_path / "a" / "2024-07-01", tmp_path, store=url)
    manifest = here.make_dump()
    assert f"2024-07-01/{NAME}" in paths(url)
    assert len(paths(url)) == len(manifest.files) + 1
    there = Move(UrlEndpoint(source), target, tmp_path / "b" / "2024-07-01", tmp_path, store=url)
    assert there.manifest() == manifest
    assert damaged_files(there.directory, read_manifest(there.directory)) == []


def test_only_the_newest_complete_dumps_stay(url: str, dumped: Path, tmp_path: Path) -> None:
    for name in ("2024-07-01", "2024-07-02", "2024-07-03"):
        (tmp_path / name).symlink_to(dumped)
        store.upload(tmp_path / name, url)
    obstore.put(from_url(url, client_options={"allow_http": True}), "2024-07-04/archive/x", b"part")
    assert store.complete_dumps(url) == ["2024-07-01", "2024-07-02", "2024-07-03"]
    assert store.remove_old(url, 2) == ["2024-07-01"]
    assert store.complete_dumps(url) == ["2024-07-02", "2024-07-03"]
    assert not any(path.startswith("2024-07-01") for path in paths(url))


def test_a_dump_that_is_not_there_leaves_nothing_and_tells_no_key(url: str, tmp_path: Path) -> None:
    with pytest.raises(BiDatabaseError, match="the dump 2024-07-09 cannot be read") as raised:
        store.fetch(tmp_path / "2024-07-09", url)
    assert KEY not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["bucket/x", "ftp://bucket/x", "s3://", ""])
def test_an_address_of_no_store_is_told_before_the_dump_is_made(
    source: Database, target: Database, tmp_path: Path, address: str
) -> None:
    move = Move(UrlEndpoint(source), target, tmp_path / "2024-07-01", tmp_path, store=address)
    with pytest.raises(BiDatabaseError, match="RFM_BI_STORE_URL cannot be used"):
        move.make_dump()
    assert list(tmp_path.iterdir()) == []
