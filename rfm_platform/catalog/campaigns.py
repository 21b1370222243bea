"""What campaigns changed."""

from sqlalchemy import BigInteger, Column, Date, Float, Table, Text

from rfm_platform.catalog.schemas import LAKE, WAREHOUSE, as_of_columns

_BY_ARM = {
    "customers": "with a valid order before the campaign",
    "excluded": "of those, left out: another campaign reached them within the windows",
    "matched": "of the rest, in an R×F×M cell that holds both, as of the day before the campaign",
}
_ARMS = {"targeted": "Customers that the campaign reached", "comparison": "Those it did not reach"}

campaign_effect_snapshots = Table(
    "campaign_effect_snapshots",
    WAREHOUSE,
    *as_of_columns("campaign_effect_snapshots"),
    Column("campaign", Text, comment="Name, from the campaign calendar."),
    Column("first_day", Date, comment="The campaign's first day."),
    Column("last_day", Date, comment="The campaign's last day."),
    Column(
        "breakdown",
        Text,
        comment="`all` customers, by `cohort` (month of the first valid order) or by `segment`, "
        "as of the day before the campaign.",
    ),
    Column("breakdown_value", Text, comment="The cohort (YYYY-MM) or segment; null for all."),
    Column("period", Text, comment="`during` the campaign, or as many days right `after` it."),
    Column(
        "outcome",
        Text,
        comment="A customer's valid `orders`, their `revenue` (base currency), or whether there "
        "was one (`active`).",
    ),
    *(
        Column(f"{arm}_{count}", BigInteger, comment=f"{who}: {meaning}.")
        for arm, who in _ARMS.items()
        for count, meaning in _BY_ARM.items()
    ),
    Column(
        "comparison_effective",
        Float(53),
        comment="Customers that the weighted comparison is worth (Kish's effective sample size).",
    ),
    *(
        Column(f"{arm}_{when}", Float(53), comment=f"{who}: the outcome's mean {meaning}.")
        for arm, who in (
            ("targeted", "Matched targeted customers"),
            ("comparison", "Matched comparison customers, weighted like the targeted"),
        )
        for when, meaning in (
            ("before", "in as many days right before the campaign"),
            ("then", "in the period"),
        )
    ),
    Column(
        "effect",
        Float(53),
        comment="Difference in differences, per customer: (targeted_then − targeted_before) − "
        "(comparison_then − comparison_before).",
    ),
    Column("effect_low", Float(53), comment="Lower end of its 95 % confidence interval."),
    Column("effect_high", Float(53), comment="Upper end of its 95 % confidence interval."),
    Column(
        "verdict",
        Text,
        comment="`higher` or `lower`: the interval lies above or below 0; `unclear`: it holds 0. "
        "No answer: `too_early`, `not_over`, `nobody_reached`, `no_comparison`, `too_few`, "
        "`not_alike`, `no_list`; see reason.",
    ),
    Column("reason", Text, comment="Why there is no answer; null: there is one."),
    comment="What each campaign that is over changed in existing customers' orders, against "
    "customers like them that it did not reach, as of a day.",
)

campaign_effect_lake = Table(
    "campaign_effect",
    LAKE,
    *(Column(c.name, c.type) for c in campaign_effect_snapshots.columns),
    Column("inputs", Text),
)
