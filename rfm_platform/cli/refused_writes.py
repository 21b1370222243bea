"""Homes and disks that take nothing more, told from errors of our own: no stack helps there.

Files are written by Python, SQLite, DuckDB and delta-rs, and each of them says it otherwise.
"""

import errno
import os
import re
import sqlite3

REFUSALS = {
    errno.EACCES,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.ENOSPC,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
}
SQLITES_REFUSALS = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
}
# DuckDB and delta-rs have no number in their errors; these words are nobody else's.
WORDS = [os.strerror(number) for number in (errno.EDQUOT, errno.ENOSPC, errno.EROFS)]
COLOURS = re.compile("\x1b\\[[0-9;]*m")  # delta-rs writes for a terminal
ADVICE = (
    "RFM_HOME, or where else a setting or an option says, must be a directory that can be written "
    "to and has space."
)


def refused_write(error: BaseException) -> str | None:
    """Which file could not be written and what to do; None: the error is another one."""
    cause: BaseException | None = error
    while cause is not None:
        said = _said(cause)
        if said:
            return f"{said.rstrip('.')}. {ADVICE}"
        cause = cause.__cause__
    return None


def _said(error: BaseException) -> str | None:
    if isinstance(error, OSError) and error.errno in REFUSALS:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}"
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)  # of errors that SQLite itself raises
        if code is not None and code & 0xFF in SQLITES_REFUSALS:
            return f"Dagster's storage in the home: {error}"
        return None
    text = COLOURS.sub("", str(error))
    return " ".join(text.split()) if any(word in text for word in WORDS) else None
