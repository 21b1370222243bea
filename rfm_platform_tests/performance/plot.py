"""docs/performance.svg: CPU seconds as bars, ours and each peer's, each stage and its floor.

Written as text, because a drawing library for two dozen rectangles would be the larger part. Its
colours are of middle lightness and its text follows the reader's scheme, so that it is readable on
white and on black.
"""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from rfm_platform_tests.performance.goals import AT_MOST, FLOORS, ratio_to_floor
from rfm_platform_tests.performance.lab import Size

WIDTH, LABEL, BAR, ROW, TITLE = 840, 190, 430, 24, 44
OURS, OTHER, AIM = "#2f81c7", "#8a929b", "#e8590c"
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-weight:600}"
    f".aim{{stroke:{AIM};stroke-width:3}}.note{{fill:#57606a}}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.note{fill:#9da7b3}}"
)


class Bar(NamedTuple):
    """One bar: its label, its length, its text, whether it is ours, and where its goal is."""

    label: str
    value: float
    text: str
    is_ours: bool
    aim: float | None = None


def draw(sizes: Sequence[Size]) -> str:
    """The picture of a run, as SVG: for each size the tools, then the stages."""
    parts: list[str] = []
    top = 8
    for size in sizes:
        pictures = [
            (f"{size.lines:,} lines: CPU seconds ÷ the stage's floor (line: goal)", _stages(size))
        ]
        if size.peers:
            title = f"{size.lines:,} lines: the same four tables, CPU seconds ÷ ours"
            pictures.insert(0, (title, _tools(size)))
        for title, bars in pictures:
            parts.append(f'<text class="title" x="8" y="{top + 20}">{escape(title)}</text>')
            longest = max(max(bar.value, bar.aim or 0) for bar in bars)
            for place, bar in enumerate(bars):
                parts.append(_draw_bar(bar, top + 34 + place * ROW, BAR / longest))
            top += TITLE + len(bars) * ROW
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" '
        f'height="{top}" role="img" aria-label="CPU seconds by tool and by stage">'
        f"<style>{STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _tools(size: Size) -> list[Bar]:
    ours = size.stages["transform"].cpu
    bars = [Bar("rfm_platform", 1.0, f"1 ({ours:,.1f} s)", is_ours=True)]
    for name, result in size.peers.items():
        if result.figures is None:
            bars.append(Bar(name, 0.0, result.reason, is_ours=False))
        else:
            cpu = result.figures.cpu
            bars.append(Bar(name, cpu / ours, f"{cpu / ours:.1f} ({cpu:,.1f} s)", is_ours=False))
    return bars


def _stages(size: Size) -> list[Bar]:
    bars = []
    for stage in FLOORS:
        if (ratio := ratio_to_floor(size, stage)) is None:
            continue
        text = f"{ratio:.1f} ({size.stages[stage].cpu:,.1f} s)"
        bars.append(Bar(stage, ratio, text, is_ours=True, aim=AT_MOST.get(stage)))
    return bars


def _draw_bar(bar: Bar, top: float, scale: float) -> str:
    middle, length = top + 12, max(bar.value * scale, 1)
    colour = OURS if bar.is_ours else OTHER
    aim = ""
    if bar.aim is not None:
        place = LABEL + bar.aim * scale
        aim = (
            f'<line class="aim" x1="{place:.0f}" x2="{place:.0f}" '
            f'y1="{top - 1:.0f}" y2="{top + 17:.0f}"/>'
        )
    end = max(length, (bar.aim or 0) * scale)
    return (
        f'<text x="{LABEL - 8}" y="{middle:.0f}" text-anchor="end">{escape(bar.label)}</text>'
        f'<rect x="{LABEL}" y="{top:.0f}" width="{length:.1f}" height="16" fill="{colour}"/>{aim}'
        f'<text class="note" x="{LABEL + end + 8:.0f}" y="{middle:.0f}">{escape(bar.text)}</text>'
    )
