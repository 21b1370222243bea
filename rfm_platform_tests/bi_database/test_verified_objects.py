"""Objects that the fixture of test_verification.py has not: each change of a definition is found,
and what only looks otherwise raises no alarm."""

from pathlib import Path

import pytest

from rfm_platform.bi_database.endpoint import UrlEndpoint
from rfm_platform.bi_database.objects import compare_objects
from rfm_platform.bi_database.state import read_definitions
from rfm_platform.postgres import external
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.bi_database.cluster import older_server
from rfm_platform_tests.bi_database.moved import Moved, move, run, unequal
from rfm_platform_tests.conftest import new_database


def moved_with(server: EmbeddedServer, directory: Path, *statements: str) -> Moved:
    source = new_database(server, "objects")
    run(source, *statements)
    return move(source, new_database(server, "objects_moved"), directory)


ATTRIBUTES = (
    "CREATE TABLE guarded (id int PRIMARY KEY, who text)",
    "ALTER TABLE guarded ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE guarded FORCE ROW LEVEL SECURITY",
    "CREATE POLICY own ON guarded USING (who = current_user)",
    "CREATE RULE kept AS ON DELETE TO guarded DO INSTEAD NOTHING",
    "CREATE TABLE parent (a int)",
    "CREATE TABLE child () INHERITS (parent)",
    "CREATE VIEW shown WITH (security_barrier, security_invoker) AS SELECT * FROM guarded",
    "CREATE TABLE whole (a int) PARTITION BY RANGE (a)",
    "CREATE TABLE part PARTITION OF whole FOR VALUES FROM (0) TO (10)",
    "CREATE TABLE filled (a text) WITH (fillfactor = 70, toast.autovacuum_enabled = off)",
    "CREATE TYPE span AS RANGE (subtype = int4)",
    "CREATE AGGREGATE total(int) (sfunc = int4pl, stype = int, initcond = '0')",
    "CREATE FUNCTION told() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
    "CREATE EVENT TRIGGER seen ON ddl_command_end WHEN TAG IN ('DROP TABLE') "
    "EXECUTE FUNCTION told()",
    "CREATE FOREIGN DATA WRAPPER nothing",
    "CREATE SERVER mart FOREIGN DATA WRAPPER nothing OPTIONS (host 'a', secret 'hunter2')",
    "CREATE USER MAPPING FOR PUBLIC SERVER mart OPTIONS (password 'hunter2')",
)


@pytest.fixture(scope="module")
def attributed(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Moved:
    """A moved database of everything that has an attribute."""
    moved = moved_with(server, tmp_path_factory.mktemp("attributes"), *ATTRIBUTES)
    found = moved.verify()
    assert found.passed, found.verdict
    return moved


ATTRIBUTE_DAMAGE = {
    "rows that anybody sees": (
        "ALTER TABLE guarded DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE guarded ENABLE ROW LEVEL SECURITY",
        "table_properties",
    ),
    "rows that their owner sees": (
        "ALTER TABLE guarded NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE guarded FORCE ROW LEVEL SECURITY",
        "table_properties",
    ),
    "a policy for somebody else": (
        "ALTER POLICY own ON guarded TO CURRENT_USER",
        "ALTER POLICY own ON guarded TO public",
        "other_objects",
    ),
    "a policy that restricts": (
        "DROP POLICY own ON guarded; "
        "CREATE POLICY own ON guarded AS RESTRICTIVE USING (who = current_user)",
        "DROP POLICY own ON guarded; CREATE POLICY own ON guarded USING (who = current_user)",
        "other_objects",
    ),
    "a policy for what is written": (
        "DROP POLICY own ON guarded; CREATE POLICY own ON guarded WITH CHECK (who = current_user)",
        "DROP POLICY own ON guarded; CREATE POLICY own ON guarded USING (who = current_user)",
        "other_objects",
    ),
    "a rule that is switched off": (
        "ALTER TABLE guarded DISABLE RULE kept",
        "ALTER TABLE guarded ENABLE RULE kept",
        "other_objects",
    ),
    "a lost parent": (
        "ALTER TABLE child NO INHERIT parent",
        "ALTER TABLE child INHERIT parent",
        "table_properties",
    ),
    "a view that reads as its owner": (
        "ALTER VIEW shown RESET (security_barrier, security_invoker)",
        "ALTER VIEW shown SET (security_barrier, security_invoker)",
        "table_properties",
    ),
    "a part with other bounds": (
        "ALTER TABLE whole DETACH PARTITION part; "
        "ALTER TABLE whole ATTACH PARTITION part FOR VALUES FROM (0) TO (20)",
        "ALTER TABLE whole DETACH PARTITION part; "
        "ALTER TABLE whole ATTACH PARTITION part FOR VALUES FROM (0) TO (10)",
        "partitions",
    ),
    "a part by itself": (
        "ALTER TABLE whole DETACH PARTITION part",
        "ALTER TABLE whole ATTACH PARTITION part FOR VALUES FROM (0) TO (10)",
        "partitions",
    ),
    "rows that a crash loses": (
        "ALTER TABLE guarded SET UNLOGGED",
        "ALTER TABLE guarded SET LOGGED",
        "table_properties",
    ),
    "another replica identity": (
        "ALTER TABLE guarded REPLICA IDENTITY FULL",
        "ALTER TABLE guarded REPLICA IDENTITY DEFAULT",
        "table_properties",
    ),
    "another fill factor": (
        "ALTER TABLE filled SET (fillfactor = 80)",
        "ALTER TABLE filled SET (fillfactor = 70)",
        "table_properties",
    ),
    "another option of what is stored aside": (
        "ALTER TABLE filled RESET (toast.autovacuum_enabled)",
        "ALTER TABLE filled SET (toast.autovacuum_enabled = off)",
        "table_properties",
    ),
    "a column that is stored otherwise": (
        "ALTER TABLE guarded ALTER who SET STORAGE EXTERNAL",
        "ALTER TABLE guarded ALTER who SET STORAGE EXTENDED",
        "columns",
    ),
    "a column with other statistics": (
        "ALTER TABLE guarded ALTER who SET STATISTICS 500",
        "ALTER TABLE guarded ALTER who SET STATISTICS -1",
        "columns",
    ),
    "an aggregate that multiplies": (
        "DROP AGGREGATE total(int); "
        "CREATE AGGREGATE total(int) (sfunc = int4mul, stype = int, initcond = '0')",
        "DROP AGGREGATE total(int); "
        "CREATE AGGREGATE total(int) (sfunc = int4pl, stype = int, initcond = '0')",
        "functions",
    ),
    "an aggregate that begins elsewhere": (
        "DROP AGGREGATE total(int); "
        "CREATE AGGREGATE total(int) (sfunc = int4pl, stype = int, initcond = '1')",
        "DROP AGGREGATE total(int); "
        "CREATE AGGREGATE total(int) (sfunc = int4pl, stype = int, initcond = '0')",
        "functions",
    ),
    "a range over another type": (
        "DROP TYPE span; CREATE TYPE span AS RANGE (subtype = int8)",
        "DROP TYPE span; CREATE TYPE span AS RANGE (subtype = int4)",
        "types",
    ),
    "an event trigger that sees more": (
        "DROP EVENT TRIGGER seen; "
        "CREATE EVENT TRIGGER seen ON ddl_command_end EXECUTE FUNCTION told()",
        "DROP EVENT TRIGGER seen; CREATE EVENT TRIGGER seen ON ddl_command_end "
        "WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION told()",
        "other_objects",
    ),
    "a server that is another one": (
        "ALTER SERVER mart OPTIONS (SET host 'b')",
        "ALTER SERVER mart OPTIONS (SET host 'a')",
        "other_objects",
    ),
    "a server with another secret": (
        "ALTER SERVER mart OPTIONS (SET secret 'hunter3')",
        "ALTER SERVER mart OPTIONS (SET secret 'hunter2')",
        "other_objects",
    ),
    "another password for a server": (
        "ALTER USER MAPPING FOR PUBLIC SERVER mart OPTIONS (SET password 'hunter3')",
        "ALTER USER MAPPING FOR PUBLIC SERVER mart OPTIONS (SET password 'hunter2')",
        "other_objects",
    ),
}


@pytest.mark.parametrize("damage", ATTRIBUTE_DAMAGE)
def test_an_attribute_that_got_lost_is_found(attributed: Moved, damage: str) -> None:
    statement, repair, section = ATTRIBUTE_DAMAGE[damage]
    attributed.change(statement)
    found = attributed.verify()
    bad = set(unequal(found))
    attributed.change(repair)
    assert section in bad
    assert "hunter" not in found.model_dump_json() + attributed.manifest.model_dump_json()
    # A part by itself is no child either; a range has functions of its own, which have an owner.
    taken_along = {"partitions": {"table_properties"}, "types": {"functions", "owners"}}
    assert bad - {section} <= taken_along.get(section, set())
    after = attributed.verify()
    assert after.passed, after.verdict


PARTITIONS = (
    "CREATE TABLE divided (id int PRIMARY KEY) PARTITION BY RANGE (id)",
    "CREATE TABLE referring (id int REFERENCES divided)",
    "CREATE TABLE p2 PARTITION OF divided FOR VALUES FROM (10) TO (20)",
    "CREATE TABLE p1 PARTITION OF divided FOR VALUES FROM (0) TO (10)",
    "CREATE TABLE p0 PARTITION OF divided FOR VALUES FROM (-10) TO (0)",
    "CREATE FUNCTION let() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'",
    "CREATE TRIGGER checked BEFORE INSERT ON divided FOR EACH ROW EXECUTE FUNCTION let()",
    "INSERT INTO divided VALUES (1), (11)",
    "INSERT INTO referring VALUES (1)",
)


def test_partitions_that_were_not_made_in_order_raise_no_alarm(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    moved = moved_with(
        server,
        tmp_path,
        *PARTITIONS,
    )
    found = moved.verify()
    assert found.passed, found.verdict
    moved.change("ALTER TABLE p1 DISABLE TRIGGER ALL")
    (bad,) = unequal(moved.verify()).values()
    assert bad.verdict == (
        "3 not in the source: public.p1.checked is DISABLED, "
        "public.p1: RI_FKey_noaction_del is DISABLED, public.p1: RI_FKey_noaction_upd is DISABLED"
    )
    moved.change(
        "ALTER TABLE p1 ENABLE TRIGGER ALL",
        "ALTER TABLE referring DROP CONSTRAINT referring_id_fkey",
    )
    assert set(unequal(moved.verify())) == {"constraints"}


def test_an_index_that_was_never_finished_is_a_note_and_one_that_broke_is_not(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    moved = moved_with(
        server,
        tmp_path,
        "CREATE TABLE a (id int, word text)",
        "CREATE INDEX unfinished ON a (id)",
        "CREATE INDEX finished ON a (word) WHERE word <> 'not valid: '",
        "UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid = 'unfinished'::regclass",
    )
    found = moved.verify()
    assert found.passed, found.verdict
    assert found.notes == (
        "Not valid at the source, and so in no dump: the index public.unfinished. Where it is "
        "needed, create it at the target.",
    )
    moved.change("UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid = 'finished'::regclass")
    (bad,) = unequal(moved.verify()).values()
    assert (bad.section, bad.missing) == ("indexes", ())
    assert "public.finished" in bad.different[0]


def test_tables_of_extensions_that_hold_rows_are_told(server: EmbeddedServer) -> None:
    database = new_database(server, "extended")
    run(
        database,
        "CREATE EXTENSION hstore",
        "CREATE TABLE kept AS SELECT 1 AS id",
        "CREATE TABLE empty (id int)",
        "ALTER EXTENSION hstore ADD TABLE kept",
        "ALTER EXTENSION hstore ADD TABLE empty",
        "CREATE TABLE mine AS SELECT 1 AS id",
    )
    with UrlEndpoint(database).session() as session:
        found = read_definitions(session)
    assert [table.title for table in found.tables] == ["public.mine"]
    (note,) = compare_objects(found, found, {})[1]
    assert "whose rows were not compared: public.kept." in note


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_server_that_quotes_every_name_raises_no_alarm(
    server: EmbeddedServer, tmp_path: Path, side: str
) -> None:
    source = new_database(server, "quoting")
    run(
        source,
        "CREATE TABLE a (id serial PRIMARY KEY, word text CHECK (word <> ''))",
        "CREATE VIEW words AS SELECT word FROM a",
        "CREATE INDEX words_of_a ON a (lower(word))",
    )
    target = new_database(server, "quoting_moved")
    quoting = {"source": source, "target": target}[side]
    name = quoting.conninfo()["dbname"]
    run(quoting, f"ALTER DATABASE {name} SET quote_all_identifiers TO on")
    found = move(source, target, tmp_path).verify()
    assert not unequal(found), found.verdict


def test_names_with_dots_are_not_mixed_up(server: EmbeddedServer, tmp_path: Path) -> None:
    moved = moved_with(
        server,
        tmp_path,
        'CREATE SCHEMA "a.b"',
        "CREATE SCHEMA a",
        'CREATE TABLE "a.b".c (id serial PRIMARY KEY)',
        'CREATE TABLE a."b.c" (word text PRIMARY KEY)',
        'CREATE SEQUENCE a."b.c_id_seq" START 7',
        'INSERT INTO "a.b".c VALUES (1)',
        "INSERT INTO a.\"b.c\" VALUES ('x')",
    )
    found = moved.verify()
    assert found.passed, found.verdict
    assert {each.table for each in found.tables} == {'"a.b".c', 'a."b.c"'}
    moved.change('DROP TABLE a."b.c"')
    (bad,) = moved.verify().bad_tables
    assert (bad.table, bad.why) == ('a."b.c"', "is not there")


def test_an_earlier_release_writes_attributes_as_a_later_one(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    (tmp_path / "older").mkdir()
    with older_server(tmp_path / "older") as (release, url):
        source = external("source", url)
        since_15 = ", security_invoker"
        run(source, *(each.replace(since_15, "") if release < 15 else each for each in ATTRIBUTES))
        run(source, *PARTITIONS)
        moved = move(source, new_database(server, "later"), tmp_path)
    found = moved.verify()
    assert found.passed, found.verdict
