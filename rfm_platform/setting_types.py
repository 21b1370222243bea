"""Values of variables that several settings take, or that need more than a type.

Each function raises ValueError with the end of a sentence, ``is …``, that never repeats the value.
"""

import datetime as dt
import re
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, SecretStr

# PostgreSQL takes the first four for abbreviations, an offset without summer time, where Python
# has zones with it; the others mean what a machine, or nobody, has chosen.
_NOT_THE_SAME_EVERYWHERE = {"CET", "EET", "MET", "WET", "FACTORY", "LOCALTIME", "POSIXRULES"}
_STORE = re.compile(r"(s3|gs|az)://[\w.-]+(/[\w.-]+)*/?")
# A host, and perhaps a port and a path: no room for a password, which would be sent for the key.
_REDASH = re.compile(r"https?://([^\s/?#@:\[\]]+|\[[\da-f:]+\])(:\d+)?(/[^\s?#]*)?", re.IGNORECASE)
_SPARK = re.compile(r"sc://(?P<host>\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:(?P<port>\d{1,5}))?(/(;.*)?)?")


def _local(time: dt.time) -> dt.time:
    if time.tzinfo is not None:
        raise ValueError("is local time (RFM_TIMEZONE): leave out the zone")
    if time.second or time.microsecond:
        raise ValueError("is a time in whole minutes, such as 02:30")
    return time


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a directory of zones
        raise ValueError("is no time zone name such as Asia/Jakarta") from None
    if name.upper() in _NOT_THE_SAME_EVERYWHERE or name.startswith("right/"):
        raise ValueError(
            "may be another zone for PostgreSQL than for Python, and days would begin at another "
            "hour: write it as a place, Europe/Berlin or the like"
        )
    return name


def _store(url: str) -> str:
    # Nothing that a log, a store or DuckDB would read otherwise, and no room for a password.
    if not _STORE.fullmatch(url):
        raise ValueError(
            "is no address such as s3://bucket/prefix, of letters, digits, '.', '_' and '-'; "
            "credentials belong into variables of their own"
        )
    return url


def _spark(remote: SecretStr) -> SecretStr:
    found = _SPARK.fullmatch(remote.get_secret_value())
    if found is None or int(found["port"] or 0) > 65_535:
        raise ValueError(
            "is no address such as sc://host:15002; a token follows it as /;token=…, and there is "
            "no user or password"
        )
    return remote


def _redash(url: str) -> str:
    if not _REDASH.fullmatch(url.strip()):
        raise ValueError(
            "is no address such as https://redash.example.com, without a user, password or query: "
            "RFM_REDASH_API_KEY is what Redash is asked with"
        )
    return url.strip()


def _without_blanks(key: SecretStr) -> SecretStr:
    return SecretStr(key.get_secret_value().strip())


def _directory(path: Path) -> Path:
    if any(part.find("=") > 0 for part in path.absolute().parts):
        raise ValueError(
            "is a directory with name=value in its path, which would be read as a column of the "
            "tables in it: choose one without ="
        )
    return path


Days = Annotated[int, Field(le=36_500)]
"""A century: there is a date so many days before any that is loaded."""
LocalTime = Annotated[dt.time, AfterValidator(_local)]
Zone = Annotated[str, AfterValidator(_zone)]
StoreUrl = Annotated[str, AfterValidator(_store)]
RedashUrl = Annotated[str, AfterValidator(_redash)]
ApiKey = Annotated[SecretStr, AfterValidator(_without_blanks)]
"""Secrets that were made from a file end with a line's end."""
SparkRemote = Annotated[SecretStr, AfterValidator(_spark)]
TablesDirectory = Annotated[Path, AfterValidator(_directory)]
"""Where DuckDB reads Parquet files: it takes columns from the names of directories."""
