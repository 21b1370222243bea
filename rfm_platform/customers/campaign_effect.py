"""What a campaign changed: its customers before, during and after it, against others like them.

Only campaigns that are over as of the day are looked at, and only customers with a valid order
before the first day. Comparable are customers that the campaign did not reach, in the same cell of
recency × frequency × monetary value as of the day before it. The rows are campaign_comparison.py's,
the estimator is difference.py's; here is what comes from the lake and goes there. Outcomes are
orders anywhere, so that a purchase that only moved from one shop to another is no effect.

Campaigns overlap by person: whoever another campaign reached within the windows is left out and
counted, on both sides. Where what is left cannot answer, the row says why and holds no number.

A campaign is judged once: as long as nothing changes of what it was judged by (campaign_inputs.py),
its rows are those of an earlier snapshot. They also stay where a list of customers is gone by which
it was judged; where it was not judged yet, it has no answer.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache

from rfm_platform import catalog
from rfm_platform.customers import campaign_lists as lists
from rfm_platform.customers.campaign_comparison import Columns, Row, compare, refusals
from rfm_platform.customers.campaign_inputs import CampaignInputs
from rfm_platform.customers.campaign_reach import create_calendar
from rfm_platform.customers.campaigns import Campaign
from rfm_platform.customers.segments import Segments
from rfm_platform.customers.transforms import SEGMENT_CELLS
from rfm_platform.engine import DuckDBEngine, Session, read_sql
from rfm_platform.lake import Lake


@dataclass(frozen=True)
class CampaignEffects:
    """The evaluation of campaigns, bound to where it reads and writes.

    Attributes:
        min_customers: matched customers of each side that an effect needs.
        per_marketplace: whether scores are taken within each marketplace.
    """

    lake: Lake
    engine: DuckDBEngine
    min_customers: int
    per_marketplace: bool

    def evaluate(
        self,
        as_of: dt.date,
        campaigns: Sequence[Campaign],
        segments: Segments,
        warn: Callable[[str], object] = lambda _said: None,
    ) -> int:
        """campaign_effect as of a day.

        Args:
            warn: called with what is odd about the campaigns that are judged anew, or lie beside
                one: most of whom they list have never ordered, or nobody has in a place of theirs.

        Returns:
            The campaigns that are over.

        Raises:
            CampaignsError: a list of targeted customers is no such list.
        """
        over = [n for n, campaign in enumerate(campaigns) if campaign.end <= as_of]
        loaded = self.lake.source_orders.partitions(None, as_of)
        if not over or not loaded:
            self.lake.campaign_effect.commit([], [as_of])
            return len(over)
        inputs = CampaignInputs(
            as_of, loaded, campaigns, segments, self.min_customers, self.per_marketplace
        )
        digests: dict[int, str] = {}
        unlisted: dict[int, str] = {}
        for n in over:
            try:
                digests[n] = inputs.digest(campaigns[n])
            except lists.NoListError as error:
                unlisted[n] = str(error)
        with self.engine.session() as session:
            self._view_judged_before(session, as_of)
            query = read_sql(__package__, "campaign_judged_before")
            rows = session.records(query, digests=list(digests.values()))
            known = {row["inputs"] for row in rows}
            if changed := [n for n in digests if digests[n] not in known]:
                read = {other for n in changed for other in inputs.near(campaigns[n])}
                self._prepare(session, inputs, read, warn)
            for n in changed:
                judged = self._judge(session, as_of, loaded[0].value, n, campaigns[n])
                rows += [{"inputs": digests[n]} | row for row in judged]
            for n, reason in unlisted.items():
                rows += _kept(session, as_of, campaigns[n], reason)
            columns = catalog.campaign_effect_lake.columns
            dated: list[Row] = [row | {"as_of_date": as_of} for row in rows]
            told = [[row.get(column.name) for column in columns] for row in dated]
            session.create("told", columns, told)
            session.replace(self.lake.campaign_effect, "FROM told", [as_of])
        return len(over)

    def _view_judged_before(self, session: Session, as_of: dt.date) -> None:
        """The rows of the newest snapshot; none where it was written before inputs were noted."""
        snapshots = self.lake.campaign_effect.partitions(None, as_of)
        shape = self.lake.campaign_effect.shape
        session.view_files("judged_before", snapshots[-1].files if snapshots else [], shape)
        if "inputs" not in session.query("FROM judged_before").columns:
            session.view_files("judged_before", [], shape)

    def overview(self, as_of: dt.date) -> list[Row]:
        """All customers' effects as of a day, by campaign, period and outcome."""
        with self.engine.session() as session:
            session.view(self.lake.campaign_effect, as_of, as_of)
            return session.records(read_sql(__package__, "campaign_overview"))

    def _prepare(
        self,
        session: Session,
        inputs: CampaignInputs,
        read: Collection[int],
        warn: Callable[[str], object],
    ) -> None:
        """Makes what all campaigns share, with the lists of those by which one is judged."""
        session.view(self.lake.source_orders, None, inputs.as_of)
        for step in (
            "customer_days",
            "campaign_customers",
            "campaign_customer_days",
            "campaign_customer_shops",
        ):
            session.materialize(step, read_sql(__package__, step))
        cells = [(*cell, name) for cell, name in inputs.segments.cells.items()]
        session.create("segment_cells", SEGMENT_CELLS.columns, cells)
        create_calendar(session, inputs.campaigns, read, warn)

    def _judge(
        self, session: Session, as_of: dt.date, history: dt.date, number: int, campaign: Campaign
    ) -> list[Row]:
        """The rows of a campaign, both periods."""
        too_early = not_over = None
        if campaign.before < history:
            told = f"the window before it begins {campaign.before}, the history {history}"
            too_early = "too_early", told
        if campaign.after > as_of:
            not_over = "not_over", f"the window after it is not over before {campaign.after}"
        refused = {"during": too_early, "after": too_early or not_over}
        panel = cache(lambda: self._panel(session, number, campaign))
        seed = _seed(campaign.name)
        rows: list[Row] = []
        for period, refusal in refused.items():
            found = (
                refusals({"breakdown": "all"}, refusal)
                if refusal
                else compare(panel(), period, seed, self.min_customers)
            )
            rows += _described(campaign, period, found)
        return rows

    def _panel(self, session: Session, number: int, campaign: Campaign) -> Columns:
        day_before = campaign.start - dt.timedelta(days=1)
        session.materialize(
            "rfm_customers",
            read_sql(__package__, "campaign_rfm_customers"),
            as_of=day_before,
            per_marketplace=self.per_marketplace,
        )
        session.materialize("rfm_quartiles", read_sql(__package__, "rfm_quartiles"))
        session.materialize("rfm_scores", read_sql(__package__, "rfm_scores"), as_of=day_before)
        return session.query(
            read_sql(__package__, "campaign_panel"),
            campaign=number,
            before=campaign.before,
            first=campaign.start,
            last=campaign.end,
            after=campaign.after,
            is_listed=campaign.customers is not None,
        ).fetchnumpy()


def _kept(session: Session, as_of: dt.date, campaign: Campaign, reason: str) -> list[Row]:
    """What an earlier snapshot has found of a campaign; of what it has not, that nobody can."""
    rows = session.records(
        read_sql(__package__, "campaign_kept"),
        campaign=campaign.name,
        first=campaign.start,
        last=campaign.end,
        is_over=campaign.after <= as_of,
    )
    told = {row["period"] for row in rows}
    for period in ("during", "after"):
        if period not in told:
            rows += _described(
                campaign, period, refusals({"breakdown": "all"}, ("no_list", reason))
            )
    return rows


def _described(campaign: Campaign, period: str, rows: Sequence[Row]) -> list[Row]:
    of_both = {
        "campaign": campaign.name,
        "first_day": campaign.start,
        "last_day": campaign.end,
        "period": period,
    }
    return [of_both | row for row in rows]


def _seed(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
