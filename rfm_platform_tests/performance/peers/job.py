"""What every stage and peer is told, as a file in its home. Nothing but the standard library."""

import datetime as dt
import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """The same for all.

    Attributes:
        home: the platform's, and where peers find and leave things.
        lines: order lines in the mart.
        first_day, as_of: the history's days.
        memory_limit_mb: of DuckDB, whoever uses it.
        mart: connection parameters of the data mart.
        segments: r, f and m score and the segment's name of each of the 27 cells.
    """

    home: Path
    lines: int
    first_day: dt.date
    as_of: dt.date
    memory_limit_mb: int
    mart: dict[str, str]
    segments: list[tuple[int, int, int, str]]

    @property
    def source(self) -> str:
        """The lake's lines, as a pattern of Parquet files."""
        return str(self.home / "lake" / "source_orders" / "*" / "*.parquet")

    def results(self, peer: str) -> Path:
        """Where a peer leaves its tables, as NAME.parquet."""
        directory = self.home / "peers" / peer
        directory.mkdir(parents=True, exist_ok=True)
        return directory


def write_job(job: Job) -> None:
    """Leaves the job in its home."""
    (job.home / "job.json").write_text(json.dumps(asdict(job), default=str), "utf-8")


def read_job(home: Path) -> Job:
    """The job in a home."""
    fields = json.loads((home / "job.json").read_text("utf-8"))
    for name in ("first_day", "as_of"):
        fields[name] = dt.date.fromisoformat(fields[name])
    return Job(**{**fields, "home": home})
