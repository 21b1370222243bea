"""Lists of the customers that campaigns target: files that people write, and delete again.

CSV or Parquet with the columns ``marketplace`` and ``user_id``, as ``rfm audience`` writes them. A
list that cannot be read is no mistake of the calendar: it may be deleted once its campaign was
judged, and every other within whose windows it lies, and not be there yet long before it.
"""

import csv
import glob
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

import duckdb

from rfm_platform.customers.campaigns import Campaign, CampaignsError
from rfm_platform.engine import Session, read_sql


class NoListError(CampaignsError):
    """A list of targeted customers cannot be read: whose, which file, why."""


def listed(campaign: Campaign) -> str | None:
    """Identifies the list of customers that a campaign targets; None: it has none.

    Raises:
        NoListError: it cannot be read.
    """
    if campaign.customers is None:
        return None
    try:
        return hashlib.md5(campaign.customers.read_bytes(), usedforsecurity=False).hexdigest()
    except OSError as error:
        raise NoListError(
            f"the list of {campaign.name}, {campaign.customers.name}, cannot be read "
            f"({error.strerror})"
        ) from None


def without_list(campaigns: Iterable[Campaign]) -> list[str]:
    """Of each campaign whose list of customers cannot be read, which file and why."""
    found = []
    for campaign in campaigns:
        try:
            listed(campaign)
        except NoListError as error:
            found.append(str(error))
    return found


def read_customers(session: Session, name: str, file: Path) -> None:
    """Makes a campaign's list of customers the session's campaign_file.

    Raises:
        CampaignsError: it is no such list.
    """
    where = f"campaign {name}: customers: {file}"
    query = read_sql(__package__, f"campaign_file_{file.suffix.removeprefix('.')}")
    # DuckDB takes a name for a pattern: vip[1].csv would be another file, vip1.csv.
    name_as_it_is = glob.escape(str(file))
    try:
        if file.suffix == ".parquet":
            _refuse_fractions(session, where, name_as_it_is)
        session.materialize("campaign_file", query, file=name_as_it_is)
    except duckdb.Error as error:
        # DuckDB's message may quote a row.
        raise CampaignsError(f"{where} {_fault(file, error)}") from None


def unknown(session: Session, name: str, listed_table: str) -> list[str]:
    """What is odd about a list whose customers have mostly never ordered; nothing: most have.

    Args:
        listed_table: the session's table of those who have.
    """
    [(customers,)] = session.rows(read_sql(__package__, "campaign_file_size"))
    known = len(session.query(f"FROM {listed_table}"))
    if known * 2 >= customers:
        return []
    return [
        f"campaign {name}: of {customers:,} listed customers {known:,} have ever ordered: are "
        "marketplace and user_id written as in the mart?"
    ]


def _refuse_fractions(session: Session, where: str, file: str) -> None:
    [kind] = session.records(read_sql(__package__, "campaign_file_types"), file=file)
    is_whole = kind["column_type"].endswith(",0)")
    if kind["column_type"].startswith(("FLOAT", "DOUBLE", "DECIMAL")) and not is_whole:
        raise CampaignsError(
            f"{where} has user_id as {kind['column_type']}, which turns 12 into 12.0 and rounds "
            "long numbers: write it as text"
        )


def _fault(file: Path, error: duckdb.Error) -> str:
    if file.suffix == ".csv":
        if not _is_utf8(file):
            return "is no UTF-8 text"
        if (ragged := _ragged(file)) is not None:
            return ragged
    if isinstance(error, duckdb.BinderException):
        return "needs the columns marketplace and user_id"
    return f"is no {file.suffix.removeprefix('.')} file ({type(error).__name__})"


def _ragged(file: Path) -> str | None:
    """What hides the columns of a CSV that has them: DuckDB takes all for one then."""
    with file.open(encoding="utf-8-sig", newline="") as text:
        if (header := _header(text)) is None:
            return None
        line, separator, columns = header
        rows = csv.reader(text, delimiter=separator, strict=True)
        try:
            for row in rows:
                if row and len(row) != columns:
                    where = line + rows.line_num
                    return f"has {len(row)} values in line {where} and {columns} columns"
        except csv.Error as error:
            return f"cannot be read from line {line + rows.line_num} on ({error})"
    if len(ends := _line_ends(file)) > 1:
        return f"mixes {' and '.join(ends)} line ends: save it again with those of one kind"
    if line > 1:
        return f"has text above its columns, which are in line {line}: delete what is above"
    return None


def _header(text: Iterable[str]) -> tuple[int, str, int] | None:
    """In which line the columns are named, by what they are separated, how many there are."""
    for line, header in enumerate(text, 1):
        separator = max(",;\t|", key=header.count)
        names = [name.strip().strip('"').lower() for name in header.split(separator)]
        if {"marketplace", "user_id"} <= {*names}:
            return line, separator, len(names)
    return None


def _line_ends(file: Path) -> list[str]:
    """Whose line ends a file has: DuckDB knows a file's lines by one kind."""
    there = {*re.findall(rb"\r\n|\r|\n", file.read_bytes())}
    kinds = {b"\r\n": "Windows", b"\n": "Unix", b"\r": "old Mac"}
    return [name for end, name in kinds.items() if end in there]


def _is_utf8(file: Path) -> bool:
    try:
        file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    return True
