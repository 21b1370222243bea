"""An archive's files: encryption at rest with age, and a table's rows read back out of it."""

import secrets
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, takewhile
from pathlib import Path

import pyrage
from pyrage import x25519

from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.manifest import NAME, Manifest
from rfm_platform.bi_database.staging import DECRYPTED, staging
from rfm_platform.bi_database.state import TableState
from rfm_platform.bi_database.tools import choose, stream

SUFFIX = ".age"
_ENCODING = b"SET client_encoding = "


def encrypt(directory: Path, recipients: Sequence[str]) -> None:
    """Replaces each file below a directory by one that only the recipients can read.

    Raises:
        BiDatabaseError: a recipient is no age public key, or the disk is full.
    """
    try:
        keys = [x25519.Recipient.from_str(recipient) for recipient in recipients]
    except pyrage.RecipientError:
        raise BiDatabaseError(
            "RFM_BI_RECIPIENTS holds what is no age public key: they begin with age1"
        ) from None
    for path in _files(directory):
        encrypted = path.with_name(path.name + SUFFIX)
        try:
            pyrage.encrypt_file(str(path), str(encrypted), keys)
        except pyrage.EncryptError as error:  # what the system says is in its text
            raise BiDatabaseError(
                f"{encrypted} cannot be written: {error}. Beside each file its encrypted copy has "
                "to fit: make room, or set RFM_BI_DUMPS"
            ) from None
        encrypted.chmod(0o600)
        path.unlink()


@contextmanager
def readable(directory: Path, manifest: Manifest, identity: str | None) -> Iterator[Path]:
    """The archive's files as pg_restore reads them: a private copy where they are encrypted.

    Raises:
        BiDatabaseError: they are encrypted and the identity is none, or opens none of them.
    """
    if not manifest.is_encrypted:
        yield directory
        return
    if identity is None:
        raise BiDatabaseError(f"the dump in {directory} is encrypted: set RFM_BI_IDENTITY")
    place = directory.parent / f"{DECRYPTED}{secrets.token_hex(4)}"
    with staging(place):
        decrypt(directory, place, identity)
        yield place


def decrypt(directory: Path, place: Path, identity: str) -> None:
    """Writes the plain files of an encrypted dump below another directory.

    Raises:
        BiDatabaseError: the identity is none, or opens none of them, or the disk is full.
    """
    try:
        key = x25519.Identity.from_str(identity)
    except pyrage.IdentityError:
        raise BiDatabaseError(
            "RFM_BI_IDENTITY is no age private key: they begin with AGE-SECRET-KEY-1"
        ) from None
    for path in _files(directory):
        plain = place / path.relative_to(directory).with_suffix("")
        plain.parent.mkdir(parents=True, exist_ok=True)
        try:
            pyrage.decrypt_file(str(path), str(plain), [key])
        except pyrage.DecryptError:
            raise BiDatabaseError(
                f"RFM_BI_IDENTITY does not open {path}: it is another key's, or damaged"
            ) from None
        except OSError as error:
            raise BiDatabaseError(
                f"{path} cannot be decrypted into {place}: {error}. If the disk is full, make room"
            ) from None


def dumped_encoding(archive: Path, version: int, table: TableState) -> str:
    """The encoding of an archive's texts, by PostgreSQL's name.

    Args:
        archive: a directory, or a file of the custom format.
        version: of the pg_dump that wrote it.
        table: any of its tables.

    Raises:
        BiDatabaseError: it cannot be read.
    """
    with _script(archive, version, table) as lines:
        for line in lines:
            if line.startswith(_ENCODING):
                return line[len(_ENCODING) :].strip(b" ';").decode("ascii")
    raise BiDatabaseError(f"{archive}: pg_restore does not tell its encoding")


def dumped_rows(archive: Path, version: int, table: TableState) -> Iterator[bytes]:
    """A table's rows as an archive holds them, in COPY's text form and the archive's encoding.

    Args:
        archive: a directory, or a file of the custom format.
        version: of the pg_dump that wrote it.
        table: which.

    Raises:
        BiDatabaseError: it cannot be read.
    """
    with _script(archive, version, table) as lines:
        for line in lines:
            if line.startswith(b"COPY "):
                _end_of_statement(line, lines)
                yield from takewhile(lambda row: row != b"\\.", lines)


def _end_of_statement(line: bytes, lines: Iterator[bytes]) -> None:
    """Reads on to the end of a COPY statement: a name in it may have line ends."""
    quotes = 0
    for part in chain([line], lines):
        quotes += part.count(b'"')
        if quotes % 2 == 0 and part.endswith(b" FROM stdin;"):
            return


@contextmanager
def _script(archive: Path, version: int, table: TableState) -> Iterator[Iterator[bytes]]:
    """The lines of the script that would restore a table's rows; may be left before its end."""
    program = choose("pg_restore", version).path
    command = [
        str(program),
        "--data-only",
        "--file=-",
        f"--schema={table.schema_name}",
        f"--table={table.name}",
        str(archive),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def lines() -> Iterator[bytes]:
        for line in stream(process.stdout):
            yield line.rstrip(b"\n")
        if process.wait() != 0:
            raise BiDatabaseError(f"{archive}: pg_restore cannot read {table.title} out of it")

    try:
        yield lines()
    finally:
        process.kill()
        process.wait()
        stream(process.stdout).close()


def _files(directory: Path) -> list[Path]:
    return [p for p in sorted(directory.rglob("*")) if p.is_file() and p.name != NAME]
