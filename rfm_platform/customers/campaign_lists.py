"""Lists of the customers that campaigns target: files that people write, and delete again.

CSV or Parquet with the columns ``marketplace`` and ``user_id``, as ``rfm audience`` writes them. A
list that cannot be read is no mistake of the calendar: it may be deleted once its campaign was
judged, and not be there yet long before it.
"""

import hashlib
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
    query = read_sql(__package__, f"campaign_file_{file.suffix.removeprefix('.')}")
    try:
        session.materialize("campaign_file", query, file=str(file))
    except duckdb.Error as error:
        # DuckDB's message may quote a row.
        raise CampaignsError(f"campaign {name}: customers: {file} {_fault(file, error)}") from None


def _fault(file: Path, error: duckdb.Error) -> str:
    if isinstance(error, duckdb.BinderException):
        return "needs the columns marketplace and user_id"
    if file.suffix == ".csv" and not _is_utf8(file):
        return "is no UTF-8 text"
    return f"is no {file.suffix.removeprefix('.')} file ({type(error).__name__})"


def _is_utf8(file: Path) -> bool:
    try:
        file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    return True
