"""docs/performance.md, .json and .svg: the raw figures, and what people read, made of nothing else.

What changes with each run comes from the record; what does not is in the template beside this file.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from rfm_platform_tests.performance.goals import Verdict, judge, ratio_to_floor
from rfm_platform_tests.performance.lab import PeerResult, Size
from rfm_platform_tests.performance.measuring import Figures
from rfm_platform_tests.performance.plot import draw

OURS = "rfm_platform"


@dataclass(frozen=True)
class Record:
    """What the lab has measured on one kind of machine.

    Attributes:
        cores, memory: of the machine; gigabytes.
        versions: by tool.
        days: that the lines spread over.
        memory_limit_mb: of DuckDB.
        bound_mb, bound_seconds: beyond which a peer is stopped.
        sizes: smallest first.
    """

    cores: int
    memory: int
    versions: dict[str, str]
    days: int
    memory_limit_mb: int
    bound_mb: int
    bound_seconds: int
    sizes: list[Size]

    def keep(self, earlier: "Record") -> "Record":
        """With what an earlier record says of other sizes, if nothing but the sizes differs."""
        if replace(earlier, sizes=[]) != replace(self, sizes=[]):
            return self
        measured = {size.lines: size for size in (*earlier.sizes, *self.sizes)}
        return replace(self, sizes=[measured[lines] for lines in sorted(measured)])


def write(record: Record, directory: Path) -> None:
    """The three files."""
    raw = json.dumps(_rounded(asdict(record)), indent=1, ensure_ascii=False)
    (directory / "performance.json").write_text(raw + "\n", "utf-8")
    (directory / "performance.svg").write_text(draw(record.sizes), "utf-8")
    (directory / "performance.md").write_text(render(record), "utf-8")


def read(directory: Path) -> Record:
    """The record as it was written."""
    raw = json.loads((directory / "performance.json").read_text("utf-8"))
    return Record(**{**raw, "sizes": [_size(each) for each in raw["sizes"]]})


def render(record: Record) -> str:
    """The page."""
    environment = Environment(  # noqa: S701 - Markdown, of our own figures
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    goals, growth = _goals(record)
    return environment.get_template("page.md").render(
        record=record, goals=goals, growth=growth, stage_rows=stage_rows, peer_rows=peer_rows
    )


def stage_rows(size: Size) -> Iterator[list[str]]:
    """Cells of each stage and floor."""
    for stage, figures in size.stages.items():
        ratio = ratio_to_floor(size, stage)
        yield [stage, *_cells(figures, "" if ratio is None else f"**{ratio:.1f}**")]


def peer_rows(size: Size) -> Iterator[list[str]]:
    """Cells of us and of each peer; of one without figures, why."""
    ours = size.stages["transform"]
    yield [OURS, *_cells(ours, "1")]
    for name, result in size.peers.items():
        if result.prepare is not None:
            yield [f"{name}: lines read and joined", *_cells(result.prepare, "")]
        if result.figures is None:
            yield [name, result.reason, *[""] * 6]
        else:
            yield [name, *_cells(result.figures, f"**{result.figures.cpu / ours.cpu:.1f}**")]


def _cells(figures: Figures, ratio: str) -> list[str]:
    memory = (figures.memory, figures.server_memory or None, figures.read, figures.written)
    return [
        f"{figures.wall:,.1f}",
        f"{figures.cpu:,.1f}",
        ratio,
        *("" if megabytes is None else f"{megabytes:,.0f}" for megabytes in memory),
    ]


def _goals(record: Record) -> tuple[list[tuple[str, str, list[str]]], list[str]]:
    """Goals with a cell for each size, and sentences on those that compare two sizes."""
    by_goal: dict[tuple[str, str], dict[int, Verdict]] = {}
    for verdict in judge(record.sizes):
        by_goal.setdefault((verdict.goal, verdict.aim), {})[verdict.lines] = verdict
    measured = [size.lines for size in record.sizes]
    rows, sentences = [], []
    for (goal, aim), verdicts in by_goal.items():
        if set(measured) <= set(verdicts) and "lines" not in goal:
            rows.append((goal, aim, [words(verdicts[lines]) for lines in measured]))
        else:
            sentences += [f"{goal}, aim {aim}: {words(each)}." for each in verdicts.values()]
    return rows, sentences


def words(verdict: Verdict) -> str:
    """What was found, and whether that is enough."""
    if verdict.reached is None:
        return verdict.found
    return f"{verdict.found}, {'reached' if verdict.reached else '**not reached**'}"


def _size(raw: dict[str, Any]) -> Size:
    return Size(
        raw["made"],
        raw["lines"],
        raw["customers"],
        {name: Figures(**figures) for name, figures in raw["stages"].items()},
        {
            name: PeerResult(
                figures=_figures(result["figures"]),
                reason=result["reason"],
                prepare=_figures(result["prepare"]),
            )
            for name, result in raw["peers"].items()
        },
    )


def _figures(raw: dict[str, float] | None) -> Figures | None:
    return None if raw is None else Figures(**raw)


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value
