"""Segments: from (r, f, m) scores to a name and an action, read from a versioned YAML file.

A marketer edits the file, so every mistake is named by its cell. That each of the 27 cells has
exactly one segment and each segment an action of its own is checked here, once, before anything is
scored.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from rfm_platform.errors import PlatformError
from rfm_platform.yaml_file import as_model, read_yaml

SCORES = (1, 2, 3)
Cell = tuple[int, int, int]
NO_LONGER = "no longer in the segment file"


class SegmentsError(PlatformError):
    """A segment file that cannot be used: which file, which segment, which cell."""


@dataclass(frozen=True)
class Segments:
    """A valid segment table.

    Attributes:
        version: the file's version.
        cells: segment name of each of the 27 (r, f, m) cells.
        actions: segment name → what to do with its customers, in the file's order.
    """

    version: int
    cells: dict[Cell, str]
    actions: dict[str, str]

    def actions_with(self, stored: Iterable[str]) -> dict[str, str]:
        """The file's segments, then those that a snapshot has and the file no longer.

        A snapshot keeps the names that it was scored with. Shown by the file's names alone,
        customers of a renamed segment would be missing from the total.
        """
        gone = sorted({*stored} - self.actions.keys())
        return self.actions | dict.fromkeys(gone, NO_LONGER)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class _Cells(_Model):
    r: list[int]
    f: list[int]
    m: list[int]

    @field_validator("r", "f", "m", mode="before")
    @classmethod
    def _as_scores(cls, value: object) -> object:
        scores = value if isinstance(value, list) else [value]
        if not scores or any(type(s) is not int or s not in SCORES for s in scores):
            raise ValueError("must be a score from 1 to 3, or a list of them")
        return scores

    def expand(self) -> list[Cell]:
        return list(itertools.product(self.r, self.f, self.m))


class _Segment(_Model):
    name: str = Field(min_length=1)
    description: str = ""
    cells: list[_Cells] = Field(min_length=1)
    action: str = Field(min_length=1)


class _File(_Model):
    version: int = Field(ge=1)
    segments: list[_Segment] = Field(min_length=1)


def load_segments(path: Path | None = None) -> Segments:
    """The segments of a YAML file, or those that come along with the platform.

    Raises:
        SegmentsError: with everything that is wrong with the file.
    """
    source = path or resources.files(__package__).joinpath("segments.yaml")
    content = read_yaml(source, SegmentsError)
    return _assemble(source, as_model(content, _File, source, SegmentsError))


def _assemble(source: object, content: _File) -> Segments:
    owners: dict[Cell, list[str]] = {
        (r, f, m): [] for r, f, m in itertools.product(SCORES, SCORES, SCORES)
    }
    for segment in content.segments:
        for cells in segment.cells:
            for cell in cells.expand():
                owners[cell].append(segment.name)
    problems = [
        f"cell (r={r}, f={f}, m={m}) belongs to "
        + (f"{len(names)} entries: {', '.join(names)}" if names else "no segment")
        for (r, f, m), names in owners.items()
        if len(names) != 1
    ]
    names = [segment.name for segment in content.segments]
    problems += [
        f"segment {name} is there twice" for name in sorted(set(names)) if names.count(name) > 1
    ]
    problems += [
        f"segments {' and '.join(same)} have the same action: make them one segment, or give each "
        "an action of its own"
        for same in _treated_alike(content.segments)
    ]
    if problems:
        raise SegmentsError(f"{source}: {'; '.join(problems)}")
    return Segments(
        version=content.version,
        cells={cell: owner[0] for cell, owner in owners.items()},
        actions={segment.name: segment.action for segment in content.segments},
    )


def _treated_alike(segments: Iterable[_Segment]) -> list[list[str]]:
    """Names of segments that nobody would treat differently, whatever blanks and capitals say."""
    alike: dict[str, list[str]] = {}
    for segment in segments:
        names = alike.setdefault(" ".join(segment.action.split()).casefold(), [])
        if segment.name not in names:
            names.append(segment.name)
    return [names for names in alike.values() if len(names) > 1]
