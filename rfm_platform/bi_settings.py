"""The variables of the BI platform: a part of `Settings`, which reads them."""

import datetime as dt
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from rfm_platform.setting_types import ApiKey, LocalTime, RedashUrl, StoreUrl


class BiSettings(BaseSettings):
    """Where its database is, where that moves to and how, and what is provisioned in Redash."""

    bi_source_url: SecretStr | None = Field(
        None, description="The BI platform's database, `postgresql://…`."
    )
    bi_source_command: str | None = Field(
        None,
        description="Runs psql and pg_dump beside it instead: "
        "`ssh bi.example docker exec -i redash_postgres_1`.",
    )
    bi_source_user: str = Field("postgres", description="The role behind that command.")
    bi_source_database: str = Field("postgres", description="The database behind that command.")
    bi_target_url: SecretStr | None = Field(
        None, description="The empty database that the BI platform's moves to."
    )
    bi_drill_url: SecretStr | None = Field(
        None, description="A database that the daily drill may replace. Unset: the embedded server."
    )
    bi_dumps: Path | None = Field(
        None, description="Where dumps lie, a directory a day. Unset: `bi_dumps` in the home."
    )
    bi_store_url: StoreUrl | None = Field(
        None,
        description="An object store that dumps go to as well, `s3://bucket/prefix`; credentials "
        "as its cloud's own programs take them.",
    )
    bi_keep_dumps: int = Field(7, ge=1, description="Dumps that are kept.")
    bi_format: Literal["directory", "custom"] = Field(
        "directory", description="pg_dump's format: `directory` (parallel) or `custom` (one file)."
    )
    bi_compression: Literal["zstd", "gzip", "none"] = Field(
        "zstd", description="Of dumps; gzip where pg_dump is older than 16."
    )
    bi_jobs: int = Field(2, ge=1, description="Tables that are dumped, restored, compared at once.")
    bi_recipients: str | None = Field(
        None, description="age public keys that dumps are encrypted for, with blanks between."
    )
    bi_identity: SecretStr | None = Field(
        None, description="The age private key that opens encrypted dumps."
    )
    bi_roles: dict[str, str] = Field(
        default_factory=dict,
        description="Who stands at the target for a role of the source, as JSON: its rights are "
        "given to them.",
    )
    bi_secret_key: SecretStr | None = Field(None, description="Redash's REDASH_SECRET_KEY.")
    bi_cookie_secret: SecretStr | None = Field(
        None, description="Redash's REDASH_COOKIE_SECRET, to recognise where it was the key."
    )
    bi_drill: bool | None = Field(
        None, description="Whether the drill runs every day. Unset: where the source is set."
    )
    bi_drill_at: LocalTime = Field(
        dt.time(1, 0), description="When the daily restore drill starts, local time."
    )
    redash_version: str | None = Field(
        None, description="The Redash that will run on the target, such as 25.8.0: its image's tag."
    )
    redash_url: RedashUrl | None = Field(None, description="The started Redash.")
    redash_api_key: ApiKey | None = Field(None, description="An administrator's key there.")
    redash_warehouse_url: SecretStr | None = Field(
        None,
        description="The warehouse as Redash reaches it, with a role that may only read: "
        "`postgresql://…`. Unset: the data source is there already.",
    )
    redash_data_source: str = Field(
        "rfm_platform warehouse", description="What the data source of our queries is called."
    )
    redash_dashboards: Path | None = Field(
        None,
        description="A directory of your own dashboards, declared like ours; what has the key of "
        "one of ours takes its place.",
    )
    redash_provision: bool | None = Field(
        None,
        description="Whether every morning brings Redash to the declaration. Unset: where "
        "RFM_REDASH_WAREHOUSE_URL is set.",
    )
