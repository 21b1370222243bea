"""Segments, moves and retention by slice, and the page that shows them."""

from sqlalchemy import BigInteger, Boolean, Column, Date, Float, Integer, SmallInteger, Table, Text

from rfm_platform.catalog.schemas import FILES, WAREHOUSE, as_of_columns, slice_columns

rfm_segments_snapshots = Table(
    "rfm_segments_snapshots",
    WAREHOUSE,
    *as_of_columns("rfm_segments_snapshots"),
    *slice_columns(),
    Column("segment", Text, comment="Segment; null: the slice has too little data, see withheld."),
    Column("customers", BigInteger, comment="Customers of the segment with an order in the slice."),
    Column("customers_share", Float(53), comment="Of the slice's customers, 0 to 1."),
    Column("orders", BigInteger, comment="Their valid orders in the slice."),
    Column("revenue", BigInteger, comment="Their GMV in the slice, base currency."),
    Column("revenue_share", Float(53), comment="Of the slice's revenue; null without revenue."),
    Column("average_order_value", Float(53), comment="revenue ÷ orders."),
    Column("median_recency", Float(53), comment="Median days since their last order anywhere."),
    Column("action", Text, comment="What to do, from the segment file."),
    Column("withheld", Text, comment="Why the slice is not segmented; null: it is."),
    comment="Segments by slice, as of a day. Shops overlap: never add them up.",
)

rfm_cells_snapshots = Table(
    "rfm_cells_snapshots",
    WAREHOUSE,
    *as_of_columns("rfm_cells_snapshots"),
    *slice_columns(names=False),
    Column("r_score", SmallInteger, comment="Recency score, 3: lately."),
    Column("f_score", SmallInteger, comment="Frequency score, 3: often."),
    Column("m_score", SmallInteger, comment="Monetary score, 3: much."),
    Column("segment", Text, comment="Segment of the cell."),
    Column("customers", BigInteger, comment="Customers of the cell with an order in the slice."),
    Column("revenue", BigInteger, comment="Their GMV in the slice, base currency."),
    comment="The R×F×M grid by slice, as of a day. Shops overlap: never add them up.",
)

rfm_concentration_snapshots = Table(
    "rfm_concentration_snapshots",
    WAREHOUSE,
    *as_of_columns("rfm_concentration_snapshots"),
    *slice_columns(names=False),
    Column("percent", SmallInteger, comment="The largest so many per cent of the slice."),
    Column("customers", BigInteger, comment="How many customers that is, rounded up."),
    Column("revenue", BigInteger, comment="What they bring in the slice, base currency."),
    Column("revenue_share", Float(53), comment="Of the slice's revenue; null without revenue."),
    comment="Concentration of revenue by slice, as of a day; 1, 5, 20 and 100 % are the pyramid.",
)

rfm_migration_snapshots = Table(
    "rfm_migration_snapshots",
    WAREHOUSE,
    *as_of_columns("rfm_migration_snapshots"),
    Column("from_date", Date, comment="The earlier snapshot: the end of the month before."),
    *slice_columns(names=False),
    Column("from_segment", Text, comment="Segment before; null: no valid order then, an entrant."),
    Column("to_segment", Text, comment="Segment now; null: no valid order any more, a leaver."),
    Column(
        "cause",
        Text,
        comment="What the move needed: new_order, cancellation (fewer orders or less spent), "
        "correction (orders repriced, changed back or late), time, thresholds, joined by +; "
        "any_of_several: none alone; stayed: no move.",
    ),
    Column("customers", BigInteger, comment="Customers who went this way for this cause."),
    comment="From which segment to which since the end of the month before, by cause and slice.",
)

cohort_retention_snapshots = Table(
    "cohort_retention_snapshots",
    WAREHOUSE,
    *as_of_columns("cohort_retention_snapshots"),
    *slice_columns(),
    Column("cohort_month", Date, comment="Month of the first valid order in the slice."),
    Column("cohort_size", BigInteger, comment="Customers of the cohort."),
    Column("months", Integer, comment="Calendar months since cohort_month; 0: the month itself."),
    Column("customers", BigInteger, comment="Of the cohort, with a valid order in the month."),
    Column("orders", BigInteger, comment="Their valid orders in the month."),
    Column("revenue", BigInteger, comment="Their GMV in the month, base currency."),
    Column("cumulative_revenue", BigInteger, comment="revenue up to and with the month."),
    Column("is_partial", Boolean, comment="The month was not over as of the day."),
    Column(
        "is_left_truncated",
        Boolean,
        comment="The first month that is loaded: its customers may have bought before.",
    ),
    comment="Retention by customers, orders and revenue of each slice, as of a day. "
    "Shops overlap: never add them up.",
)

customer_report = Table(
    "customer_report",
    FILES,
    Column("as_of_date", Date, comment="The snapshot that it shows."),
    Column("file", Text, comment="One HTML file, self-contained."),
    comment="What marketers read: segments, moves, retention. Aggregates only.",
)
