"""One HTML file for a snapshot: figures as JSON, style, script and plotting library inside.

The page asks no other host for anything, and says so to the browser. A file is replaced whole, so
that a reader never opens half of one.
"""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from rfm_platform.customers.segments import Segments
from rfm_platform.dashboards.echarts import LICENSE, plotting_library
from rfm_platform.dashboards.figures import read_figures
from rfm_platform.dashboards.outlook import campaigns_of, forecast_of
from rfm_platform.dashboards.payload import scores_of, slices_of, stored_segments
from rfm_platform.engine import DuckDBEngine, read_sql
from rfm_platform.lake import Lake
from rfm_platform.warehouse import Warehouse


@dataclass(frozen=True)
class CheckLine:
    """What a check said of the days so far.

    Attributes:
        passed, failed: days (or runs) by their newest verdict.
    """

    asset: str
    check: str
    description: str
    passed: int
    failed: int


@dataclass(frozen=True)
class Report:
    """A written report."""

    path: Path
    size: int
    slices: int
    hidden_shops: int


@dataclass(frozen=True)
class Reports:
    """Where reports lie, and what they are made of.

    Attributes:
        directory: of the files.
        min_cell: the smallest count of customers that is shown.
        shops: how many shops can be shown alone.
        currency: of amounts, with the decimals that they carry as whole numbers.
    """

    lake: Lake
    engine: DuckDBEngine
    warehouse: Warehouse
    directory: Path
    min_cell: int
    shops: int
    currency: tuple[str, int]

    def path(self, as_of: dt.date) -> Path:
        """Where a day's report is, or would be."""
        return self.directory / f"as_of_date={as_of}" / f"customers-{as_of}.html"

    def newest(self) -> dt.date | None:
        """The newest day that has a report."""
        found = sorted(self.directory.glob("as_of_date=*/customers-*.html"))
        return dt.date.fromisoformat(found[-1].parent.name.partition("=")[2]) if found else None

    def write(self, as_of: dt.date, segments: Segments, checks: Sequence[CheckLine]) -> Report:
        """Writes the report of a day whose analyses are published.

        Raises:
            NoSnapshotError: they are not.
        """
        figures = read_figures(self.warehouse, as_of, self.shops)
        actions = segments.actions_with(stored_segments(figures))
        shown = slices_of(figures, list(actions), self.min_cell)
        payload = {
            "as_of": as_of.isoformat(),
            "from_date": figures.from_date.isoformat() if figures.from_date else None,
            "currency": {"code": self.currency[0], "decimals": self.currency[1]},
            "min_cell": self.min_cell,
            "shops_left_out": len(figures.left_out),
            "actions": actions,
            "scores": scores_of(figures, segments),
            "slices": shown,
            "campaigns": campaigns_of(figures.campaigns, self.min_cell),
            "forecast": forecast_of(figures.forecast, self.min_cell, shown[0]["cohorts"]),
            "quality": {
                "checks": [asdict(check) for check in checks],
                "lines": self._excluded(as_of),
            },
        }
        text = page(payload)
        path = self.path(as_of)
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(".new")
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
        return Report(path, len(text.encode()), len(shown), len(figures.left_out))

    def _excluded(self, as_of: dt.date) -> dict[str, Any]:
        with self.engine.session() as session:
            session.view(self.lake.source_orders, None, as_of)
            (row,) = session.records(read_sql(__package__, "excluded_lines"))
        return {
            name: value.isoformat() if isinstance(value, dt.date) else value
            for name, value in row.items()
        }


def page(payload: dict[str, Any]) -> str:
    """The whole page for some figures."""
    text = _part("report.html")
    # A "</script>" or "<!--" within a name would end the script that holds it.
    figures = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    parts = {
        "{{style}}": _part("report.css"),
        "{{words}}": _part("words.json"),
        "{{library}}": plotting_library(),
        "{{license}}": LICENSE,
        "{{script}}": _part("report.js"),
        "{{figures}}": figures,
    }
    for mark, content in parts.items():
        before, found, after = text.partition(mark)
        if not found:
            raise ValueError(f"report.html has no {mark}")
        text = before + content + after
    return text


def _part(name: str) -> str:
    return resources.files(__package__).joinpath("page", name).read_text(encoding="utf-8")
