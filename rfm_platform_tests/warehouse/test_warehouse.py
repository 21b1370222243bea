"""What analysts read: commented, never half new, never waiting, and kept as long as promised."""

import datetime as dt
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rfm_platform import catalog
from rfm_platform.calendar import days_between
from rfm_platform.lake import LakeTable
from rfm_platform.postgres import Database, DatabaseError
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.warehouse import Rows, Warehouse
from rfm_platform.wiring import Platform
from rfm_platform_tests.assets.chain import Chain, day, line, new_chain

TABLE = catalog.rfm_thresholds
AS_OF = "as_of_date"
MONTH_END = dt.date(2024, 1, 31)
DEADLINE_SECONDS = 20


def csv(as_of: dt.date, *scopes: str) -> Rows:
    """One row a scope, as DuckDB would write it."""

    def write_rows(write: Callable[[bytes], object]) -> None:
        for scope in scopes:
            write(f"{as_of},{scope},recency,1,2.5,5,f\n".encode())

    return Rows("csv", write_rows)


def publish(warehouse: Warehouse, as_of: dt.date, *scopes: str) -> None:
    with warehouse.publication() as publication:
        publication.replace(TABLE, (AS_OF, as_of), csv(as_of, *scopes))


def scopes(database: Database) -> list[tuple[dt.date, str]]:
    with database.connect() as connection:
        return connection.execute(
            "SELECT as_of_date, scope FROM rfm.rfm_thresholds ORDER BY 1, 2"
        ).fetchall()


@pytest.fixture
def prepared(warehouse: Database) -> Warehouse:
    made = Warehouse(warehouse)
    made.prepare()
    return made


@pytest.mark.parametrize(
    ("column", "found"),
    [
        ("total_gmv_amount", "numeric"),
        ("total_gmv_amount", "double precision"),
        ("kurs_rate", "bigint"),
        ("month_of_order", "timestamp without time zone"),
    ],
)
def test_a_column_of_another_type_is_refused_and_nothing_is_written(
    prepared: Warehouse, column: str, found: str
) -> None:
    """COPY's binary form would take the bytes of a whole number for those of another one."""
    with prepared.database.connect() as connection:
        alter = f"ALTER TABLE rfm.aggregated_monthly ALTER COLUMN {column} TYPE {found}"
        connection.execute(alter.encode())
    expected = rf"rfm\.aggregated_monthly\.{column} is {found}, not (bigint|integer|date)"
    with pytest.raises(DatabaseError, match=expected):
        Warehouse(prepared.database).prepare()
    with pytest.raises(DatabaseError, match=expected), Warehouse(prepared.database).aside():
        pass


def test_every_column_is_made_of_the_type_that_it_is_compared_with(prepared: Warehouse) -> None:
    """And varchar for text, which a DBA may have made of it, is as good."""
    with prepared.database.connect() as connection:
        connection.execute("ALTER TABLE rfm.rfm_thresholds ALTER COLUMN scope TYPE varchar(50)")
    Warehouse(prepared.database).prepare()
    publish(prepared, MONTH_END, "all")
    assert scopes(prepared.database) == [(MONTH_END, "all")]


def test_a_warehouse_that_lacks_characters_is_refused(server: EmbeddedServer) -> None:
    with server.database("postgres").connect() as connection:
        connection.autocommit = True
        connection.execute(
            "CREATE DATABASE latin1_warehouse ENCODING 'LATIN1' TEMPLATE template0 "
            "LC_COLLATE 'C' LC_CTYPE 'C'"
        )
    with pytest.raises(DatabaseError, match=r"encoded as LATIN1.*ENCODING 'UTF8'"):
        Warehouse(server.database("latin1_warehouse")).prepare()


def _described(database: Database) -> dict[str, str | None]:
    with database.connect() as connection:
        rows = connection.execute(
            "SELECT c.relname::text, a.attname::text, col_description(c.oid, a.attnum), "
            "obj_description(c.oid, 'pg_class') FROM pg_class AS c "
            "JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
            "WHERE c.relnamespace = 'rfm'::regnamespace AND c.relkind IN ('r', 'v')"
        ).fetchall()
    found = {f"{relation}.{column}": comment for relation, column, comment, _ in rows}
    return found | {relation: comment for relation, _, _, comment in rows}


def test_every_table_view_and_column_carries_its_comment_from_the_catalogue(
    prepared: Warehouse,
) -> None:
    expected: dict[str, str | None] = {}
    for table in catalog.WAREHOUSE.sorted_tables:
        expected |= {f"{table.name}.{c.name}": c.comment for c in table.columns}
        expected[table.name] = table.comment
    for view, table in catalog.CURRENT_VIEWS.items():
        expected |= {f"{view}.{c.name}": c.comment for c in table.columns}
        expected[view] = f"Newest snapshot of {table.name}. {table.comment}"
    assert _described(prepared.database) == expected
    assert all(expected.values())


def test_preparing_again_changes_nothing(prepared: Warehouse) -> None:
    publish(prepared, MONTH_END, "all")
    before = _described(prepared.database)
    Warehouse(prepared.database).prepare()
    assert _described(prepared.database) == before
    assert scopes(prepared.database) == [(MONTH_END, "all")]


def test_comments_that_somebody_changed_come_back_with_the_next_catalogue(
    prepared: Warehouse,
) -> None:
    """The schema's comment says which catalogue is there: another one is prepared anew."""
    before = _described(prepared.database)
    with prepared.database.connect() as connection:
        connection.execute("COMMENT ON COLUMN rfm.rfm_thresholds.q1 IS 'mine'")
        connection.execute("COMMENT ON SCHEMA rfm IS 'an older catalogue'")
    Warehouse(prepared.database).prepare()
    assert _described(prepared.database) == before


def test_a_warehouse_of_an_older_release_gets_the_columns_it_lacks_and_keeps_its_rows(
    prepared: Warehouse,
) -> None:
    table, lacking = "cohort_matrix_snapshots", ("cohort_size", "is_partial")
    before = _described(prepared.database)
    with prepared.database.connect() as connection:
        connection.execute("INSERT INTO rfm.publications (version) VALUES ('old')")
        connection.execute("ALTER TABLE rfm.publications DROP COLUMN through")
        connection.execute(f"INSERT INTO rfm.{table} (as_of_date, value) VALUES ('2024-01-31', 7)")
        connection.execute("DROP VIEW rfm.cohort_matrix")
        for column in lacking:
            connection.execute(f"ALTER TABLE rfm.{table} DROP COLUMN {column}")
        connection.execute(f"CREATE VIEW rfm.cohort_matrix AS SELECT * FROM rfm.{table}")
        connection.execute("COMMENT ON SCHEMA rfm IS 'an older catalogue'")
    Warehouse(prepared.database).prepare()
    assert _described(prepared.database) == before
    with prepared.database.connect() as connection:
        noted = connection.execute("SELECT version, through FROM rfm.publications").fetchall()
        shown = connection.execute("SELECT value, is_partial FROM rfm.cohort_matrix").fetchall()
    assert noted == [("old", None)]
    assert shown == [(7, None)]


def test_a_role_that_owns_the_schema_needs_no_right_to_create_one(warehouse: Database) -> None:
    with warehouse.connect() as connection:
        connection.execute("CREATE ROLE publisher LOGIN")
        connection.execute("CREATE SCHEMA rfm AUTHORIZATION publisher")
    publisher = Database("warehouse", lambda: warehouse.conninfo() | {"user": "publisher"})
    made = Warehouse(publisher)
    made.prepare()
    publish(made, MONTH_END, "all")
    assert scopes(publisher) == [(MONTH_END, "all")]


def test_what_is_in_the_way_is_named_with_its_owner(warehouse: Database) -> None:
    with warehouse.connect() as connection:
        connection.execute(
            "DO $$ BEGIN CREATE ROLE other_publisher LOGIN; "
            "EXCEPTION WHEN duplicate_object THEN NULL; END $$; CREATE SCHEMA rfm; "
            "CREATE TABLE rfm.rfm_scores (n int); CREATE SEQUENCE rfm.restatements; "
            "CREATE TABLE rfm.aggregated_monthly (month_of_order date); "
            "CREATE MATERIALIZED VIEW rfm.publications AS SELECT 1 AS n"
        )
    publisher = Database("warehouse", lambda: warehouse.conninfo() | {"user": "other_publisher"})
    with pytest.raises(DatabaseError, match=r"schema rfm belongs to postgres") as told:
        Warehouse(publisher).prepare()
    assert "rfm.rfm_scores is no view" in str(told.value)
    assert "rfm.aggregated_monthly belongs to postgres" in str(told.value)
    assert "rfm.publications is no table" in str(told.value)
    assert "rfm.restatements is no table" in str(told.value)
    assert "OWNER TO" in str(told.value)


def test_two_that_prepare_an_empty_warehouse_at_once_both_succeed(warehouse: Database) -> None:
    errors: list[BaseException] = []

    def prepare() -> None:
        try:
            Warehouse(warehouse).prepare()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=prepare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_publishing_does_not_wait_for_a_reader_who_sees_the_old_rows_to_the_end(
    prepared: Warehouse,
) -> None:
    publish(prepared, MONTH_END, "old")
    with prepared.database.connect(read_only=True) as reader:
        query = "SELECT scope FROM rfm.rfm_thresholds"
        assert reader.execute(query).fetchall() == [("old",)]
        with prepared.publication() as publication:
            publication._connection.execute("SET LOCAL lock_timeout = '2s'")
            publication.replace(TABLE, (AS_OF, MONTH_END), csv(MONTH_END, "new", "newer"))
        Warehouse(prepared.database).prepare()
        assert reader.execute(query).fetchall() == [("old",)], "one report, one version"
    assert scopes(prepared.database) == [(MONTH_END, "new"), (MONTH_END, "newer")]


def test_a_reader_does_not_wait_for_a_publication_and_sees_nothing_of_it_before_its_end(
    prepared: Warehouse,
) -> None:
    publish(prepared, MONTH_END, "old")
    with prepared.publication() as publication:
        publication.replace(TABLE, (AS_OF, MONTH_END), csv(MONTH_END, "new"))
        with prepared.database.connect() as reader:
            reader.execute("SET lock_timeout = '2s'")
            assert reader.execute("SELECT scope FROM rfm.rfm_thresholds").fetchall() == [("old",)]
    assert scopes(prepared.database) == [(MONTH_END, "new")]


def test_a_publication_outlives_the_time_that_a_server_gives_to_transactions(
    prepared: Warehouse,
) -> None:
    """It waits for the engine, and may be the only one that works."""
    publish(prepared, day("01-01"), "all")
    with prepared.database.connect() as connection:
        name = prepared.database.conninfo()["dbname"]
        connection.execute(f"ALTER DATABASE \"{name}\" SET transaction_timeout = '200ms'".encode())
    with prepared.publication() as publication:
        publication.lock(TABLE)
        time.sleep(0.5)  # for longer than transactions have, which is what is tried
        publication.analyze([TABLE])
    with prepared.aside() as aside:
        aside.add(TABLE, csv(day("01-01"), "all"))
        time.sleep(0.5)  # likewise
        assert aside.compare(TABLE, (AS_OF, [day("01-01")]), without="q1") == (1, 0, 0)


def test_rows_that_break_off_leave_the_old_ones(prepared: Warehouse) -> None:
    publish(prepared, MONTH_END, "old")

    def broken(write: Callable[[bytes], object]) -> None:
        write(f"{MONTH_END},new,recency,1,2,5,f\n".encode())
        raise RuntimeError("the engine died")

    with (
        pytest.raises(RuntimeError, match="the engine died"),
        prepared.publication() as publication,
    ):
        publication.replace(TABLE, (AS_OF, MONTH_END), Rows("csv", broken))
    assert scopes(prepared.database) == [(MONTH_END, "old")]


def test_a_row_that_postgresql_refuses_leaves_the_old_ones(prepared: Warehouse) -> None:
    publish(prepared, MONTH_END, "old")
    with pytest.raises(DatabaseError), prepared.publication() as publication:
        refused = Rows("csv", lambda write: write(b"2024-01-31,new,recency,much,2,5,f\n"))
        publication.replace(TABLE, (AS_OF, MONTH_END), refused)
    assert scopes(prepared.database) == [(MONTH_END, "old")]


def test_only_the_partition_that_is_published_is_replaced(prepared: Warehouse) -> None:
    other = dt.date(2024, 1, 30)
    publish(prepared, other, "other")
    publish(prepared, MONTH_END, "old")
    publish(prepared, MONTH_END)
    assert scopes(prepared.database) == [(other, "other")]


def test_two_publications_of_one_partition_end_with_one_row_set(prepared: Warehouse) -> None:
    """The second waits for the first, and then replaces what the first has written."""
    second = threading.Thread(target=publish, args=(prepared, MONTH_END, "second"))
    with prepared.publication() as publication:
        publication.replace(TABLE, (AS_OF, MONTH_END), csv(MONTH_END, "first"))
        second.start()
        with prepared.database.connect() as watcher:
            watcher.autocommit = True
            deadline = time.monotonic() + DEADLINE_SECONDS
            waiting = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            while watcher.execute(waiting).fetchone() == (0,):
                assert time.monotonic() < deadline, "the second did not wait"
                second.join(0.01)
    second.join()
    assert scopes(prepared.database) == [(MONTH_END, "second")]


RETENTION = [
    # newest first: what is there, how many days are kept, what goes
    ("01-01 01-02 01-03", 7, ""),
    ("01-01 01-02 01-03", 2, "01-01"),
    ("01-01 01-02 01-03", 1, "01-01 01-02"),
    ("01-30 01-31 02-01 02-02", 1, "01-30 02-01"),
    ("02-28 02-29 03-01", 1, "02-28"),
    ("2023-02-28 01-01", 7, ""),
    ("01-01 01-31 02-29 03-30 03-31 04-07", 7, "01-01 03-30"),
    ("01-01 01-31 02-29 03-30 03-31 04-06", 7, "01-01 03-30"),
    ("12-24 12-25 12-31", 7, "12-24"),
    ("", 7, ""),
]


@pytest.mark.parametrize(("there", "days", "goes"), RETENTION)
def test_the_newest_days_and_every_months_last_day_stay(
    prepared: Warehouse, there: str, days: int, goes: str
) -> None:
    for as_of in map(day, there.split()):
        publish(prepared, as_of, "all")
    with prepared.publication() as publication:
        removed, _ = publication.keep([TABLE], AS_OF, days)[TABLE]
    assert sorted(removed) == [day(text) for text in goes.split()]
    kept = [day(text) for text in there.split() if text not in goes.split()]
    assert [as_of for as_of, _ in scopes(prepared.database)] == sorted(kept)


def _take(platform: Platform, as_of: dt.date) -> bool:
    platform.transforms.analyse_customers(as_of)
    kept = platform.publisher.publish_customers(as_of)
    platform.transforms.score(as_of, platform.segments(), per_marketplace=False)
    platform.transforms.build_cohorts(as_of)
    return all(
        [kept, platform.publisher.publish_scores(as_of), platform.publisher.publish_cohorts(as_of)]
    )


@pytest.fixture(scope="module")
def snapshots(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """A loaded January, of which snapshots can be taken; two days are kept."""
    chain = new_chain(server, tmp_path_factory.mktemp("snapshots"), keep_days=2)
    chain.fill([line(f"{n}", f"01-{n:02}", user_id=f"u{n % 5}") for n in range(20, 32)])
    platform = chain.platform
    with platform.mart.snapshot() as snapshot:
        platform.extraction.extract(snapshot, days_between(day("01-20"), MONTH_END))
    platform.transforms.fold_months([day("01-01")])
    platform.publisher.publish_months([day("01-01")], "test")
    return chain


def _dates(chain: Chain, table: str) -> list[str]:
    rows = chain.in_warehouse(f"SELECT DISTINCT as_of_date FROM rfm.{table} ORDER BY 1")
    return [f"{as_of:%m-%d}" for (as_of,) in rows]


def test_customers_and_scores_are_kept_for_days_cohorts_and_thresholds_for_ever(
    snapshots: Chain, tmp_path: Path
) -> None:
    platform = snapshots.platform
    assert all(_take(platform, day(f"01-{n}")) for n in range(26, 30))
    assert _dates(snapshots, "final_user_analysis_snapshots") == ["01-28", "01-29"]
    assert _dates(snapshots, "rfm_scores_snapshots") == ["01-28", "01-29"]
    assert _dates(snapshots, "cohort_matrix_snapshots") == ["01-26", "01-27", "01-28", "01-29"]
    assert _dates(snapshots, "rfm_thresholds") == ["01-26", "01-27", "01-28", "01-29"]
    lake = [partition.value for partition in platform.lake.final_user_analysis.partitions()]
    assert lake == [day("01-28"), day("01-29")], "the lake keeps what the warehouse shows"


def test_an_older_snapshot_that_comes_later_changes_no_view(snapshots: Chain) -> None:
    """A restatement of an old day must not become today's list for the marketing people."""
    views = ("final_user_analysis", "rfm_scores", "cohort_matrix")
    assert _take(snapshots.platform, day("01-29"))
    before = [snapshots.in_warehouse(f"TABLE rfm.{view}") for view in views]
    assert _take(snapshots.platform, day("01-28"))
    assert [snapshots.in_warehouse(f"TABLE rfm.{view}") for view in views] == before
    assert {as_of for ((as_of, *_), *_) in before} == {day("01-29")}


def test_the_views_follow_the_newest_snapshot(snapshots: Chain) -> None:
    assert _take(snapshots.platform, day("01-30"))
    for view in ("final_user_analysis", "rfm_scores", "cohort_matrix"):
        assert _dates(snapshots, view) == ["01-30"]


def test_a_snapshot_that_is_older_than_what_is_kept_says_that_it_did_not_stay(
    snapshots: Chain,
) -> None:
    platform = snapshots.platform
    assert _take(platform, day("01-30"))
    platform.transforms.analyse_customers(day("01-22"))
    assert not platform.publisher.publish_customers(day("01-22"))
    assert "01-22" not in _dates(snapshots, "final_user_analysis_snapshots")
    assert not platform.lake.final_user_analysis.partitions(day("01-22"), day("01-22"))


def _in_lake(chain: Chain, table: str) -> list[str]:
    return [f"{p.value:%m-%d}" for p in getattr(chain.platform.lake, table).partitions()]


@pytest.fixture
def newest_is_the_29th(server: EmbeddedServer, tmp_path: Path) -> Chain:
    """A loaded end of January, published as of the 28th and the 29th; two days are kept."""
    chain = new_chain(server, tmp_path, keep_days=2)
    chain.fill([line(f"{n}", f"01-{n:02}", user_id=f"u{n % 5}") for n in range(20, 32)])
    with chain.platform.mart.snapshot() as snapshot:
        chain.platform.extraction.extract(snapshot, days_between(day("01-20"), MONTH_END))
    for as_of in ("01-28", "01-29"):
        assert _take(chain.platform, day(as_of))
    return chain


class KilledError(Exception):
    """The process ends here."""


def test_what_a_kill_right_after_the_warehouses_commit_leaves_in_the_lake_goes_the_next_time(
    newest_is_the_29th: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = newest_is_the_29th
    transforms, publisher = chain.platform.transforms, chain.platform.publisher
    transforms.analyse_customers(day("01-30"))
    transforms.score(day("01-30"), chain.platform.segments(), per_marketplace=False)

    def killed(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(LakeTable, "commit", killed)
        with pytest.raises(KilledError):
            publisher.publish_customers(day("01-30"))
        with pytest.raises(KilledError):
            publisher.publish_scores(day("01-30"))
    for table in ("final_user_analysis", "rfm_scores"):
        assert _dates(chain, f"{table}_snapshots") == ["01-29", "01-30"]
        assert _in_lake(chain, table) == ["01-28", "01-29", "01-30"]
    assert publisher.publish_customers(day("01-30"))
    assert publisher.publish_scores(day("01-30"))
    for table in ("final_user_analysis", "rfm_scores"):
        assert _in_lake(chain, table) == ["01-29", "01-30"]
    assert _in_lake(chain, "rfm_thresholds") == ["01-28", "01-29", "01-30"]


def test_a_snapshot_that_was_never_published_stays_in_the_lake_as_long_as_a_published_one(
    newest_is_the_29th: Chain,
) -> None:
    """The warehouse was down that day, and nobody ran the day again."""
    chain = newest_is_the_29th
    for as_of in ("01-26", "01-30", "01-31"):
        chain.platform.transforms.analyse_customers(day(as_of))
        chain.platform.transforms.build_cohorts(day(as_of))
    assert _take(chain.platform, day("01-29"))
    newer = ["01-30", "01-31"]
    assert _in_lake(chain, "final_user_analysis") == ["01-28", "01-29", *newer], (
        "a newer one may be about to be published"
    )
    chain.platform.transforms.analyse_customers(day("02-02"))
    assert chain.platform.publisher.publish_customers(day("02-02"))
    assert _in_lake(chain, "final_user_analysis") == ["01-31", "02-02"]
    assert _in_lake(chain, "cohort_matrix") == ["01-26", "01-28", "01-29", *newer]
