"""The commands that only show: what a person sees of a filled home, and of an empty one."""

import io
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
import yaml
from rich.console import Console
from sqlalchemy.engine import make_url

from rfm_platform.cli import main
from rfm_platform.cli.progress import titled
from rfm_platform.cli.show import show_months
from rfm_platform.postgres.database import CONNECT_TIMEOUT_SECONDS
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.assets.chain import Chain, line, new_chain
from rfm_platform_tests.cli.conftest import PASSWORD, Rfm, environment, rfm

COMMANDS = ("demo", "materialize", "show", "status", "ui", "stop")


@pytest.fixture(scope="module")
def filled(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """Ten customers of January, of whom every second came back in February."""
    chain = new_chain(server, tmp_path_factory.mktemp("filled"), analyses=True)
    chain.fill(
        [line(f"a{n}", "01-31", user_id=f"u{n}", product_gmv_amount=1000 * n) for n in range(10)]
        + [line(f"b{n}", "02-01", user_id=f"u{n}") for n in range(0, 10, 2)]
        + [line("c", "02-01", user_id=None)]
    )
    for outcome in chain.materialize("01-31", "02-01", "month-ends"):
        assert outcome.succeeded, outcome.errors
    return chain


def test_help_names_every_command() -> None:
    said = rfm({}, "--help")
    assert said.code == 0
    assert all(command in said.out for command in COMMANDS)


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("rfm_platform.cli.entry", ("dagster", "duckdb", "deltalake")),
        ("rfm_platform.cli.show", ("scipy", "dagster_postgres")),
    ],
)
def test_nobody_waits_for_what_the_command_does_not_need(
    module: str, heavy: tuple[str, ...]
) -> None:
    """Two seconds of imports for a text would be felt every time."""
    script = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_terminal_shows_that_a_command_is_starting(filled: Chain) -> None:
    said = rfm(environment(filled) | {"FORCE_COLOR": "1", "TERM": "xterm"}, "status")
    assert said.out.index("starting") < said.out.index("home")
    assert "starting" not in rfm(environment(filled), "status").out


def test_segments_show_customers_revenue_and_the_action(rfm_here: Rfm, filled: Chain) -> None:
    said = rfm_here(environment(filled), "show", "segments")
    assert said.code == 0
    assert "Customers as of 2024-02-01" in said.out
    assert "The top 20 % of customers bring 38% of the revenue." in said.out
    assert "What to do" in said.out
    assert "Welcome series" in said.out


def test_an_older_snapshot_is_shown_when_it_is_asked_for(rfm_here: Rfm, filled: Chain) -> None:
    said = rfm_here(environment(filled), "show", "segments", "--as-of", "2024-01-31")
    assert said.code == 0
    assert "Customers as of 2024-01-31" in said.out


@pytest.mark.parametrize("view", ["segments", "cohorts"])
def test_a_snapshot_that_is_not_there_is_answered_with_those_that_are(
    rfm_here: Rfm, filled: Chain, view: str
) -> None:
    said = rfm_here(environment(filled), "show", view, "--as-of", "2024-01-15")
    assert said.code == 1
    assert "There is no snapshot of 2024-01-15. The newest are: 2024-01-31, 2024-02-01" in said.err
    assert said.out == ""


@pytest.mark.parametrize("view", ["monthly", "checks"])
def test_a_day_is_refused_where_it_would_be_ignored(
    rfm_here: Rfm, filled: Chain, view: str
) -> None:
    said = rfm_here(environment(filled), "show", view, "--as-of", "2024-01-31")
    assert said.code == 1
    assert f"--as-of is for segments and cohorts: {view} are shown as they are now." in said.err
    assert said.out == ""


def test_report_says_where_the_newest_report_is_and_an_older_one(
    rfm_here: Rfm, filled: Chain
) -> None:
    for day, asked in (("2024-02-01", ()), ("2024-01-31", ("--as-of", "2024-01-31"))):
        said = rfm_here(environment(filled), "report", *asked)
        assert said.code == 0
        path = Path(said.out.split()[-1])
        assert path.name == f"customers-{day}.html"
        assert f'"as_of":"{day}"' in path.read_text(encoding="utf-8")


def test_a_report_that_is_not_there_is_an_error_with_what_to_do(
    rfm_here: Rfm, filled: Chain
) -> None:
    said = rfm_here(environment(filled), "report", "--as-of", "2024-01-15")
    assert said.code == 1
    assert "There is no report of 2024-01-15. The newest is as of 2024-02-01" in said.err
    assert "rfm materialize" in said.err
    never = rfm_here(environment(filled), "report", "--as-of", "2026-01-01")
    assert never.code == 1
    assert "2026-01-01 lies after the last partition, 2024-12-31" in never.err


def test_an_audience_is_written_with_its_receipt_and_says_how_many(
    rfm_here: Rfm, filled: Chain, tmp_path: Path
) -> None:
    ((segment,),) = filled.in_warehouse("SELECT segment FROM rfm.rfm_scores LIMIT 1")
    asked = ("audience", "a.csv", "--segment", segment, "--purpose", "launch", "--by", "ann")
    said = rfm_here(environment(filled), *asked)
    assert said.code == 0, said.err
    rows = (tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()
    assert f"{len(rows) - 1} customers of {segment} as of 2024-02-01" in said.out
    assert (tmp_path / "a.csv.receipt.json").exists()
    again = rfm_here(environment(filled), *asked)
    assert again.code == 1
    assert "is there already" in again.err


def test_an_account_without_a_name_is_asked_who_takes_the_customers(
    filled: Chain,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A pod's account, which /etc/passwd does not have."""
    for name, value in environment(filled).items():
        monkeypatch.setenv(name, value)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 54_321)
    asked = ["audience", str(tmp_path / "a.csv"), "--segment", "A", "--purpose", "launch"]
    with pytest.raises(SystemExit) as ended:
        main(asked)
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert "This account has no name. Say who takes the customers: --by." in " ".join(said.split())


def test_a_purpose_that_is_no_text_is_a_sentence(rfm_here: Rfm, filled: Chain) -> None:
    asked = ("audience", "b.csv", "--segment", "A", "--by", "ann", "--purpose", "a\udcff")
    said = rfm_here(environment(filled), *asked)
    assert (said.code, said.err.strip()) == (1, "Error: purpose is no UTF-8 text.")


@pytest.mark.parametrize(
    "wrong",
    [
        ("--days", "1000000"),
        ("--seed", str(10**40)),
        ("--seed", str(-(2**63) - 1)),
        ("--synthetic", str(10**19)),
    ],
)
def test_more_than_can_be_invented_is_refused_with_the_range(
    rfm_here: Rfm, tmp_path: Path, wrong: tuple[str, str]
) -> None:
    said = rfm_here({"RFM_HOME": str(tmp_path / "home")}, "demo", "--synthetic", "10", *wrong)
    assert said.code == 2
    assert f"Invalid value for '{wrong[0]}':" in said.err
    assert " than or equal to" in said.err
    assert not (tmp_path / "home").exists()


def test_a_demo_without_analyses_ends_well(rfm_here: Rfm, short_home: Path) -> None:
    """With the largest seed there is, too."""
    asked = ("demo", "--synthetic", "100", "--days", "3", "--seed", str(2**63 - 1))
    said = rfm_here({"RFM_HOME": str(short_home), "RFM_ANALYSES": "false"}, *asked)
    assert said.code == 0, said.everything
    assert "There is no report: RFM_ANALYSES is false." in said.out


def test_cohorts_show_the_retention_and_mark_the_month_that_is_not_over(
    rfm_here: Rfm, filled: Chain
) -> None:
    said = rfm_here(environment(filled), "show", "cohorts")
    assert said.code == 0
    assert "2024-01 10 100 50*" in said.out
    assert "* the month is not over." in said.out


def test_months_show_orders_and_revenue_by_marketplace(rfm_here: Rfm, filled: Chain) -> None:
    said = rfm_here(environment(filled), "show", "monthly")
    assert said.code == 0
    assert "2024-01" in said.out
    assert "45,000" in said.out


@pytest.mark.parametrize(
    ("view", "currency", "shown"),
    [
        ("segments", {}, ("revenue in IDR", " 20,500 45.1 ")),
        ("monthly", {}, ("Months, revenue in IDR", " 45,000 ")),
        (
            "segments",
            {"RFM_CURRENCY": "USD", "RFM_CURRENCY_DECIMALS": "2"},
            ("in USD", " 205.00 45.1 "),
        ),
        ("monthly", {"RFM_CURRENCY": "USD", "RFM_CURRENCY_DECIMALS": "2"}, ("in USD", " 450.00 ")),
    ],
)
def test_amounts_are_in_the_currency_as_in_the_report(
    rfm_here: Rfm, filled: Chain, view: str, currency: dict[str, str], shown: tuple[str, str]
) -> None:
    said = rfm_here(environment(filled) | currency, "show", view)
    assert said.code == 0
    assert [part for part in shown if part not in said.out] == [], said.out


READERS = [
    *(("show", view) for view in ("segments", "cohorts", "monthly", "checks")),
    ("explain",),
    ("verify",),
    ("report",),
    ("status",),
    ("audience", "a.csv", "--segment", "A", "--purpose", "launch", "--by", "ann"),
]


@pytest.mark.parametrize("command", READERS, ids=" ".join)
def test_who_looks_into_a_home_that_is_none_makes_none(
    rfm_here: Rfm, tmp_path: Path, command: tuple[str, ...]
) -> None:
    said = rfm_here({"RFM_HOME": str(tmp_path / "mistyped")}, *command)
    assert "Traceback" not in said.everything
    assert said.code == (0 if command[0] in ("show", "status") else 1)
    if command[0] in ("show", "status"):
        assert "There is nothing to show yet: run `rfm demo`" in said.out
    assert list(tmp_path.iterdir()) == []


def test_checks_show_what_failed_and_why(rfm_here: Rfm, filled: Chain) -> None:
    said = rfm_here(environment(filled), "show", "checks")
    assert said.code == 0
    assert "customers_are_known 1 1" in said.out
    assert "equals_the_source 2 0" in said.out
    assert (
        "ERROR source_orders customers_are_known 2024-02-01: 1 of 6 lines have no user_id."
        in said.out
    )


def test_status_shows_where_things_are_and_up_to_which_day_without_passwords(
    rfm_here: Rfm, filled: Chain
) -> None:
    said = rfm_here(environment(filled), "status")
    assert said.code == 0
    assert "embedded not running" in said.out
    assert "source_orders 2 2024-01-31 2024-02-01" in said.out
    assert PASSWORD not in said.everything


@pytest.mark.parametrize(
    ("variable", "name"), [("RFM_SOURCE_URL", "data mart"), ("RFM_WAREHOUSE_URL", "warehouse")]
)
def test_status_says_which_server_does_not_answer_and_shows_the_rest(
    rfm_here: Rfm, filled: Chain, variable: str, name: str
) -> None:
    variables = environment(filled)
    down = f"postgresql://reader:{PASSWORD}@127.0.0.1:1/sales"
    said = rfm_here(variables | {variable: down}, "status")
    assert said.code == 1
    assert f"{name} (127.0.0.1:1/sales) cannot be reached: " in said.out
    assert said.out.count("cannot be reached") == 1
    assert "source_orders 2 2024-01-31 2024-02-01" in said.out
    assert "customers_are_known 1 1" in said.out
    assert PASSWORD not in said.everything


@pytest.mark.parametrize("wrong", ["a database that is not there", "a role that is not there"])
def test_status_says_what_a_server_that_answers_refuses(
    rfm_here: Rfm, filled: Chain, wrong: str
) -> None:
    variables = environment(filled)
    url = make_url(variables["RFM_WAREHOUSE_URL"])
    changed = url.set(database="nowhere") if "database" in wrong else url.set(username="nobody")
    text = changed.render_as_string(hide_password=False)
    said = rfm_here(variables | {"RFM_WAREHOUSE_URL": text}, "status")
    assert said.code == 1
    assert "does not exist" in said.out
    assert PASSWORD not in said.everything


def test_status_does_not_wait_for_a_server_that_says_nothing(rfm_here: Rfm, filled: Chain) -> None:
    """A mart that is down at night costs a look at the rest no more than a few seconds."""
    waited: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(120)

        def listen() -> None:
            connection, _ = silent.accept()
            since = time.monotonic()
            while connection.recv(1024):
                pass
            waited.append(time.monotonic() - since)
            connection.close()

        listener = threading.Thread(target=listen)
        listener.start()
        url = f"postgresql://reader:{PASSWORD}@127.0.0.1:{silent.getsockname()[1]}/sales"
        said = rfm_here(environment(filled) | {"RFM_SOURCE_URL": url}, "status")
        listener.join()
    assert said.code == 1
    assert "timeout expired" in said.out
    assert "source_orders 2 2024-01-31 2024-02-01" in said.out
    assert waited[0] < CONNECT_TIMEOUT_SECONDS - 1


@pytest.mark.parametrize("view", ["segments", "cohorts", "monthly"])
def test_an_empty_home_says_how_to_begin(rfm_here: Rfm, chain: Chain, view: str) -> None:
    said = rfm_here(environment(chain), "show", view)
    assert said.code == 0
    assert "There is nothing to show yet: run `rfm demo`" in said.out


@pytest.mark.parametrize("view", ["segments", "cohorts"])
def test_a_day_of_an_empty_home_is_an_error_that_says_how_to_begin(
    rfm_here: Rfm, chain: Chain, view: str
) -> None:
    said = rfm_here(environment(chain), "show", view, "--as-of", "2024-01-31")
    assert said.code == 1
    assert "There is no snapshot of 2024-01-31. There is nothing to show yet: run" in said.err


@pytest.mark.parametrize("width", [20, 60, 80])
def test_no_digit_is_lost_in_a_narrow_terminal_or_a_pipe(filled: Chain, width: int) -> None:
    filled.in_warehouse(
        "UPDATE rfm.aggregated_monthly SET total_order = total_order * 1234567, "
        "total_gmv_base_amount = total_gmv_base_amount * 1234567"
    )
    out = io.StringIO()
    try:
        show_months(filled.settings, Console(width=width, file=out))
    finally:
        filled.in_warehouse(
            "UPDATE rfm.aggregated_monthly SET total_order = total_order / 1234567, "
            "total_gmv_base_amount = total_gmv_base_amount / 1234567"
        )
    (january,) = [line.split() for line in out.getvalue().splitlines() if "2024-01" in line]
    assert {f"{45_000 * 1_234_567:,}", f"{10 * 1_234_567:,}"} < set(january)


def test_a_title_in_square_brackets_is_shown_as_it_is() -> None:
    out = io.StringIO()
    table = titled("warehouse ([fe80::1]:5432/rfm) [/b]")
    table.add_column("a column that is as wide as the title of its table")
    Console(width=80, file=out).print(table)
    assert "warehouse ([fe80::1]:5432/rfm) [/b]" in out.getvalue()


@pytest.fixture(scope="module")
def bracketed(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """A segment, an action and a marketplace that look like markup."""
    directory = tmp_path_factory.mktemp("bracketed")
    ours = resources.files("rfm_platform.customers").joinpath("segments.yaml").read_text("utf-8")
    content = yaml.safe_load(ours)
    for number, segment in enumerate(content["segments"]):
        segment |= {
            "name": f"Part {number} [cold] [/b]",
            "action": f"Win [bold] back [/i] {number}",
        }
    file = directory / "segments.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    chain = new_chain(server, directory, segments_file=file)
    chain.fill([line(f"a{n}", "01-31", marketplace="Toko [red]") for n in range(10)])
    for outcome in chain.materialize("01-31", "01-31", "last"):
        assert outcome.succeeded, outcome.errors
    return chain


def test_names_in_square_brackets_are_shown_as_they_are(
    rfm_here: Rfm, bracketed: Chain, tmp_path: Path
) -> None:
    variables = environment(bracketed) | {
        "RFM_SEGMENTS_FILE": str(bracketed.settings.segments_file)
    }
    said = rfm_here(variables, "show", "segments")
    assert said.code == 0
    assert "Part 0 [cold] [/b] " in said.out
    assert "Win [bold] back [/i]" in said.out
    assert "Toko [red]" in rfm_here(variables, "show", "monthly").out
    ((segment,),) = bracketed.in_warehouse("SELECT DISTINCT segment FROM rfm.rfm_scores")
    said = rfm_here(variables, "audience", "[a].csv", "--segment", segment, "--purpose", "launch")
    assert said.code == 0, said.err
    assert f"10 customers of {segment} as of 2024-01-31 are in [a].csv" in said.out


def test_a_warehouse_that_is_down_is_a_sentence(rfm_here: Rfm, chain: Chain) -> None:
    variables = environment(chain)
    variables["RFM_WAREHOUSE_URL"] = f"postgresql://bi:{PASSWORD}@127.0.0.1:1/analytics"
    said = rfm_here(variables, "show", "monthly")
    assert said.code == 1
    assert "Error: warehouse (127.0.0.1:1/analytics) cannot be reached: " in said.err
    assert PASSWORD not in said.everything
    assert "Traceback" not in said.everything


@pytest.mark.parametrize("variable", ["RFM_SOURCE_URL", "RFM_WAREHOUSE_URL"])
def test_the_demo_never_touches_a_database_that_is_somebodys(
    rfm_here: Rfm, chain: Chain, variable: str
) -> None:
    variables = {
        name: value
        for name, value in environment(chain).items()
        if not name.endswith("_URL") or name == variable
    }
    said = rfm_here(variables, "demo", "--synthetic", "100")
    assert said.code == 1
    assert "Unset RFM_SOURCE_URL, RFM_WAREHOUSE_URL and RFM_LAKE_URL first." in said.err
    assert not (chain.settings.home / "postgres").exists()


@pytest.mark.parametrize("demo", [("demo",), ("demo", "--synthetic", "100", "--days", "3")])
@pytest.mark.parametrize("home", ["of its own", ".rfm"])
def test_the_demo_does_not_mix_its_orders_with_others(
    rfm_here: Rfm, filled: Chain, tmp_path: Path, demo: tuple[str, ...], home: str
) -> None:
    """`make clean` removes `.rfm` and no other home."""
    variables, remove = {"RFM_HOME": str(filled.settings.home)}, str(filled.settings.home)
    if home == ".rfm":
        (tmp_path / ".rfm").symlink_to(filled.settings.home)
        variables, remove = {}, "that one (`make clean`)"
    said = rfm_here(variables, *demo)
    assert said.code == 1
    assert "both would be counted together. Set RFM_HOME to another directory, or" in said.err
    assert said.err.endswith(f"directory, or remove {remove}.")
    assert not (filled.settings.home / "postgres").exists()


@pytest.fixture
def short_home() -> Iterator[Path]:
    """A home that every account may enter, with a path short enough for a socket."""
    directory = Path(tempfile.mkdtemp(prefix="rfm-cli-"))
    directory.chmod(0o755)
    yield directory / "home"
    server = EmbeddedServer(directory / "home")
    server.stop()
    sockets = server.status().socket_directory
    shutil.rmtree(sockets, ignore_errors=True)
    shutil.rmtree(directory)


def test_stop_ends_the_embedded_server_and_says_when_there_was_none(
    rfm_here: Rfm, short_home: Path
) -> None:
    home = {"RFM_HOME": str(short_home)}
    assert rfm_here(home, "stop").out == "It was not running."
    EmbeddedServer(short_home).start()
    assert "embedded running, process " in rfm_here(home, "status").out
    assert rfm_here(home, "stop").out == "Stopped."
    assert not EmbeddedServer(short_home).status().running
