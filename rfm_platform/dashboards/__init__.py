"""What people look at: one self-contained HTML page for each snapshot, aggregates only."""

from rfm_platform.dashboards.report import CheckLine, Report, Reports

__all__ = ["CheckLine", "Report", "Reports"]
