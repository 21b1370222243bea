"""The lake: Delta tables over Parquet, where partitions are replaced in one commit.

An engine writes Parquet files beside the old ones, and one commit puts them in their place: a
reader sees the files of one version, never half of a partition, and a writer that dies leaves
nothing but files that no version names, until they are vacuumed. What the tables mean is the
catalogue's business.
"""

from rfm_platform.lake.errors import GoneError, StoreError
from rfm_platform.lake.notes import note, noted
from rfm_platform.lake.objects import readable
from rfm_platform.lake.partition import Partition, WrittenFile
from rfm_platform.lake.table import LakeTable
from rfm_platform.lake.tables import Lake
from rfm_platform.lake.versions import vacuum

__all__ = [
    "GoneError",
    "Lake",
    "LakeTable",
    "Partition",
    "StoreError",
    "WrittenFile",
    "note",
    "noted",
    "readable",
    "vacuum",
]
