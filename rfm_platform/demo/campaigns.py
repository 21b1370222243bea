"""The campaigns of the real orders' year, as a campaign calendar with a list of customers each.

They overlap: most households were sent several at once, so the evaluation has to leave many of
them out, and says so.
"""

from pathlib import Path

import yaml

from rfm_platform.demo.completejourney import transactions_file
from rfm_platform.demo.mart import engine, sql

CALENDAR = "campaigns.yaml"


def write_calendar(directory: Path) -> Path:
    """Writes the calendar and its lists of customers; returns the calendar.

    Raises:
        MissingDataError: the package with the data is not installed.
    """
    data = transactions_file().parent
    directory.mkdir(parents=True, exist_ok=True)
    entries = []
    with engine() as source:
        described = source.execute(
            sql("completejourney_campaigns.sql"),
            {"descriptions": str(data / "campaign_descriptions.parquet")},
        ).fetchall()
        for number, kind, start, end in described:
            file = directory / f"campaign_{number}.csv"
            source.execute(
                sql("completejourney_targeted.sql"),
                {
                    "campaigns": str(data / "campaigns.parquet"),
                    "campaign": number,
                    "file": str(file),
                },
            )
            name = f"{number} ({kind})"
            entries.append({"name": name, "start": start, "end": end, "customers": file.name})
    calendar = directory / CALENDAR
    text = yaml.safe_dump({"campaigns": entries}, sort_keys=False)
    calendar.write_text(text, encoding="utf-8")
    return calendar
