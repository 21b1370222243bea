"""The variables of the data mart: where it is, what it calls things, how it is read. A part of
`Settings`, which reads them.
"""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class MartSettings(BaseSettings):
    """Where the mart is and how many read it at once; its names, where they are others."""

    source_url: SecretStr | None = Field(
        None, description="The data mart, `postgresql://…`. Unset: the embedded server."
    )
    source_schema: str = Field("public", description="Schema of the two source tables.")
    source_lines_table: str = Field(
        "flatten_order_marketplace", description="The table with one row per order line."
    )
    source_orders_table: str = Field(
        "order_marketplace", description="The table with one row per order and its recipient."
    )
    source_columns: dict[str, str] = Field(
        default_factory=dict,
        description="Columns that the mart names otherwise, as JSON: "
        '`{"create_timestamp": "created_timestamp"}`; `{"order_marketplace.order_id": "number"}` '
        "of one table where both have the name.",
    )
    source_timeout_seconds: int = Field(
        900,
        ge=1,
        le=2_147_483,  # PostgreSQL counts milliseconds in 32 bits
        description="Statement timeout for every query on the mart.",
    )
    source_connections: int = Field(
        2,
        ge=1,
        description="Connections that read the mart at once, all of one snapshot. 1 where a pooler "
        "spreads connections over several servers.",
    )
