"""Files between a Spark Connect server and the lake: what it reads, and what it wrote.

A server that does not see our directories fails late or not at all: Sail reads a path that is not
there as no rows. So each session proves first that both see the same files.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rfm_platform.engine.spark_client import SparkSession, retry_forgotten
from rfm_platform.errors import PlatformError
from rfm_platform.lake import GoneError, LakeTable, WrittenFile


class NotSharedError(PlatformError):
    """The server does not see the lake's files: where, and what to do."""


def check_shared(spark: SparkSession, scratch: Path, place: str) -> None:
    """Has the server read a file through a link, as it will read the lake's, and write one.

    Raises:
        NotSharedError: it sees or writes other files than we do.
    """
    word = uuid.uuid4().hex
    ours = scratch / "ours"
    original = scratch / "original.parquet"
    pq.write_table(pa.table({"word": [word]}), original)
    link([str(original)], ours)

    def copy() -> Path:
        theirs = scratch / f"theirs-{uuid.uuid4().hex}"
        spark.read.schema("word string").parquet(str(ours)).write.parquet(str(theirs))
        return theirs

    try:
        files = retry_forgotten(copy).glob("*.parquet")
        found = [value for file in files for value in pq.read_table(file)["word"].to_pylist()]
    except Exception as error:  # each server refuses in its own way
        raise NotSharedError(_advice(scratch, place, type(error).__name__)) from None
    if found != [word]:
        raise NotSharedError(_advice(scratch, place, "other files"))


def _advice(scratch: Path, place: str, why: str) -> str:
    return (
        f"{place} does not read and write {scratch.parent} as this process does ({why}): mount the "
        "lake's file system for the server and its workers, under the same path and writable"
    )


def link(files: Sequence[str], directory: Path) -> None:
    """Links a table's files into a directory, in directories named after their partitions.

    Raises:
        GoneError: one of them has been removed. A server might read it as no rows.
    """
    for file in map(Path, files):
        if not file.exists():
            raise GoneError(f"{file} has been removed from the lake")
        partition = file.parent.name
        place = directory / partition if "=" in partition else directory
        place.mkdir(parents=True, exist_ok=True)
        (place / file.name).symlink_to(file)


def take_over(directory: Path, table: LakeTable) -> list[WrittenFile]:
    """Moves the files that a server wrote into a table's directory; no version names them yet.

    Args:
        directory: in the lake's file system; a directory for each partition.
        table: the files' table.

    Returns:
        Them, but for those without rows.
    """
    taken = []
    for file in sorted(directory.glob(f"{table.partition_column}=*/*.parquet")):
        rows = pq.read_metadata(file).num_rows
        if not rows:
            continue
        value = dt.date.fromisoformat(file.parent.name.partition("=")[2])
        target = table.directory(value) / f"part-{uuid.uuid4()}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        file.rename(target)
        taken.append(WrittenFile(target, value, rows, target.stat().st_size))
    return taken
