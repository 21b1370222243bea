"""What a target holds, has and is allowed, and what a restore makes of it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rfm_platform.bi_database.dump import DumpOptions, make_dump
from rfm_platform.bi_database.emptying import contents, empty
from rfm_platform.bi_database.endpoint import CommandEndpoint, UrlEndpoint
from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.grants import mapped
from rfm_platform.bi_database.manifest import Manifest
from rfm_platform.bi_database.move import Move
from rfm_platform.bi_database.restore import RestoreOptions, preflight, restore
from rfm_platform.bi_database.results import Verification
from rfm_platform.bi_database.verify import verify
from rfm_platform.postgres import Database, external
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.bi_database.cluster import CloudServer
from rfm_platform_tests.bi_database.conftest import OWNER, counts
from rfm_platform_tests.bi_database.test_endpoint import beside, name_of
from rfm_platform_tests.conftest import new_database

ONE = RestoreOptions(jobs=1)
AGAIN = RestoreOptions(jobs=1, replace=True)


def dump_of(source: Database, tmp_path: Path) -> tuple[Path, Manifest]:
    directory = tmp_path / "dump"
    return directory, make_dump(UrlEndpoint(source), directory, DumpOptions())


def verified(target: Database, dump: tuple[Path, Manifest]) -> Verification:
    return verify(UrlEndpoint(target), dump[1], dump[0], {})


def test_what_a_live_session_has_of_its_own_is_neither_moved_nor_counted(
    own_source: Callable[..., Database], target: Database, tmp_path: Path
) -> None:
    of_its_own = """
        CREATE TEMP TABLE work (id serial PRIMARY KEY, word text);
        CREATE TEMP VIEW words AS SELECT word FROM work;
        CREATE TYPE pg_temp.state AS ENUM ('new');
        CREATE FUNCTION pg_temp.one() RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION pg_temp.note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER noting BEFORE INSERT ON work FOR EACH ROW EXECUTE FUNCTION pg_temp.note();
        COMMENT ON TABLE work IS 'Mine';
        COMMENT ON COLUMN work.word IS 'Mine';
        COMMENT ON TRIGGER noting ON work IS 'Mine';
        GRANT SELECT ON work TO PUBLIC;
    """
    source = own_source()
    with source.connect() as live, target.connect() as another:
        for connection in (live, another):
            connection.execute(of_its_own.encode())
            connection.commit()
        assert contents(target) == {}
        dump = dump_of(source, tmp_path)
    state = dump[1].state
    assert not any("temp" in name for name in (*state.owners, *state.sections["comments"]))
    assert not any("temp" in grant.object for grant in state.grants)
    restore(target, dump[0], tmp_path / "job", ONE)
    found = {section.section: section for section in verified(target, dump).sections}
    for name in ("owners", "comments", "rights"):
        assert found[name].is_equal, found[name].verdict


@pytest.mark.usefixtures("source")  # the role
def test_a_schema_public_that_was_made_anew_is_the_one_that_every_database_has(
    server: EmbeddedServer, target: Database, tmp_path: Path
) -> None:
    """As `DROP SCHEMA public CASCADE; CREATE SCHEMA public`, which is how many empty a database."""
    anew = new_database(server, "bi_public_anew")
    statements = (
        "DROP SCHEMA public CASCADE",
        "CREATE SCHEMA public",
        "GRANT USAGE ON SCHEMA public TO PUBLIC",
        "GRANT USAGE ON SCHEMA public TO analyst",
        "COMMENT ON SCHEMA public IS 'Ours'",
    )
    for database, more in ((anew, ["CREATE TABLE a (id int PRIMARY KEY)"]), (target, [])):
        with database.connect() as connection:
            for statement in (*statements[: 3 if database is target else None], *more):
                connection.execute(statement.encode())
    assert contents(target) == {}
    dump = dump_of(anew, tmp_path)
    for options in (ONE, AGAIN):
        restore(target, dump[0], tmp_path / "job", options)
        found = verified(target, dump)
        assert found.passed, found.verdict


def test_limits_of_the_targets_role_do_not_break_off_a_restore(
    cloud: CloudServer, own_source: Callable[..., Database], tmp_path: Path, _names: Iterator[int]
) -> None:
    """Such a limit ended ANALYZE, and the restored database was emptied for it."""
    source = own_source(
        "CREATE FUNCTION extra.slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_sleep(0.5); RETURN $1; END'",
        "CREATE TABLE extra.indexed (id int)",
        "CREATE INDEX ON extra.indexed (extra.slow(id))",
        "INSERT INTO extra.indexed VALUES (1)",
    )
    dump = dump_of(source, tmp_path)
    name = f"bi_limited_{next(_names)}"
    target = external("target", cloud.create(name, OWNER))
    with cloud.administrator() as connection:
        for limit in ("statement_timeout", "transaction_timeout"):
            connection.execute(f"ALTER DATABASE {name} SET {limit} = '300ms'".encode())
    findings = restore(target, dump[0], tmp_path / "job", ONE)
    assert "statistics" not in [each.name for each in findings]
    assert verified(target, dump).passed


def test_statistics_that_cannot_be_gathered_are_told_and_cost_nothing_else(
    own_source: Callable[..., Database], target: Database, tmp_path: Path
) -> None:
    """ANALYZE computes what an index is of; here that works for pg_restore only."""
    source = own_source(
        "CREATE FUNCTION extra.picky(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN "
        "IF current_setting('application_name') <> 'pg_restore' THEN RAISE 'not for you'; END IF; "
        "RETURN $1; END $$",
        "CREATE TABLE extra.picked (id int)",
        "CREATE INDEX ON extra.picked (extra.picky(id))",
        "SET application_name = 'pg_restore'",
        "INSERT INTO extra.picked VALUES (1)",
    )
    dump = dump_of(source, tmp_path)
    findings = restore(target, dump[0], tmp_path / "job", ONE)
    (told,) = [each for each in findings if each.name == "statistics"]
    assert told.state == "unknown"
    assert "RaiseException (P0001)" in told.text
    assert "run ANALYZE" in told.text
    assert verified(target, dump).passed


RARER = (
    "CREATE TEXT SEARCH DICTIONARY short (TEMPLATE = simple, stopwords = 'english')",
    "CREATE TEXT SEARCH CONFIGURATION plain (COPY = simple)",
    "CREATE COLLATION byte_by_byte (LOCALE = 'C')",
    "CREATE FUNCTION same(text, text) RETURNS bool LANGUAGE sql IMMUTABLE RETURN $1 = $2",
    "CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = same)",
    "CREATE CONVERSION western FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8",
    "CREATE TYPE pair AS (a int, b int)",
    "CREATE FUNCTION first(pair) RETURNS int LANGUAGE sql IMMUTABLE RETURN ($1).a",
    "CREATE CAST (pair AS int) WITH FUNCTION first(pair)",
)


def test_nothing_that_a_rehearsal_left_stops_the_second_restore(
    cloud: CloudServer, own_source: Callable[..., Database], target: Database, tmp_path: Path
) -> None:
    """The cut-over is one: the rehearsal's database is replaced."""
    source = own_source(
        "CREATE PUBLICATION changes FOR TABLE queries, events",
        *RARER,
        "CREATE EXTENSION postgres_fdw",
        "CREATE SERVER mart FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'old.example')",
        "CREATE USER MAPPING FOR PUBLIC SERVER mart OPTIONS (password 'hunter2')",
    )
    with cloud.administrator(name_of(target)) as administrator:
        administrator.execute("CREATE EXTENSION postgres_fdw")
        usage = f"GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO {OWNER}"
        administrator.execute(usage.encode())
    dump = dump_of(source, tmp_path)
    restore(target, dump[0], tmp_path / "job", ONE)
    left = contents(target)
    assert (left["publications"], left["foreign_servers"], left["other_objects"]) == (1, 1, 6)
    restore(target, dump[0], tmp_path / "job", AGAIN)
    found = verified(target, dump)
    assert found.passed, found.verdict
    empty(target)
    assert contents(target) == {}


def test_an_administrators_extension_is_taken_as_it_is(
    cloud: CloudServer, own_source: Callable[..., Database], target: Database, tmp_path: Path
) -> None:
    """The target's role may neither create nor drop it, nor write its comment."""
    source = own_source(
        "CREATE SCHEMA monitoring",
        "CREATE EXTENSION pg_stat_statements SCHEMA monitoring",
        "CREATE EXTENSION pg_trgm",
        "CREATE TABLE monitoring.kept (id int PRIMARY KEY)",
        "CREATE TABLE words (word text PRIMARY KEY)",
        "CREATE INDEX ON words USING gin (word gin_trgm_ops)",
        "INSERT INTO words VALUES ('one')",
        "GRANT EXECUTE ON FUNCTION similarity(text, text) TO analyst",
        "GRANT SELECT ON words TO analyst",
    )
    dump = dump_of(source, tmp_path)
    assert {grant.object for grant in dump[1].state.grants} == {
        "public.dashboards",
        "public.queries",
        "public.words",
    }
    with pytest.raises(BiDatabaseError, match="only a superuser may create pg_stat_statements"):
        restore(target, dump[0], tmp_path / "job", ONE)
    with cloud.administrator(name_of(target)) as administrator:
        administrator.execute(f"CREATE SCHEMA monitoring AUTHORIZATION {OWNER}".encode())
        administrator.execute("CREATE EXTENSION pg_stat_statements SCHEMA monitoring")
    assert contents(target, ["pg_stat_statements"]) == contents(target) == {}
    restore(target, dump[0], tmp_path / "job", ONE)
    found = verified(target, dump)
    assert found.passed, found.verdict
    restore(target, dump[0], tmp_path / "job", AGAIN)
    found = verified(target, dump)
    assert found.passed, found.verdict
    empty(target)
    with cloud.administrator(name_of(target)) as administrator:
        left = administrator.execute("SELECT extname FROM pg_extension ORDER BY 1").fetchall()
    assert left == [("pg_stat_statements",), ("plpgsql",)]


def test_an_extension_that_the_source_has_not_is_told_before(
    cloud: CloudServer, target: Database, dumped: Path
) -> None:
    with cloud.administrator(name_of(target)) as administrator:
        administrator.execute("CREATE EXTENSION pg_stat_statements")
    (told,) = [each for each in preflight(target, dumped, ONE) if each.name == "more extensions"]
    assert told.state == "unknown"
    assert "has pg_stat_statements, the source has not" in told.text


@pytest.mark.parametrize("provider", ["LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'", ""])
def test_another_idea_of_letters_is_told_before_and_after(
    cloud: CloudServer, server: EmbeddedServer, tmp_path: Path, provider: str, _names: Iterator[int]
) -> None:
    """Both sort by C; of lower('Ä') one makes ä, the other one does not."""
    source = new_database(server, "letters")
    name = name_of(source)
    ctype = "C" if provider else "C.UTF-8"
    with server.database("postgres").connect() as connection:
        connection.autocommit = True
        connection.execute(f"DROP DATABASE {name}".encode())
        connection.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 {provider} "
            f"LC_COLLATE 'C' LC_CTYPE '{ctype}'".encode()
        )
    target = external("target", cloud.create(f"bi_letters_{next(_names)}", OWNER))
    lowered = []
    for database in (source, target):
        with database.connect() as connection:
            lowered.append(connection.execute("SELECT lower('Ä')").fetchone())
    assert lowered == [("ä",), ("Ä",)]
    dump = dump_of(source, tmp_path)
    says = (
        "The source leaves order and case to builtin C.UTF-8, the target libc:"
        if provider
        else "The source tells letters apart by C.UTF-8, the target C:"
    )
    (before,) = [each for each in preflight(target, dump[0], ONE) if each.name == "encoding"]
    assert (before.state, says in before.text) == ("passed", True), before.text
    restore(target, dump[0], tmp_path / "job", ONE)
    found = verified(target, dump)
    assert found.passed, found.verdict
    (note,) = found.notes
    assert note.startswith(says)


def test_rights_of_whoever_becomes_the_owner_are_not_given_and_two_roles_in_one_add_up(
    cloud: CloudServer, own_source: Callable[..., Database], target: Database, tmp_path: Path
) -> None:
    with cloud.administrator() as connection:
        connection.execute("CREATE ROLE everyone")
    source = own_source(
        "CREATE ROLE lead",
        "GRANT SELECT ON events TO lead WITH GRANT OPTION",
        "GRANT SELECT ON events TO analyst",
    )
    dump = dump_of(source, tmp_path)
    roles = {"lead": "everyone", "analyst": "everyone"}
    restore(target, dump[0], tmp_path / "job", RestoreOptions(jobs=1, roles=roles))
    found = verify(UrlEndpoint(target), dump[1], dump[0], roles)
    assert found.passed, found.verdict
    assert found.notes == ()
    as_owner = roles | {"analyst": OWNER}
    found = verify(UrlEndpoint(target), dump[1], dump[0], as_owner)
    assert found.passed, "the owner needs no right: " + found.verdict
    for order in (dump[1].state.grants, tuple(reversed(dump[1].state.grants))):
        state = dump[1].state.model_copy(update={"grants": order})
        carried, left = mapped(state, as_owner, OWNER)
        assert [(each.object, each.grantee, each.is_grantable) for each in carried] == [
            ("public.events", "everyone", True)
        ]
        assert left == []


def test_what_the_targets_roles_are_not_fit_for_is_told_before_anything_is_restored(
    cloud: CloudServer, own_source: Callable[..., Database], target: Database, tmp_path: Path
) -> None:
    """The restore found it after its last row, and threw everything away."""
    source = own_source(
        'CREATE ROLE "row, ""reader"',
        'CREATE POLICY own ON queries TO analyst, "row, ""reader" USING (true)',
        "CREATE ROLE mapped",
        "CREATE FOREIGN DATA WRAPPER nothing",
        "CREATE SERVER mart FOREIGN DATA WRAPPER nothing",
        "CREATE USER MAPPING FOR mapped SERVER mart",
        "CREATE USER MAPPING FOR PUBLIC SERVER mart",
        "CREATE POLICY all_of_it ON events AS RESTRICTIVE USING (action = 'x to nobody')",
        "CREATE FUNCTION told() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE EVENT TRIGGER seen ON ddl_command_end EXECUTE FUNCTION told()",
    )
    dump = dump_of(source, tmp_path)
    typo = RestoreOptions(jobs=1, roles={"analyst": "raeder", "nobody": "nobody's"})

    def failed() -> dict[str, str]:
        found = preflight(target, dump[0], typo)
        return {each.name: each.text for each in found if each.state == "failed"}

    told = failed()
    assert told.keys() == {"roles", "named roles", "event triggers"}
    assert "gives rights to raeder, and" in told["roles"]
    assert 'for analyst, mapped, row, "reader, and' in told["named roles"]
    assert "(seen)" in told["event triggers"]
    with pytest.raises(BiDatabaseError, match=r"Nothing was restored .* raeder"):
        restore(target, dump[0], tmp_path / "job", typo)
    with cloud.administrator() as connection:
        for role in ("analyst", '"row, ""reader"', "raeder", "mapped"):
            connection.execute(f"CREATE ROLE {role}".encode())
    assert failed().keys() == {"event triggers"}
    (told_only,) = [each for each in preflight(target, dump[0], typo) if each.name == "roles"]
    assert (told_only.state, "names nobody's" in told_only.text) == ("unknown", True)
    with cloud.administrator() as connection:
        connection.execute(f"ALTER ROLE {OWNER} SUPERUSER".encode())
        assert failed() == {}
        assert contents(target) == {}, "the trial is taken back"
        connection.execute(f"ALTER ROLE {OWNER} NOSUPERUSER".encode())
        for role in ("analyst", '"row, ""reader"', "raeder", "mapped"):
            connection.execute(f"DROP ROLE {role}".encode())


@pytest.mark.parametrize("by", ["URL", "a command"])
def test_the_source_itself_is_no_target_even_with_replace(
    own_source: Callable[..., Database], target: Database, tmp_path: Path, by: str
) -> None:
    """Set by mistake, and spelled otherwise, so that addresses tell nothing."""
    database, neighbour = own_source(), own_source()
    source = (
        UrlEndpoint(database)
        if by == "URL"
        else CommandEndpoint(beside(database), "postgres", name_of(database))
    )
    move = Move(source, database, tmp_path / "dump", tmp_path, restore=AGAIN)
    move.make_dump()
    with database.connect() as connection:
        connection.execute("INSERT INTO events (org_id, action) VALUES (1, 'since the dump')")
    (told,) = [each for each in move.look_at_target() if each.name == "source"]
    assert told.state == "failed"
    with pytest.raises(BiDatabaseError, match=r"Nothing was restored .* is the source itself"):
        move.restore_dump()
    with database.connect() as connection:
        late = "SELECT COUNT(*) FROM events WHERE action = 'since the dump'"
        assert connection.execute(late).fetchone() == (1,)
    for another in (neighbour, target):
        (told,) = [
            each for each in replace(move, target=another).look_at_target() if each.name == "source"
        ]
        assert told.state == "passed"


def test_a_source_that_is_gone_does_not_stop_a_restore(
    target: Database, dumped: Path, tmp_path: Path
) -> None:
    gone = external("source", "postgresql://nobody@127.0.0.1:1/gone")
    move = Move(UrlEndpoint(gone), target, dumped, tmp_path)
    (told,) = [each for each in move.restore_dump() if each.name == "source"]
    assert told.state == "unknown"
    assert counts(target)["queries"] == 300
