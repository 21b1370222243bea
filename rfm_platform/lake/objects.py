"""A table's files under a prefix of an object store, which engines do not read and write in place.

They are written into the session's scratch directory and uploaded before the commit, and fetched
there, once a session, before they are read: one request a file. DuckDB's reading over fsspec asked
for eleven a file and took five to nine times as long; DuckDB's own extension would be downloaded at
run time.

A store has no lock. So a commit lands only as the version right after the one that its writer has
read, or not at all.
"""

import posixpath
import re
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import obstore
from deltalake import CommitProperties
from deltalake.exceptions import CommitFailedError, DeltaError
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import ObjectStore, from_url

from rfm_platform.lake.errors import GoneError, StoreError

_AT_ONCE = 8  # files on their way, each in memory in parts of some MB
_PARTIAL = ".partial"
T = TypeVar("T")


@dataclass(frozen=True)
class ObjectPrefix:
    """A table's files in an object store.

    Attributes:
        url: of the table, ``s3://bucket/prefix/table``; credentials come from the environment.
    """

    url: str

    @property
    def location(self) -> str:
        """The table, as delta-rs takes it."""
        return self.url

    @property
    def commit_properties(self) -> CommitProperties | None:
        # Left to itself delta-rs moves a commit that was overtaken behind the other one, and rows
        # that both put into an empty partition are there twice.
        return CommitProperties(max_commit_retries=0)

    def stamp(self) -> None:
        """None: looking at a store costs as much as reading the log."""

    def was_overtaken(self, error: DeltaError) -> bool:
        """Whether a commit is to be tried again, on top of another writer's."""
        return isinstance(error, CommitFailedError) or "already exists" in str(error)

    def address(self, path: str) -> str:
        """Where a file lies that the log names."""
        return f"{self.url}/{path}"

    def relative(self, address: str) -> str:
        """How the log names a file."""
        return address.removeprefix(f"{self.url}/")

    def have_gone(self, addresses: Collection[str]) -> bool:
        """Whether one of the files is not there."""
        wanted = {self.relative(address) for address in addresses}
        if not wanted:
            return False
        # One listing instead of a request a file.
        prefix = posixpath.commonpath([posixpath.dirname(path) for path in wanted])
        with self.told():
            pages = obstore.list(_open(self.url), prefix=prefix or None)
            found = {item["path"] for page in pages for item in page}
        return not wanted <= found

    def staging(self, scratch: Path) -> Path:
        """Where an engine writes new files, in directories named after partitions."""
        return scratch / f"new-{posixpath.basename(self.url)}"

    def prepare(self) -> None:
        """Before a table's first commit.

        Raises:
            StoreError: the store would let one writer's commit replace another's.
        """
        store, probe = _open(self.url), f"_probe-{uuid.uuid4()}"
        with self.told():
            obstore.put(store, probe, b"", mode="create")
            try:
                obstore.put(store, probe, b"", mode="create")
            except AlreadyExistsError:
                return
            finally:
                obstore.delete(store, probe)
        raise StoreError(
            f"RFM_LAKE_URL: the store of {self.url} does not know conditional puts "
            "(If-None-Match): a commit of one writer would silently replace another's"
        )

    def take(self, files: Sequence[Path]) -> None:
        """Brings written files to where their table's files lie."""
        store = _open(self.url)

        def upload(file: Path) -> None:
            obstore.put(store, f"{file.parent.name}/{file.name}", file)
            file.unlink()

        with self.told():
            _each(upload, files)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Errors of the store, in a sentence."""
        try:
            yield
        except (BaseError, OSError, DeltaError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # of this machine: its disk is full
            if isinstance(error, DeltaError) and _answer(error) is None:
                raise  # of the table, not of the store
            # Its whole message may quote a signed address.
            why = _answer(error) or type(error).__name__
            raise StoreError(
                f"RFM_LAKE_URL: {self.url} cannot be read or written ({why}). Does the bucket "
                "exist, is its address right, and may the credentials in the environment (AWS_… "
                "for s3://) read, write, list and delete there?"
            ) from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """No lock: `commit_properties` lets one of several writers through."""
        yield


def readable(files: Sequence[str], scratch: Path) -> list[str]:
    """Paths of some of a lake's files, for an engine to read: what lies in a store is fetched.

    Args:
        files: addresses, of one table.
        scratch: of the session; a file that is there already is not fetched again.

    Raises:
        GoneError: one has been removed.
        StoreError: the store cannot be read.
    """
    if not files or "://" not in files[0]:
        return list(files)
    # table/partition/file: names of files are never used again, so a copy cannot be outdated.
    table = ObjectPrefix(files[0].rsplit("/", 2)[0])
    place = scratch / f"copies-{posixpath.basename(table.url)}"
    copies = {file: place / table.relative(file) for file in files}
    store = _open(table.url)

    def fetch(file: str) -> None:
        copies[file].parent.mkdir(parents=True, exist_ok=True)
        try:
            chunks = obstore.get(store, table.relative(file))
        except FileNotFoundError:
            raise GoneError(f"{file} has been removed from the lake") from None
        # A copy that broke off has another name, and is not taken for the file.
        partial = copies[file].with_suffix(_PARTIAL)
        with partial.open("wb") as copy:
            for chunk in chunks:
                copy.write(chunk)
        partial.rename(copies[file])

    with table.told():
        _each(fetch, [file for file in copies if not copies[file].exists()])
    return [str(copies[file]) for file in files]


def _open(url: str) -> ObjectStore:
    # Given options, it would not look at AWS_ALLOW_HTTP; delta-rs does, and refuses.
    return from_url(url, client_options={"timeout": "120s", "allow_http": True})


def _each(work: Callable[[T], None], items: Sequence[T]) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(work, items))


def _answer(error: Exception) -> str | None:
    """How a server refused; None: it did not, or because another writer was faster."""
    answer = re.search(r"\b(?!409|412)[45]\d\d [A-Z][A-Za-z ]+", str(error))
    return answer[0].strip() if answer else None
