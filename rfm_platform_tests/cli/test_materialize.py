"""`rfm materialize`: what it fills, what it prints, and how it ends."""

import datetime as dt

import pytest

from rfm_platform_tests.assets.chain import Chain, line
from rfm_platform_tests.cli.conftest import NAME, PASSWORD, Rfm, environment, rfm

TOMORROW = (dt.datetime.now(dt.UTC) + dt.timedelta(days=2)).date().isoformat()

IMPOSSIBLE_RANGES = [
    ("2024-01-05", "2024-01-01", 1, "--to 2024-01-01 lies before --from 2024-01-05."),
    ("2023-12-31", "2024-01-02", 1, "2023-12-31 lies before the first partition, 2024-01-01"),
    ("2024-12-01", "2025-01-01", 1, "2025-01-01 lies after the last partition, 2024-12-31"),
    ("yesterday", "2024-01-01", 2, "yesterday is no day: write it as 2024-07-31"),
    ("2024-01-01", "2024-02-30", 2, "2024-02-30 is no day"),
]


@pytest.mark.parametrize("asked", IMPOSSIBLE_RANGES)
def test_days_that_cannot_be_are_refused_with_a_sentence(
    rfm_here: Rfm, chain: Chain, asked: tuple[str, str, int, str]
) -> None:
    first, last, code, sentence = asked
    said = rfm_here(environment(chain), "materialize", "--from", first, "--to", last)
    assert said.code == code
    assert sentence in said.err.replace("│ ", "").replace("│", "")
    assert "Traceback" not in said.everything
    assert not list(chain.platform.settings.lake.rglob("*")), "nothing was done"


def test_a_day_that_is_not_over_is_refused(rfm_here: Rfm, chain: Chain) -> None:
    variables = environment(chain)
    del variables["RFM_END_DATE"]
    said = rfm_here(variables, "materialize", "--from", "2024-01-01", "--to", TOMORROW)
    assert said.code == 1
    assert "a day must be over to be loaded" in said.err


def test_a_platform_that_starts_tomorrow_says_that_there_is_no_day_yet(
    rfm_here: Rfm, chain: Chain
) -> None:
    variables = environment(chain) | {"RFM_START_DATE": TOMORROW, "RFM_END_DATE": "2099-01-01"}
    said = rfm_here(variables, "materialize", "--from", TOMORROW, "--to", TOMORROW)
    assert said.code == 1
    assert f"No day since {TOMORROW} (RFM_START_DATE) is over yet." in said.err


def test_a_missing_day_is_asked_for(rfm_here: Rfm, chain: Chain) -> None:
    said = rfm_here(environment(chain), "materialize", "--from", "2024-01-01")
    assert said.code == 2
    assert "--to" in said.err


def test_days_fill_the_warehouse_and_end_with_success(chain: Chain) -> None:
    chain.fill([line("o1", "01-31"), line("o2", "02-01", user_id="user of o1")])
    said = rfm(environment(chain), "materialize", "--from", "2024-01-31", "--to", "2024-02-01")
    assert (said.code, said.err) == (0, "")
    assert "Traceback" not in said.out
    counts = {name: len(rows) for name, rows in chain.published().items()}
    assert counts == {
        "aggregated_monthly": 2,
        "final_user_analysis_snapshots": 1 + 1,
        "rfm_scores_snapshots": 1 + 1,
        "rfm_thresholds": 3 + 3,
        "cohort_matrix_snapshots": 1 + 2,
    }


def test_dirty_rows_end_with_success_and_are_told(rfm_here: Rfm, chain: Chain) -> None:
    chain.fill([line("o1", "01-01"), line("o2", "01-01", cancelled_flag="maybe", user_id=None)])
    said = rfm_here(environment(chain), "materialize", "--from", "2024-01-01", "--to", "2024-01-01")
    assert said.code == 0
    assert (
        "ERROR source_orders flags_are_known 2024-01-01: 1 of 2 lines have a flag that nobody "
        "knows. cancelled_flag='maybe': 1." in said.out
    )
    assert "customers_are_known 2024-01-01: 1 of 2 lines have no user_id." in said.out


@pytest.mark.parametrize("flag", ["[/red]", "[bold]maybe[/bold]", "[link=http://x]"])
def test_what_a_mart_holds_is_printed_as_it_is_and_never_read_as_markup(
    rfm_here: Rfm, chain: Chain, flag: str
) -> None:
    chain.fill([line("o1", "01-01", cancelled_flag=flag)])
    said = rfm_here(environment(chain), "materialize", "--from", "2024-01-01", "--to", "2024-01-01")
    assert said.code == 0
    assert f"cancelled_flag='{flag}': 1" in said.out
    shown = rfm_here(environment(chain), "show", "checks")
    assert f"cancelled_flag='{flag}': 1" in shown.out


def test_a_blocking_failure_ends_with_an_error_and_leaves_what_was_published(
    rfm_here: Rfm, chain: Chain
) -> None:
    variables = environment(chain)
    chain.fill([line("o1", "01-01")])
    loaded = rfm_here(variables, "materialize", "--from", "2024-01-01", "--to", "2024-01-01")
    assert loaded.code == 0
    before = chain.published()
    chain.fill([line("o1", "01-01"), line("o1", "01-02")])
    said = rfm_here(variables, "materialize", "--from", "2024-01-02", "--to", "2024-01-02")
    assert said.code == 1
    assert "shopee o1 on 2024-01-01, 2024-01-02" in said.out
    assert "FAILED" in said.out
    assert "what was published before stays as it was" in said.out
    assert "Traceback" not in said.everything
    assert chain.published() == before


def test_a_mart_that_is_down_is_a_sentence_without_the_password(chain: Chain) -> None:
    variables = environment(chain)
    variables["RFM_SOURCE_URL"] = f"postgresql://analyst:{PASSWORD}@127.0.0.1:1/mart"
    said = rfm(variables, "materialize", "--from", "2024-01-01", "--to", "2024-01-01")
    assert said.code == 1
    assert "data mart (127.0.0.1:1/mart) cannot be reached: " in said.everything
    assert "Connection refused" in said.everything
    assert "Traceback" not in said.everything
    assert PASSWORD not in said.everything


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("RFM_SOURCE_URL", f"analyst:{PASSWORD}@mart", "the URL of data mart is none"),
        ("RFM_WAREHOUSE_URL", f"mysql://u:{PASSWORD}@h/d", "the URL of warehouse is for mysql"),
        ("RFM_SOURCE_URL", f"postgresql://u:{PASSWORD}@h:port/d", "the URL of data mart is none"),
        ("RFM_TIMEZONE", PASSWORD, "RFM_TIMEZONE: "),
        ("RFM_START_DATE", PASSWORD, "RFM_START_DATE: "),
        ("RFM_KEEP_DAYS", "0", "RFM_KEEP_DAYS: "),
        ("RFM_END_DATE", "2023-01-01", "RFM_END_DATE lies before RFM_START_DATE"),
        ("RFM_SOURCE_COLUMNS", '{"colour": "x"}', "RFM_SOURCE_COLUMNS names colour"),
        ("RFM_SOURCE_COLUMNS", "created", "RFM_SOURCE_COLUMNS"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_without_its_value(
    rfm_here: Rfm, chain: Chain, name: str, value: str, sentence: str
) -> None:
    variables = environment(chain) | {name: value}
    said = rfm_here(variables, "materialize", "--from", "2024-01-01", "--to", "2024-01-01")
    assert said.code == 1
    assert sentence in said.err
    assert PASSWORD not in said.everything
    assert "Traceback" not in said.everything


def test_a_segment_file_that_is_not_there_is_named(rfm_here: Rfm, chain: Chain) -> None:
    chain.fill([line("o1", "01-01")])
    variables = environment(chain) | {"RFM_SEGMENTS_FILE": "/nowhere/segments.yaml"}
    said = rfm_here(variables, "materialize", "--from", "2024-01-01", "--to", "2024-01-01")
    assert said.code == 1
    assert "/nowhere/segments.yaml: No such file or directory" in said.out


def _stored(chain: Chain) -> dict[str, bytes]:
    home = chain.settings.home / "dagster"
    return {str(file): file.read_bytes() for file in home.rglob("*") if file.is_file()}


def test_names_and_passwords_are_in_no_output_and_not_in_dagsters_log(
    rfm_here: Rfm, chain: Chain
) -> None:
    chain.fill(
        [line("o1", "01-01"), line("o2", "01-01", cancelled_flag="maybe"), line("o2", "01-02")],
        [("shopee", "o1", NAME), ("shopee", "o2", NAME)],
    )
    variables = environment(chain)
    outputs = [
        rfm_here(variables, "materialize", "--from", "2024-01-01", "--to", last)
        for last in ("2024-01-01", "2024-01-02")
    ]
    assert [said.code for said in outputs] == [0, 1]
    outputs += [
        rfm_here(variables, "show", view) for view in ("segments", "cohorts", "monthly", "checks")
    ]
    outputs.append(rfm_here(variables, "status"))
    for said in outputs:
        assert NAME not in said.everything
        assert PASSWORD not in said.everything
    stored = _stored(chain)
    assert any(name.endswith(".db") for name in stored)
    assert not [name for name, content in stored.items() if NAME.encode() in content]
    assert not [name for name, content in stored.items() if PASSWORD.encode() in content]
    assert chain.in_warehouse("SELECT DISTINCT address_shipping_name FROM rfm.aggregated_monthly")


REFUSALS = {
    "a column that is too short": "ALTER address_shipping_name TYPE varchar(5)",
    "a constraint": "ADD CHECK (total_order > 1)",
}


@pytest.mark.parametrize("change", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_warehouse_that_refuses_a_row_does_not_get_the_row_into_the_log(
    rfm_here: Rfm, chain: Chain, change: str
) -> None:
    """PostgreSQL quotes the row that it refuses; a recipient's name is in it."""
    chain.platform.warehouse.prepare()
    chain.in_warehouse(f"ALTER TABLE rfm.aggregated_monthly {change}")
    chain.fill([line("o1", "01-01")], [("shopee", "o1", NAME)])
    said = rfm_here(environment(chain), "materialize", "--from", "2024-01-01", "--to", "2024-01-01")
    assert said.code == 1
    assert "aggregated_monthly" in said.out
    assert NAME not in said.everything
    assert not [name for name, content in _stored(chain).items() if NAME.encode() in content]


def test_a_new_day_is_loaded_after_one_that_failed(rfm_here: Rfm, chain: Chain) -> None:
    variables = environment(chain)
    chain.fill([line("o1", "01-01"), line("o1", "01-02")])
    failed = rfm_here(variables, "materialize", "--from", "2024-01-01", "--to", "2024-01-02")
    assert failed.code == 1
    chain.fill([line("o1", "01-01"), line("o2", "01-02")])
    said = rfm_here(variables, "materialize", "--from", "2024-01-01", "--to", "2024-01-02")
    assert said.code == 0
    assert chain.in_warehouse("SELECT SUM(total_order)::int FROM rfm.aggregated_monthly") == [(2,)]
