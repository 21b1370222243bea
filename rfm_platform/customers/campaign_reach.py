"""Whom campaigns reach, as tables that campaign_panel.sql reads: the calendar, and who is listed.

A name that is not written as in the mart is no error: nobody has ordered there, or nobody yet. But
then whom a campaign has reached stands beside it, as if it had not, so what is odd is told.
"""

from collections.abc import Callable, Collection, Sequence

import sqlalchemy as sa

from rfm_platform.customers import campaign_lists as lists
from rfm_platform.customers.campaigns import Campaign
from rfm_platform.engine import Session, read_sql

Place = tuple[str | None, str | None]
NAMED = 10  # names of marketplaces or shops in a sentence

_CALENDAR = sa.Table(
    "campaigns",
    sa.MetaData(),
    sa.Column("campaign", sa.Integer),
    sa.Column("first_day", sa.Date),
    sa.Column("last_day", sa.Date),
    sa.Column("marketplaces", sa.ARRAY(sa.Text)),
    sa.Column("shops", sa.ARRAY(sa.Text)),
    sa.Column("is_listed", sa.Boolean),
)
_LISTED = sa.Table(
    "campaign_listed",
    sa.MetaData(),
    sa.Column("campaign", sa.Integer),
    sa.Column("customer", sa.BigInteger),
)


def create_calendar(
    session: Session,
    campaigns: Sequence[Campaign],
    read: Collection[int],
    warn: Callable[[str], object],
) -> None:
    """Makes the calendar the session's campaigns, and whom their files list campaign_listed.

    Args:
        session: has campaign_customers and campaign_customer_shops.
        read: numbers of those that matter; no other list is read, and nothing odd told of it.
        warn: called with what is odd.

    Raises:
        CampaignsError: a list of targeted customers is no such list.
    """
    calendar = [
        (n, c.start, c.end, _list(c.marketplaces), _list(c.shops), c.customers is not None)
        for n, c in enumerate(campaigns)
    ]
    session.create("campaigns", _CALENDAR.columns, calendar)
    places = session.rows(read_sql(__package__, "campaign_places"))
    listed = ["no_campaign_listed"]
    session.create(listed[0], _LISTED.columns, [])
    for n in sorted(read):
        campaign = campaigns[n]
        odd = unknown_places(campaign, places)
        if campaign.customers is not None:
            lists.read_customers(session, campaign.name, campaign.customers)
            listed.append(f"campaign_listed_{n}")
            session.materialize(listed[-1], read_sql(__package__, "campaign_listed"), campaign=n)
            odd += lists.unknown(session, campaign.name, listed[-1])
        for each in odd:
            warn(each)
    session.union("campaign_listed", listed, _LISTED)


def unknown_places(campaign: Campaign, places: Collection[Place]) -> list[str]:
    """A campaign's marketplaces and shops in which nobody has ever ordered, a sentence for each.

    Args:
        places: all marketplaces and shops, in pairs, in which somebody has.
    """
    marketplaces = {marketplace for marketplace, _ in places if marketplace is not None}
    within = {*(campaign.marketplaces or marketplaces)}
    # Of a marketplace that is not there every shop would be told as well.
    anywhere = campaign.marketplaces is None or not within <= marketplaces
    shops = {
        shop
        for marketplace, shop in places
        if shop is not None and (anywhere or marketplace in within)
    }
    return [
        f"campaign {campaign.name}: nobody has ever validly ordered in {kind} {_some(unknown)}, "
        f"but in {_some(sorted(known)) or 'none'}: is it written as in the mart?"
        for kind, named, known in (
            ("marketplace", campaign.marketplaces, marketplaces),
            ("shop", campaign.shops, shops),
        )
        if (unknown := [name for name in named or () if name not in known])
    ]


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _list(names: tuple[str, ...] | None) -> list[str] | None:
    return None if names is None else list(names)
