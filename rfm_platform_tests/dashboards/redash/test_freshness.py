"""How many days behind the tables are called, at which moment, in which zone, by which deadline."""

import pytest
from psycopg import sql

from rfm_platform.dashboards.redash.declaration import load_declaration
from rfm_platform.dashboards.redash.filled import DEFAULTS
from rfm_platform_tests.dashboards.conftest import AS_OF, Reported

assert AS_OF.isoformat() == "2024-02-29"  # a leap day: the day after is 03-01


@pytest.mark.parametrize("session", ["UTC", "Asia/Tokyo"])
@pytest.mark.parametrize(
    ("zone", "moment", "behind"),
    [
        # The day after: its run has until the deadline, and stays right to the next one.
        ("Asia/Jakarta", "2024-03-01 00:30+07", 0),
        ("Asia/Jakarta", "2024-03-01 05:59+07", 0),
        ("Asia/Jakarta", "2024-03-01 06:00+07", 1),
        ("Asia/Jakarta", "2024-03-01 23:59+07", 1),
        ("Asia/Jakarta", "2024-03-02 05:59+07", 1),
        # A morning without a run.
        ("Asia/Jakarta", "2024-03-02 06:00+07", 2),
        ("America/New_York", "2024-03-01 20:30-05", 1),
        ("America/New_York", "2024-03-02 05:59-05", 1),
        ("America/New_York", "2024-03-02 06:00-05", 2),
    ],
)
def test_a_day_is_behind_from_the_deadline_on_by_the_shops_clock(
    reported: Reported, session: str, zone: str, moment: str, behind: int
) -> None:
    query = load_declaration(values={**DEFAULTS, "RFM_TIMEZONE": zone}).queries["freshness"]
    assert "now()" in query.sql
    text = query.sql.replace("now()", f"TIMESTAMPTZ '{moment}'")
    with reported.chain.warehouse.connect(read_only=True) as connection:
        connection.execute(sql.SQL("SET TIME ZONE {}").format(sql.Literal(session)))
        row = connection.execute(text.encode()).fetchone()
    assert row is not None
    assert (row[0], row[2]) == (AS_OF, behind)


def test_another_deadline_moves_it(reported: Reported) -> None:
    query = load_declaration(values={**DEFAULTS, "RFM_DEADLINE": "09:15:00"}).queries["freshness"]
    for moment, behind in (("09:14", 1), ("09:15", 2)):
        text = query.sql.replace("now()", f"TIMESTAMPTZ '2024-03-02 {moment}+07'")
        with reported.chain.warehouse.connect(read_only=True) as connection:
            row = connection.execute(text.encode()).fetchone()
        assert row is not None
        assert row[2] == behind
