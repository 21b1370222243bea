"""Dumps in an object store, beside the local ones: S3 and what speaks it, Google's, Azure's.

A dump is complete there when its manifest is, which goes last. Where it is needed on another
machine it is fetched whole; the restore's preflight compares every checksum.
"""

from collections.abc import Callable
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, from_url

from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.manifest import NAME, read_manifest
from rfm_platform.bi_database.staging import PARTIAL, staging

Progress = Callable[[str], None]


def check(url: str) -> None:
    """Looks whether a store's URL is one, before anything is made that goes there.

    Raises:
        BiDatabaseError: it is none, or no store that is known.
    """
    _open(url)


def upload(directory: Path, url: str, progress: Progress = lambda _: None) -> None:
    """Copies a dump into a store, replacing one of the same name.

    Args:
        directory: the dump's; its name is its name in the store.
        url: ``s3://bucket/prefix``; credentials as the cloud's own programs take them, from the
            environment or the machine's identity.
        progress: told each file.

    Raises:
        BiDatabaseError: the store cannot be reached or refuses.
    """
    name = directory.name
    files = [*(file.path for file in read_manifest(directory).files), NAME]
    try:
        store = _open(url)
        _remove(store, name)
        for path in files:
            progress(f"storing {path}")
            obstore.put(store, f"{name}/{path}", directory / path)
    except BaseError as error:
        raise _failed(url, error) from None


def fetch(directory: Path, url: str, progress: Progress = lambda _: None) -> None:
    """Brings a dump from a store to where it would lie, whole or not at all.

    Raises:
        BiDatabaseError: it is not there, or the store cannot be reached.
    """
    partial = directory.with_name(f".{directory.name}{PARTIAL}")
    with staging(partial):
        try:
            store = _open(url)
            _get(store, f"{directory.name}/{NAME}", partial / NAME)
            for file in read_manifest(partial).files:
                progress(f"fetching {file.path}")
                _get(store, f"{directory.name}/{file.path}", partial / file.path)
            partial.rename(directory)
        except (FileNotFoundError, BaseError) as error:
            raise _failed(f"{url}: the dump {directory.name}", error) from None


def complete_dumps(url: str) -> list[str]:
    """The names of the daily dumps in a store that are complete, oldest first.

    Raises:
        BiDatabaseError: the store cannot be reached.
    """
    try:
        paths = [item["path"] for page in obstore.list(_open(url)) for item in page]
    except BaseError as error:
        raise _failed(url, error) from None
    found = (path.split("/")[0] for path in paths if path.endswith(f"/{NAME}"))
    return sorted(name for name in found if name[:1].isdigit())


def remove_old(url: str, keep: int) -> list[str]:
    """Removes all but the newest daily dumps of a store; returns the removed names."""
    removed = complete_dumps(url)[:-keep]
    for name in removed:
        _remove(_open(url), name)
    return removed


def _open(url: str) -> ObjectStore:
    try:
        return from_url(url, client_options={"allow_http": True, "timeout": "120s"})
    except (ValueError, BaseError) as error:
        # Nothing has been asked yet, so that there is no signed address in it; but maybe the URL.
        (said, *_) = str(error).replace(url, "…").splitlines()
        raise BiDatabaseError(
            f"RFM_BI_STORE_URL cannot be used ({said}): write s3://bucket/prefix, "
            "gs://bucket/prefix or az://container/prefix, and set what its cloud's own programs "
            "take"
        ) from None


def _remove(store: ObjectStore, name: str) -> None:
    paths = [item["path"] for page in obstore.list(store, prefix=f"{name}/") for item in page]
    # The manifest first: what is left of a removal that broke off is no dump.
    for path in sorted(paths, key=lambda path: not path.endswith(NAME)):
        obstore.delete(store, path)


def _get(store: ObjectStore, path: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        for chunk in obstore.get(store, path):
            file.write(chunk)


def _failed(place: str, error: Exception) -> BiDatabaseError:
    # The whole message may quote a signed address.
    return BiDatabaseError(f"{place} cannot be read or written: {type(error).__name__}")
