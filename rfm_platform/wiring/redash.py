"""Redash, as the settings describe it, and what is provisioned there."""

from pydantic import SecretStr

from rfm_platform.dashboards.redash.declaration import load_declaration
from rfm_platform.dashboards.redash.filled import values_of
from rfm_platform.dashboards.redash.ledger import Ledger
from rfm_platform.dashboards.redash.provision import Provisioner
from rfm_platform.dashboards.redash.writing import Source
from rfm_platform.postgres import parse_url
from rfm_platform.redash import Redash, RedashError
from rfm_platform.settings import Settings
from rfm_platform.wiring.platform import Platform

# What Redash asks of a PostgreSQL, and libpq calls the same.
_SSL = ("sslmode", "sslrootcert")


def redash_server(settings: Settings) -> Redash | None:
    """The server; None: it is not set."""
    if settings.redash_url is None or settings.redash_api_key is None:
        return None
    return Redash(settings.redash_url, settings.redash_api_key.get_secret_value())


def required_server(settings: Settings) -> Redash:
    """The server.

    Raises:
        RedashError: it is not set.
    """
    redash = redash_server(settings)
    if redash is None:
        raise RedashError("Set RFM_REDASH_URL and RFM_REDASH_API_KEY first.")
    return redash


def is_provisioned(settings: Settings) -> bool:
    """Whether every morning brings Redash to the declaration."""
    if settings.redash_provision is not None:
        return settings.redash_provision
    return settings.redash_warehouse_url is not None


def provisioner(platform: Platform) -> Provisioner:
    """What brings Redash to the declaration.

    Raises:
        RedashError: the server is not set.
        DeclarationError: the declaration cannot be used.
    """
    settings = platform.settings
    redash = required_server(settings)
    return Provisioner(
        redash,
        Ledger(platform.warehouse, redash.url.rstrip("/"), settings.timezone),
        load_declaration(settings.redash_dashboards, values_of(settings)),
        _source(settings.redash_data_source, settings.redash_warehouse_url),
    )


def _source(name: str, url: SecretStr | None) -> Source:
    if url is None:
        return Source({"name": name})
    parsed = parse_url("RFM_REDASH_WAREHOUSE_URL", url.get_secret_value())
    options = {
        "host": parsed.host or parsed.query.get("host"),
        "port": parsed.port or int(str(parsed.query.get("port", 5432))),
        "user": parsed.username,
        "dbname": parsed.database,
        **{key: parsed.query.get(key) for key in _SSL},
    }
    managed = {key: value for key, value in options.items() if value is not None}
    return Source({"name": name, "type": "pg", **managed}, parsed.password)
