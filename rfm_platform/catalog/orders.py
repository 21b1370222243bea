"""The source tables, and the lines that are read from them."""

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Integer, Numeric, Table, Text

from rfm_platform.catalog.schemas import LAKE, SOURCE, group_columns

flatten_order_marketplace = Table(
    "flatten_order_marketplace",
    SOURCE,
    *group_columns(),
    Column("kurs_rate", Integer, comment="Base-currency units for one unit of the row's currency."),
    Column("create_timestamp", DateTime, comment="Order creation, local time."),
    Column("cancelled_flag", Text, comment="Cancelled? Changes after the order was created."),
    Column("returned_flag", Text, comment="Returned? Changes after the order was created."),
    Column("order_id", Text, comment="Order, unique within a marketplace."),
    Column("product_gmv_amount", BigInteger, comment="Value of the line, in the row's currency."),
    Column("marketplace_product_id", Text, comment="Product; the SKU is product and variant."),
    Column("marketplace_variant_id", Text, comment="Variant; the SKU is product and variant."),
    Column("marketplace_product_barcode", Text, comment="One per sold unit."),
    Column(
        "order_shipping_fee_buyer_amount",
        Text,
        comment="The buyer's shipping fee of the order, as text, repeated on each of its lines.",
    ),
    comment="Data mart: one row per order line.",
)

order_marketplace = Table(
    "order_marketplace",
    SOURCE,
    Column("marketplace", Text, comment="E-commerce platform."),
    Column("order_id", Text, comment="Order, unique within a marketplace."),
    Column("address_shipping_name", Text, comment="Recipient of the order. Personal data."),
    comment="Data mart: one row per order.",
)

source_orders = Table(
    "source_orders",
    LAKE,
    Column("day", Date, comment="Local day of create_timestamp: the partition."),
    *(
        Column(column.name, column.type, comment=column.comment)
        for column in flatten_order_marketplace.columns
    ),
    Column("address_shipping_name", Text, comment="Recipient of the order. Personal data."),
    Column("is_cancelled", Boolean, comment="cancelled_flag as read; null: a value nobody knows."),
    Column("is_returned", Boolean, comment="returned_flag as read; null: a value nobody knows."),
    Column(
        "shipping_amount", Numeric(18, 2), comment="The fee as a number; null where it is none."
    ),
    Column("day_fingerprint", Text, comment="Of the day's rows in the mart, as read."),
    comment="The day's order lines with their order's recipient, as the mart held them.",
)
