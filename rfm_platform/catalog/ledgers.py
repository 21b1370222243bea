"""What is noted of each publication, export, check and dashboard."""

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Table, Text

from rfm_platform.catalog.schemas import WAREHOUSE

_RESTATED = {
    "total_order": "Valid orders",
    "total_cancelled": "Orders with a cancelled line",
    "total_returned": "Orders with a returned line",
    "total_quantity": "Units on valid lines",
    "total_gmv_base_amount": "GMV of valid lines in base currency",
    "customers": "Customers with a valid order",
}

restatements = Table(
    "restatements",
    WAREHOUSE,
    Column("restated_at", DateTime, comment="When the new figures were published, local time."),
    Column("run_id", Text, comment="The run that published them."),
    Column("month_of_order", Date, comment="First day of the month that was restated."),
    Column("marketplace", Text, comment="E-commerce platform."),
    Column(
        "through",
        Date,
        comment="Both figures count the month's days up to this one; before, a day that was not "
        "loaded yet counts without an order.",
    ),
    *(
        Column(f"{measure}_{when}", BigInteger, comment=f"{meaning}, {said}.")
        for measure, meaning in _RESTATED.items()
        for when, said in (("before", "as published before"), ("after", "as published now"))
    ),
    comment="Each change to orders, units or GMV of an already published month, of a shop or of a "
    "customer in it: one row per run, month and marketplace. Where they moved between shops or "
    "customers, or changed in their own currency alone, those before and after are equal.",
)

publications = Table(
    "publications",
    WAREHOUSE,
    Column("month_of_order", Date, comment="First day of the month."),
    Column("version", Text, comment="Which computation of the month is published."),
    Column("published_at", DateTime, comment="When, local time."),
    Column("through", Date, comment="The month's newest day that was loaded by then, if known."),
    comment="What aggregated_monthly holds of each month, so that a month that was computed and "
    "not published is noticed.",
)

snapshot_publications = Table(
    "snapshot_publications",
    WAREHOUSE,
    Column("as_of_date", Date, comment="Of the snapshot."),
    Column("version", Text, comment="Which computation of the snapshot is published."),
    Column("published_at", DateTime, comment="When, local time."),
    comment="What final_user_analysis_snapshots holds as of each day, so that the next snapshot "
    "can take over the rows that are the same.",
)

newest_snapshots = Table(
    "newest_snapshots",
    WAREHOUSE,
    Column("table_name", Text, primary_key=True, comment="The table of snapshots."),
    Column("as_of_date", Date, nullable=False, comment="Its newest snapshot, with rows or not."),
    Column("published_at", DateTime, comment="When, local time."),
    comment="As of which day each table of snapshots was published last: where that snapshot has "
    "no rows, the view of the newest one is empty and shows no day before.",
)

audiences = Table(
    "audiences",
    WAREHOUSE,
    Column("exported_at", DateTime, comment="When, local time."),
    Column("exported_by", Text, comment="Who: the account on the machine, or the name given."),
    Column("as_of_date", Date, comment="The snapshot that the customers are of."),
    Column("segment", Text, comment="The segment."),
    Column("marketplace", Text, comment="The marketplace; null: all."),
    Column("customers", BigInteger, comment="How many customers the file holds."),
    Column("action", Text, comment="What was to be done with them."),
    Column("purpose", Text, comment="What they were wanted for."),
    Column("file", Text, comment="Name of the file."),
    Column("sha256", Text, comment="Of the file, to know it again."),
    comment="Receipts: each export of customers for activation. No customer is in it.",
)

check_results = Table(
    "check_results",
    WAREHOUSE,
    Column("asset", Text, comment="The table or asset that was checked."),
    Column("check_name", Text, comment="What holds where it has passed."),
    Column("day", Date, comment="The day that was judged; null: not a day, but everything."),
    Column("passed", Boolean, comment="The newest verdict; false also where the check only warns."),
    Column("recorded_at", DateTime, comment="When the verdicts were copied here, local time."),
    comment="The newest verdict of each check on each day, for dashboards; all rows are replaced.",
)

redash_objects = Table(
    "redash_objects",
    WAREHOUSE,
    Column("server", Text, comment="Redash's address."),
    Column("kind", Text, comment="query, visualization, dashboard, widget, alert, data_source."),
    Column("key", Text, comment="Its key in the declaration."),
    Column("id", BigInteger, comment="Its number in Redash."),
    Column("sent", Text, comment="What was sent, as JSON: an edit by hand is what differs."),
    Column("sent_at", DateTime, comment="When, local time."),
    Column(
        "adopted", Boolean, comment="Whether people made it: it is never put away; null: unknown."
    ),
    Column(
        "left_at",
        DateTime,
        comment="When it left the declaration, local time; null: it is managed.",
    ),
    comment="Which objects in Redash are managed from the declaration, and which were.",
)
