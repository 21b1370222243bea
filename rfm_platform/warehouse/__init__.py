"""The warehouse: what analysts and BI tools read, in schema ``rfm`` of a PostgreSQL database.

A partition is published in one transaction by DELETE, INSERT and COPY, so a reader sees the old or
the new one and never waits. What a table means is the catalogue's business.
"""

from rfm_platform.warehouse.publication import Publication
from rfm_platform.warehouse.retention import Retention
from rfm_platform.warehouse.schema import Warehouse
from rfm_platform.warehouse.statements import CopyFormat, Rows

__all__ = ["CopyFormat", "Publication", "Retention", "Rows", "Warehouse"]
