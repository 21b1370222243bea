"""Retention as a small picture, for places that show Markdown and no page."""

import base64
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

WIDTH, HEIGHT, LEFT, TOP = 44, 22, 118, 24
COHORTS = 24  # the newest, when there are more


def retention_picture(rows: Sequence[Mapping[str, Any]]) -> str:
    """A heat map as a Markdown image.

    Args:
        rows: cohort_month, cohort_size, months, customers, is_partial; by cohort and month.
    """
    cohorts: dict[dt.date, list[Mapping[str, Any]]] = {}
    for row in rows:
        cohorts.setdefault(row["cohort_month"], []).append(row)
    shown = list(cohorts.items())[-COHORTS:]
    width = max((len(cells) for _, cells in shown), default=0)
    parts = [
        _text(LEFT + WIDTH * (n + 0.5), TOP - 8, str(n), anchor="middle") for n in range(width)
    ]
    for y, (month, cells) in enumerate(shown):
        top = TOP + HEIGHT * y
        size = cells[0]["cohort_size"]
        parts.append(_text(4, top + 15, f"{month:%Y-%m}  {size:,}"))
        for n, cell in enumerate(cells):
            share = cell["customers"] / size if size else 0
            red, green, blue = (round(a + (b - a) * share) for a, b in _RAMP)
            parts.append(
                f'<rect x="{LEFT + WIDTH * n}" y="{top}" width="{WIDTH - 2}" height="{HEIGHT - 2}" '
                f'rx="3" fill="rgb({red},{green},{blue})"/>'
            )
            mark = "*" if cell["is_partial"] else ""
            colour = "#ffffff" if share > 0.75 else "#000000"  # 4.5 : 1 from each
            text = f"{share:.0%}{mark}"
            parts.append(_text(LEFT + WIDTH * (n + 0.48), top + 15, text, colour, "middle"))
    size_text = f'width="{LEFT + WIDTH * width}" height="{TOP + HEIGHT * len(shown)}"'
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size_text} font-family="sans-serif" '
        f'font-size="11">{"".join(parts)}</svg>'
    )
    encoded = base64.b64encode(svg.encode()).decode()
    return f"![Retention by cohort](data:image/svg+xml;base64,{encoded})"


_RAMP = ((241, 11), (246, 79), (251, 148))  # from nobody to everybody: red, green, blue


def _text(x: float, y: float, text: str, colour: str = "#6b7684", anchor: str = "start") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour}" text-anchor="{anchor}">{text}</text>'
