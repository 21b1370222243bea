"""How many days behind the tables are called, at which moment, in which zone, by which deadline."""

from collections.abc import Iterator

import pytest
from psycopg import sql

from rfm_platform.dashboards.redash.declaration import load_declaration
from rfm_platform.dashboards.redash.filled import DEFAULTS
from rfm_platform.dashboards.redash.proof import read_result
from rfm_platform_tests.dashboards.conftest import AS_OF, Reported
from rfm_platform_tests.dashboards.redash.test_declaration import tables_of

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


SHOWN = [
    "cohort_retention_snapshots",
    "rfm_cells_snapshots",
    "rfm_concentration_snapshots",
    "rfm_migration_snapshots",
    "rfm_segments_snapshots",
]


@pytest.fixture
def notes(reported: Reported) -> Iterator[None]:
    """What is noted of the newest snapshots may be changed."""
    chain = reported.chain
    chain.in_warehouse("CREATE TABLE kept_notes AS TABLE rfm.newest_snapshots")
    yield
    chain.in_warehouse("TRUNCATE rfm.newest_snapshots")
    chain.in_warehouse("INSERT INTO rfm.newest_snapshots TABLE kept_notes")
    chain.in_warehouse("DROP TABLE kept_notes")


@pytest.fixture(params=SHOWN)
def late(reported: Reported, notes: None, request: pytest.FixtureRequest) -> Iterator[str]:
    """One table of those that the dashboards show is of an earlier day than the others."""
    chain, table = reported.chain, request.param
    move = f"UPDATE rfm.{table} SET as_of_date = %s WHERE as_of_date = %s"
    chain.in_warehouse(move, "2024-02-10", "2024-02-29")
    chain.in_warehouse(
        "UPDATE rfm.newest_snapshots SET as_of_date = '2024-02-10', "
        "published_at = '2024-02-11 05:40:00.5' WHERE table_name = %s",
        table,
    )
    yield table
    chain.in_warehouse(move, "2024-02-29", "2024-02-10")


def told(reported: Reported) -> tuple[str, str | None, int]:
    """The day, when it was published, and how far it is behind on the morning of 1 March."""
    query = load_declaration().queries["freshness"]
    text = query.sql.replace("now()", "TIMESTAMPTZ '2024-03-01 06:00+07'")
    (row,) = read_result(reported.chain.warehouse, query.model_copy(update={"sql": text}), 60).rows
    return row["newest_day"], row["published_at"], row["days_behind"]


def test_the_table_that_is_furthest_behind_counts(reported: Reported, late: str) -> None:
    """A morning that broke halfway leaves some of what the dashboards show as it was."""
    assert told(reported) == ("2024-02-10", "2024-02-11T05:40:00", 20)


def test_a_day_that_is_complete_is_told_with_its_last_publication(
    reported: Reported, notes: None
) -> None:
    for minute, table in enumerate(SHOWN):
        at = f"2024-03-01 05:1{(minute + 2) % 5}:00.5"  # neither the first nor the last has it
        reported.chain.in_warehouse(
            "UPDATE rfm.newest_snapshots SET published_at = %s WHERE table_name = %s", at, table
        )
    assert told(reported) == ("2024-02-29", "2024-03-01T05:14:00", 1)


def test_a_day_without_rows_is_not_behind(reported: Reported, late: str) -> None:
    chain = reported.chain
    chain.in_warehouse("UPDATE rfm.newest_snapshots SET as_of_date = '2024-02-29'")
    assert told(reported)[::2] == ("2024-02-29", 1)


def test_of_a_table_that_an_older_release_published_its_rows_tell_the_day(
    reported: Reported, late: str
) -> None:
    reported.chain.in_warehouse("DELETE FROM rfm.newest_snapshots WHERE table_name = %s", late)
    assert told(reported) == ("2024-02-10", None, 20)


def test_every_table_that_a_dashboard_shows_by_day_counts() -> None:
    queries = load_declaration().queries
    assert [f"rfm.{table}" for table in SHOWN] == sorted(
        table
        for table in set[str]().union(*(tables_of(q.sql) for q in queries.values() if q.lists))
        if table.endswith("_snapshots") and table != "rfm.newest_snapshots"
    )
    assert tables_of(queries["freshness"].sql) == {
        "rfm.newest_snapshots",
        *(f"rfm.{table}" for table in SHOWN),
    }
