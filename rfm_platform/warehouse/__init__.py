"""The warehouse: what analysts and BI tools read, in schema ``rfm`` of a PostgreSQL database.

A partition is published in one transaction by DELETE and COPY, so a reader sees the old or the new
one and never waits. What a table means is the catalogue's business.
"""

from rfm_platform.warehouse.publication import CsvWriter, Publication
from rfm_platform.warehouse.schema import Warehouse

__all__ = ["CsvWriter", "Publication", "Warehouse"]
