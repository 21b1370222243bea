"""The whole move as a person makes it: gates, a stop, a resumption, and the report."""

import datetime as dt
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import yaml

from rfm_platform.bi_database.endpoint import CommandEndpoint, UrlEndpoint
from rfm_platform.bi_database.gates import STEPS, Outcome
from rfm_platform.bi_database.kept import newest_dump
from rfm_platform.bi_database.manifest import NAME, read_manifest
from rfm_platform.bi_database.migrate import GATES, migrate, read_journal
from rfm_platform.bi_database.move import Move, Progress
from rfm_platform.bi_database.results import Verification
from rfm_platform.cli import main
from rfm_platform.postgres import Database, external
from rfm_platform.settings import load_settings
from rfm_platform_tests.bi_database.cluster import PASSWORD, CloudServer
from rfm_platform_tests.bi_database.conftest import OWNER, counts
from rfm_platform_tests.bi_database.fixture import COOKIE, NEWEST_REDASH, SECRET
from rfm_platform_tests.bi_database.redash_server import redash_server
from rfm_platform_tests.bi_database.test_endpoint import beside, name_of
from rfm_platform_tests.conftest import url_of
from rfm_platform_tests.redash_http import API_KEY


@pytest.fixture
def rfm(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    source: Database,
    cloud: CloudServer,
    _names: Iterator[int],
) -> Iterator[Callable[..., tuple[int, str]]]:
    """`rfm bi …` with the settings of a move; gives its exit code and what it said."""
    variables = {
        "HOME": str(tmp_path / "home"),
        "BI_SOURCE_URL": url_of(source),
        "BI_TARGET_URL": cloud.create(f"bi_moved_{next(_names)}", OWNER),
        "BI_SECRET_KEY": SECRET,
        "BI_COOKIE_SECRET": COOKIE,
        "REDASH_VERSION": NEWEST_REDASH,
    }
    for name, value in variables.items():
        monkeypatch.setenv(f"RFM_{name}", value)
    monkeypatch.setenv("COLUMNS", "1000")

    def call(*arguments: str, **settings: str) -> tuple[int, str]:
        for name, value in settings.items():
            monkeypatch.setenv(f"RFM_{name}", value)
        load_settings.cache_clear()
        code = 0
        try:
            main(["bi", *arguments])
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capsys.readouterr()
        everything = said.out + said.err
        assert PASSWORD not in everything
        assert SECRET not in everything
        return code, everything

    yield call
    load_settings.cache_clear()


def gates(home: Path) -> dict[str, str]:
    journal = json.loads((home / "bi_move" / "report.json").read_text("utf-8"))
    return {gate["name"]: gate["state"] for gate in journal["gates"]}


def test_a_move_stops_at_a_gate_goes_on_later_and_ends_in_a_report(
    rfm: Callable[..., tuple[int, str]], tmp_path: Path, target: Database
) -> None:
    home = tmp_path / "home"
    code, said = rfm("inventory")
    assert code == 0
    assert "Redash, schema revision db0aca1ebd32" in said
    assert "300 queries (30 archived)" in said

    code, said = rfm("migrate", BI_SECRET_KEY="another")
    assert code == 1
    assert "failed   secret" in said
    assert gates(home)["dump"] == "open"

    code, said = rfm("migrate", "--until", "dump", BI_SECRET_KEY=SECRET)
    assert code == 0
    assert "passed   secret" in said
    assert "Gates are open" in said
    dump = home / "bi_dumps" / "move" / "manifest.json"
    written = dump.stat().st_mtime_ns

    code, said = rfm("migrate")
    assert code == 0, said
    assert dump.stat().st_mtime_ns == written, "what has passed is not done again"
    assert gates(home) == {
        **dict.fromkeys(
            ("inventory", "secret", "dump", "preflight", "restore", "verify", "application"),
            "passed",
        ),
        "smoke": "skipped",
    }
    page = (home / "bi_move" / "report.html").read_text("utf-8")
    for part in ("Moved and verified", "public.queries", "Roll-back", "--again dump --replace"):
        assert part in page
    assert PASSWORD not in page
    assert SECRET not in page
    assert 'src="http' not in page

    code, said = rfm("values")
    assert yaml.safe_load(said) == {"image": {"tag": NEWEST_REDASH}}
    assert "Without RFM_REDASH_URL: the address has to be put into redash.host." in said
    code, said = rfm("values", REDASH_URL="https://redash.example.com")
    assert code == 0
    assert yaml.safe_load(said) == {
        "image": {"tag": NEWEST_REDASH},
        "redash": {"host": "https://redash.example.com"},
    }
    assert "The schema is what Redash 26.8.0 needs (db0aca1ebd32)." in said
    code, said = rfm("verify")
    assert code == 0, "the move's dump is the newest"
    assert rfm("restore")[0] == 1
    assert rfm("values")[0] == 0, "a restore that does not begin changes nothing"
    code, said = rfm("restore", "--replace")
    assert code == 0, said
    assert "has not passed verify, application yet" in rfm("values")[1]
    code, said = rfm("migrate", "--again", "restore")
    assert code == 1
    assert "not empty" in said
    assert "has not passed verify" in rfm("values")[1]
    code, said = rfm("migrate", "--again", "dump", "--replace")
    assert code == 0, said
    # The cut-over: the rehearsal's Redash is known, and does not run.
    stopped = {"REDASH_URL": "http://127.0.0.1:1", "REDASH_API_KEY": API_KEY}
    cut_over = ("migrate", "--again", "dump", "--replace", "--until", "application")
    code, said = rfm(*cut_over, **stopped)
    assert code == 0, said
    assert rfm("migrate", **stopped)[0] == 1, "the last gate waits for the new server"


def test_a_cut_over_that_is_interrupted_goes_on_with_its_first_gate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The rehearsal's gates have passed; they count for nothing once the cut-over has begun."""
    move = Move(UrlEndpoint(Database("old", dict)), Database("new", dict), tmp_path, tmp_path)
    found = Verification(tables=(), sections=())
    done: list[str] = []

    def step(name: str) -> Callable[[Move, Progress], Outcome]:
        def pass_by(_move: Move, _progress: Progress) -> Outcome:
            done.append(name)
            objects = ({"kind": "queries"},) if name == "application" else ()
            verification = found if name == "verify" else None
            return Outcome("passed", name, verification=verification, objects=objects)

        return pass_by

    def interrupt(_move: Move, _progress: Progress) -> Outcome:
        raise KeyboardInterrupt

    for name in GATES:
        monkeypatch.setitem(STEPS, name, step(name))
    assert all(gate.state == "passed" for gate in migrate(move))
    with monkeypatch.context() as broken:
        broken.setitem(STEPS, "dump", interrupt)
        with pytest.raises(KeyboardInterrupt):
            list(migrate(move, "application", "dump"))
    noted = read_journal(move)
    assert [gate.name for gate in noted.gates if gate.state == "passed"] == ["inventory", "secret"]
    assert (noted.verification, noted.objects) == (None, ())
    done.clear()
    list(migrate(move, "application"))
    assert done == ["dump", "preflight", "restore", "verify", "application"]
    assert read_journal(move).verification == found


@pytest.mark.parametrize("by", ["URL", "a command"])
def test_who_still_writes_at_the_source_is_told_with_the_dump(
    own_source: Callable[..., Database], target: Database, tmp_path: Path, by: str
) -> None:
    """Else a cut-over during which the old server runs passes every gate, and loses rows."""
    source = own_source()
    endpoint = (
        UrlEndpoint(source)
        if by == "URL"
        else CommandEndpoint(beside(source), "postgres", name_of(source))
    )
    move = Move(endpoint, target, tmp_path / "dump", tmp_path, secret=SECRET)
    with psycopg.connect(url_of(source), application_name="redash-scheduler"):
        *_, busy = migrate(move, until="dump", again="dump")
    *_, alone = migrate(move, until="dump", again="dump")
    assert (busy.state, alone.state) == ("passed", "passed")
    told = "1 other sessions are connected to the source (redash-scheduler)"
    assert told in busy.text
    assert [told in each.text for each in busy.details] == [True]
    assert "sessions" not in alone.text
    assert [each.state for each in alone.details] == ["passed"]


def test_the_last_gate_asks_the_started_server(
    rfm: Callable[..., tuple[int, str]], source: Database, own_source: Callable[..., Database]
) -> None:
    with redash_server(own_source("DELETE FROM data_source_groups"), SECRET) as server:
        code, said = rfm("smoke", REDASH_URL=server.url, REDASH_API_KEY=API_KEY)
        assert code == 1
        assert "data source 2" in said
        code, said = rfm("smoke", "--after-restart")
        assert code == 0, said


def test_the_newest_dump_is_the_one_that_ended_last_whenever_its_files_came(
    rfm: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    """An old dump is fetched from the store, or copied, after the new one was made."""
    assert rfm("dump")[0] == 0
    dumps = tmp_path / "home" / "bi_dumps"
    (new,) = dumps.iterdir()
    old = dumps / "2024-07-01"
    shutil.copytree(new, old)
    before = read_manifest(old).model_copy(update={"ended": dt.datetime(2024, 7, 1, tzinfo=dt.UTC)})
    (old / NAME).write_text(before.model_dump_json(), encoding="utf-8")
    assert newest_dump(dumps) == new
    ended = read_manifest(new).ended.astimezone()
    for command in ("restore", "verify"):
        code, said = rfm(command)
        assert code == 0, said
        assert f"Dump: {new}, ended {ended:%Y-%m-%d %H:%M:%S}" in said
    assert f"Dump: {old}, ended 2024-0" in rfm("verify", str(old))[1]


def test_dump_restore_and_verify_one_by_one(
    rfm: Callable[..., tuple[int, str]], source: Database, tmp_path: Path
) -> None:
    code, said = rfm("verify")
    assert (code, "run `rfm bi dump` first" in said) == (1, True)
    assert rfm("dump")[0] == 0
    code, said = rfm("restore")
    assert code == 0, said
    code, said = rfm("verify")
    assert code == 0, said
    assert "validated" in said


def test_a_home_that_a_move_makes_is_closed_to_others(
    rfm: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    """A report of rows that differ names them by their keys, which may be people."""
    code, said = rfm("migrate", "--until", "dump")
    assert code == 0, said
    home = tmp_path / "home"
    work = home / "bi_move"
    assert home.stat().st_mode & 0o066 == 0
    assert work.stat().st_mode & 0o077 == 0
    assert {path.stat().st_mode & 0o777 for path in work.iterdir()} == {0o600}
    assert all(path.stat().st_mode & 0o077 == 0 for path in (home / "bi_dumps" / "move").iterdir())


@pytest.mark.parametrize("noted", ["", '{"bad', "[]", "{}"])
def test_a_damaged_journal_is_told_with_what_to_do(
    rfm: Callable[..., tuple[int, str]], tmp_path: Path, noted: str
) -> None:
    journal = tmp_path / "home" / "bi_move" / "journal.json"
    journal.parent.mkdir(parents=True)
    journal.write_text(noted, encoding="utf-8")
    code, said = rfm("migrate", "--until", "inventory")
    assert (code, f"{journal} cannot be read: begin anew with --again inventory" in said) == (
        1,
        True,
    )
    assert "Traceback" not in said
    assert rfm("migrate", "--until", "inventory", "--again", "inventory")[0] == 0


@pytest.mark.parametrize(
    ("command", "says"), [("ssh 'bi", "no closing quotation"), (" ", "it is blank")]
)
def test_a_command_that_is_none_is_told_and_no_other_server_asked(
    rfm: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch, command: str, says: str
) -> None:
    monkeypatch.delenv("RFM_BI_SOURCE_URL")
    code, said = rfm("inventory", BI_SOURCE_COMMAND=command)
    assert code == 1
    assert f"RFM_BI_SOURCE_COMMAND is no command ({says})" in said
    assert "Traceback" not in said


def test_values_ask_for_a_releases_number(rfm: Callable[..., tuple[int, str]]) -> None:
    assert rfm("migrate")[0] == 0
    code, said = rfm("values", REDASH_VERSION="latest")
    assert code == 1
    assert "set it to the release's number" in said


def test_values_are_not_given_for_a_release_that_cannot_run_on_the_target(
    rfm: Callable[..., tuple[int, str]],
) -> None:
    assert rfm("migrate")[0] == 0
    code, said = rfm("values", REDASH_VERSION="10.1.0")
    assert code == 1
    assert "newer than 10.1.0 can run on" in said
    assert "image" not in said
    # It is the target's schema that counts, which may have been upgraded since the dump.
    with external("target", os.environ["RFM_BI_TARGET_URL"]).connect() as connection:
        connection.execute("UPDATE alembic_version SET version_num = '89bc7873a3e0'")
    code, said = rfm("values")
    assert code == 0, said
    assert "The schema is what Redash 10.1.0 needs (89bc7873a3e0)." in said


def test_what_is_not_set_is_asked_for(
    rfm: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch, source: Database
) -> None:
    monkeypatch.delenv("RFM_BI_SOURCE_URL")
    for nothing in ({}, {"BI_SOURCE_URL": ""}):  # what a Secret holds where there is nothing
        code, said = rfm("inventory", **nothing)
        assert code == 1
        assert "RFM_BI_SOURCE_COMMAND" in said
    both = {
        "BI_SOURCE_COMMAND": "ssh bi.example",
        "BI_SOURCE_URL": "postgresql://db.example/redash",
    }
    code, said = rfm("inventory", **both)
    assert code == 1
    assert "are both set" in said
    code, said = rfm("migrate", "--until", "nowhere")
    assert code != 0
    assert counts(source)["queries"] == 300
