"""Customers, scores and cohorts: a published cell that is changed must be noticed."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from pathlib import Path

import dagster as dg
import pytest

from rfm_platform.customers.segments import Segments
from rfm_platform.customers.transforms import Transforms
from rfm_platform.lake import vacuum
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.assets.chain import Chain, CheckCrashedError, day, line, new_chain

ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
AS_OF = "03-10"
DAYS = ("03-01", "03-02")
TABLES = (
    "final_user_analysis_snapshots",
    "rfm_scores_snapshots",
    "cohort_matrix_snapshots",
    "rfm_thresholds",
)


@pytest.fixture(scope="module")
def _taken(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """Two snapshots over three months; customers differ in all three metrics."""
    chain = new_chain(server, tmp_path_factory.mktemp("snapshots"))
    chain.fill(
        [
            line(
                f"{on}-{n}-{k}",
                on if month > 1 else f"01-0{n}",
                marketplace="shopee" if n % 2 else "lazada",
                user_id=f"u{n}",
                product_gmv_amount=100 * n + k,
            )
            for month, on in enumerate(("01-08", "02-29", "03-09", "03-10"), start=1)
            for n in range(1, 9)
            if n % month == 0
            for k in range(1, n + 1)
        ]
    )
    for outcome in [
        chain.load("01-01", "01-08"),
        chain.load("02-29"),
        chain.load("03-09"),
        chain.snapshot("03-09"),
        chain.load(AS_OF),
        chain.snapshot(AS_OF),
    ]:
        assert outcome.succeeded, outcome.errors
    return chain


@pytest.fixture
def taken(_taken: Chain) -> Iterator[Chain]:
    """Whatever a test does to the published snapshots is undone."""
    for table in TABLES:
        _taken.in_warehouse(f"CREATE TABLE kept_{table} AS TABLE rfm.{table}")
    yield _taken
    for table in TABLES:
        _taken.in_warehouse(f"TRUNCATE rfm.{table}")
        _taken.in_warehouse(f"INSERT INTO rfm.{table} TABLE kept_{table}")
        _taken.in_warehouse(f"DROP TABLE kept_{table}")


@pytest.mark.parametrize(
    "check",
    [
        "sums_equal_the_months",
        "score_sums_equal_the_months",
        "scores_follow_the_quartiles",
        "quartiles_are_not_degenerate",
        "cohorts_add_up",
    ],
)
def test_untouched_snapshots_pass(taken: Chain, check: str) -> None:
    """Else the tests below would prove nothing."""
    verdict = taken.judge(check, AS_OF)
    assert verdict.passed, verdict.description


FINAL, SCORES, COHORTS, THRESHOLDS = TABLES
# As many customers in each tier as there were.
SWAPPED = "CASE pyramid_tier WHEN 'top' THEN 'medium' WHEN 'medium' THEN 'top' ELSE 'small' END"
CHANGES = [
    ("sums_equal_the_months", FINAL, "total_order = total_order + 1 WHERE user_id = 'u3'"),
    ("sums_equal_the_months", FINAL, "total_quantity = 0 WHERE user_id = 'u3'"),
    (
        "sums_equal_the_months",
        FINAL,
        "total_gmv_base_amount = total_gmv_base_amount - 1 WHERE user_id = 'u3'",
    ),
    (
        "sums_equal_the_months",
        FINAL,
        "total_gmv_amount = total_gmv_amount + 1 WHERE user_id = 'u3'",
    ),
    ("sums_equal_the_months", FINAL, "user_id = 'u5' WHERE user_id = 'u3'"),
    ("sums_equal_the_months", FINAL, "total_cancelled = total_cancelled + 1 WHERE user_id = 'u3'"),
    ("score_sums_equal_the_months", SCORES, "recency = recency + 1"),
    ("score_sums_equal_the_months", SCORES, "frequency = frequency + 1 WHERE user_id = 'u3'"),
    ("score_sums_equal_the_months", SCORES, "monetary = monetary - 1 WHERE user_id = 'u3'"),
    ("score_sums_equal_the_months", SCORES, "marketplace = 'blibli' WHERE user_id = 'u3'"),
    ("scores_follow_the_quartiles", SCORES, "r_score = r_score % 3 + 1 WHERE user_id = 'u3'"),
    ("scores_follow_the_quartiles", SCORES, "f_score = f_score % 3 + 1 WHERE user_id = 'u3'"),
    ("scores_follow_the_quartiles", SCORES, "m_score = m_score % 3 + 1 WHERE user_id = 'u3'"),
    ("scores_follow_the_quartiles", SCORES, "total_score = 9 - total_score WHERE user_id = 'u3'"),
    ("scores_follow_the_quartiles", SCORES, "r_score = NULL WHERE user_id = 'u3'"),
    ("scores_follow_the_quartiles", SCORES, "segment = NULL WHERE user_id = 'u3'"),
    ("scores_follow_the_quartiles", SCORES, "pyramid_tier = 'top'"),
    ("scores_follow_the_quartiles", SCORES, f"pyramid_tier = {SWAPPED}"),
    ("scores_follow_the_quartiles", SCORES, "pyramid_tier = NULL WHERE user_id = 'u3'"),
    ("scores_follow_the_quartiles", SCORES, "is_outlier = NOT is_outlier WHERE user_id = 'u3'"),
    ("scores_follow_the_quartiles", SCORES, "segment = 'Lost'"),
    ("scores_follow_the_quartiles", THRESHOLDS, "customers = 7 WHERE metric = 'recency'"),
    (
        "scores_follow_the_quartiles",
        THRESHOLDS,
        "is_degenerate = NOT is_degenerate WHERE metric = 'frequency'",
    ),
    ("scores_follow_the_quartiles", SCORES, "user_id = 'u1' WHERE user_id = 'u3'"),
    ("scores_follow_the_quartiles", THRESHOLDS, "q1 = q1 + 0.25 WHERE metric = 'monetary'"),
    ("scores_follow_the_quartiles", THRESHOLDS, "q3 = NULL WHERE metric = 'recency'"),
    ("scores_follow_the_quartiles", THRESHOLDS, "metric = 'other' WHERE metric = 'frequency'"),
    ("cohorts_add_up", COHORTS, "cohort_size = cohort_size + 1 WHERE months = 0"),
    ("cohorts_add_up", COHORTS, "value = value + 1 WHERE months = 1"),
    ("cohorts_add_up", COHORTS, "value = value - 1 WHERE months = 0"),
    ("cohorts_add_up", COHORTS, "total_order = total_order + 1 WHERE months = 1"),
    ("cohorts_add_up", COHORTS, "total_gmv_base_amount = 0 WHERE months = 2"),
    ("cohorts_add_up", COHORTS, "months = 7 WHERE months = 2"),
]


@pytest.mark.parametrize(
    ("check", "table", "change"), CHANGES, ids=[f"{t}: {c}" for _, t, c in CHANGES]
)
def test_a_changed_cell_of_a_published_snapshot_is_caught(
    taken: Chain, check: str, table: str, change: str
) -> None:
    column, _, rows = change.partition(" WHERE ")
    taken.in_warehouse(
        f"UPDATE rfm.{table} SET {column} WHERE as_of_date = '2024-{AS_OF}' AND {rows or 'TRUE'}"
    )
    verdict = taken.judge(check, AS_OF)
    assert (verdict.passed, verdict.severity) == (False, ERROR)


ROWS_TOO_FEW = [
    ("sums_equal_the_months", FINAL, "user_id = 'u4'"),
    ("sums_equal_the_months", FINAL, "marketplace = 'lazada'"),
    ("score_sums_equal_the_months", SCORES, "user_id = 'u4'"),
    ("scores_follow_the_quartiles", THRESHOLDS, "metric = 'monetary'"),
    ("scores_follow_the_quartiles", THRESHOLDS, "TRUE"),
    ("cohorts_add_up", COHORTS, "months = 0"),
    ("cohorts_add_up", COHORTS, "marketplace = 'shopee'"),
]


@pytest.mark.parametrize(
    ("check", "table", "rows"), ROWS_TOO_FEW, ids=[f"{t}: {r}" for _, t, r in ROWS_TOO_FEW]
)
def test_lost_rows_of_a_published_snapshot_are_caught(
    taken: Chain, check: str, table: str, rows: str
) -> None:
    """The day before has its rows still: they are no stand-in."""
    taken.in_warehouse(f"DELETE FROM rfm.{table} WHERE as_of_date = '2024-{AS_OF}' AND {rows}")
    verdict = taken.judge(check, AS_OF)
    assert (verdict.passed, verdict.severity) == (False, ERROR)


@pytest.mark.parametrize(
    ("check", "table"),
    [
        ("sums_equal_the_months", FINAL),
        ("score_sums_equal_the_months", SCORES),
        ("cohorts_add_up", COHORTS),
    ],
)
def test_rows_of_a_marketplace_that_has_none_are_caught(
    taken: Chain, check: str, table: str
) -> None:
    """Everything once more under a name that the months do not know: sums of the rest are right."""
    with taken.warehouse.connect() as connection:
        connection.execute(f"CREATE TEMP TABLE twice AS TABLE rfm.{table}".encode())
        connection.execute("UPDATE twice SET marketplace = 'nowhere'")
        connection.execute(f"INSERT INTO rfm.{table} TABLE twice".encode())
    verdict = taken.judge(check, AS_OF)
    assert (verdict.passed, verdict.severity) == (False, ERROR)
    assert "nowhere" in (verdict.description or "")


def other_segments(chain: Chain, version: int) -> Chain:
    """The same chain, after somebody has renamed a segment in the file."""
    text = resources.files("rfm_platform.customers").joinpath("segments.yaml").read_text("utf-8")
    file = chain.settings.home.parent / f"segments-{version}.yaml"
    file.write_text(
        text.replace("version: 1", f"version: {version}").replace("name: Lost", "name: Gone"),
        encoding="utf-8",
    )
    return replace(chain, settings=chain.settings.model_copy(update={"segments_file": file}))


def test_a_snapshot_of_an_earlier_segment_file_stays_right(taken: Chain) -> None:
    lost = "SELECT COUNT(*) > 0 FROM rfm.rfm_scores WHERE segment = 'Lost'"
    assert taken.in_warehouse(lost) == [(True,)]
    later = other_segments(taken, 2)
    for on in ("03-09", AS_OF):
        verdict = later.check("scores_follow_the_quartiles", on)
        assert verdict.passed, verdict.description
    taken.in_warehouse(
        "UPDATE rfm.rfm_scores_snapshots SET segment = 'Gone' "
        "WHERE as_of_date = '2024-03-09' AND user_id = (SELECT MAX(user_id) "
        "FROM rfm.rfm_scores_snapshots WHERE as_of_date = '2024-03-09' "
        "GROUP BY r_score, f_score, m_score HAVING COUNT(*) > 1 LIMIT 1)"
    )
    verdict = later.check("scores_follow_the_quartiles", "03-09")
    assert verdict.description == "not in the segment of their cell: 1 of 8 customers"


def test_segments_of_an_earlier_day_are_the_files_where_the_run_has_scored_it(
    taken: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = Transforms.score

    def wrongly(
        self: Transforms, on: dt.date, segments: Segments, *, per_marketplace: bool
    ) -> None:
        wrong = replace(segments, cells=dict.fromkeys(segments.cells, "Lost"))
        score(self, on, wrong, per_marketplace=per_marketplace)

    with monkeypatch.context() as patch:
        patch.setattr(Transforms, "score", wrongly)
        outcome = taken.snapshot("03-09")
    (check,) = [c for c in outcome.checks if c.check == "scores_follow_the_quartiles"]
    assert (check.passed, check.severity) == (False, "ERROR")
    assert "not in the segment of the file: " in check.description
    assert taken.judge("scores_follow_the_quartiles", "03-09").passed, "nobody knows which file"
    assert taken.snapshot("03-09").succeeded


def counts_of_scores(
    verdict: dg.AssetCheckEvaluation,
) -> dict[object, dict[str, tuple[object, ...]]]:
    """By scope and metric, how many customers have score 1, 2 and 3; and how many there are."""
    table = verdict.metadata["thresholds"]
    assert isinstance(table, dg.TableMetadataValue)
    found: dict[object, dict[str, tuple[object, ...]]] = {}
    for record in table.records:
        counts = [record.data[f"with_score_{score}"] for score in (1, 2, 3)]
        assert record.data["customers"] == sum(map(int, map(str, counts)))
        found.setdefault(record.data["scope"], {})[str(record.data["metric"])] = (*counts,)
    return found


@pytest.mark.parametrize("quartiles", ["all", "marketplace"])
def test_customers_of_equal_worth_have_the_tiers_of_their_names(
    server: EmbeddedServer, tmp_path: Path, quartiles: str
) -> None:
    """In the order of their bytes, whatever a dictionary says."""
    chain = new_chain(server, tmp_path, quartiles=quartiles)
    chain.fill(
        [
            line(f"{marketplace} {user}", "03-01", marketplace=marketplace, user_id=user)
            for marketplace in ("shopee", "Lazada", None, "", "étoile")
            for user in ("a", "B", "Z", "é", "É", "aa", "a b", "_")
        ]
        + [line("reseller", "03-02", user_id="much", product_gmv_amount=10**12)]
    )
    assert chain.load("03-01", "03-02").succeeded
    outcome = chain.snapshot("03-02")
    assert outcome.succeeded, outcome.errors
    (check,) = [c for c in outcome.checks if c.check == "scores_follow_the_quartiles"]
    assert check.passed, check.description
    tiers = "SELECT COUNT(DISTINCT pyramid_tier), BOOL_OR(is_outlier) FROM rfm.rfm_scores"
    assert chain.in_warehouse(tiers) == [(4, True)]
    # 41 bought once; of each metric all have one value but for the one with the large amount.
    verdict = chain.judge("quartiles_are_not_degenerate", "03-02")
    found = counts_of_scores(verdict)
    eight = {"recency": (0, 0, 8), "frequency": (8, 0, 0), "monetary": (8, 0, 0)}
    nine = {"recency": (0, 0, 9), "frequency": (9, 0, 0), "monetary": (8, 0, 1)}
    every = {"recency": (0, 0, 41), "frequency": (41, 0, 0), "monetary": (40, 0, 1)}
    due = {"shopee": nine} | dict.fromkeys(("Lazada", None, "", "étoile"), eight)
    assert found == (due if quartiles == "marketplace" else {"all": every})


def test_what_is_wrong_is_said_with_marketplace_measure_and_both_numbers(taken: Chain) -> None:
    taken.in_warehouse("UPDATE rfm.rfm_scores_snapshots SET monetary = 0 WHERE user_id = 'u3'")
    said = taken.judge("score_sums_equal_the_months", AS_OF).description or ""
    assert "shopee: gmv_base is " in said
    assert "in rfm_scores of the warehouse" in said


def test_a_wrong_sum_blocks_what_would_be_scored_from_it(taken: Chain) -> None:
    taken.in_warehouse("UPDATE rfm.final_user_analysis_snapshots SET total_order = 0")
    verdict = taken.judge("sums_equal_the_months", AS_OF)
    assert (verdict.passed, verdict.blocking) == (False, True)


def test_a_snapshot_is_made_of_one_source_though_another_run_reads_days_meanwhile(
    chain: Chain,
) -> None:
    chain.fill([line(f"{on}-{n}", on, user_id=f"u{n}") for on in DAYS for n in range(4)])
    assert chain.load(DAYS[0], DAYS[-1]).succeeded
    transforms, publisher = chain.platform.transforms, chain.platform.publisher
    as_of = day(DAYS[-1])
    transforms.analyse_customers(as_of)
    publisher.publish_customers(as_of)
    chain.in_mart("DELETE FROM flatten_order_marketplace WHERE user_id = 'u1'")
    assert chain.load(DAYS[0]).succeeded, "another run, between two steps of the first"
    transforms.score(as_of, chain.platform.segments(), per_marketplace=False)
    publisher.publish_scores(as_of)
    transforms.build_cohorts(as_of)
    publisher.publish_cohorts(as_of)
    for check in ("sums_equal_the_months", "score_sums_equal_the_months", "cohorts_add_up"):
        verdict = chain.judge(check, DAYS[-1])
        assert verdict.passed, verdict.description
    ((customers,),) = chain.in_warehouse("SELECT SUM(cohort_size) FROM rfm.cohort_matrix")
    assert customers == 4
    assert chain.snapshot(DAYS[-1]).succeeded
    assert chain.in_warehouse("SELECT SUM(cohort_size) FROM rfm.cohort_matrix") == [(4,)]
    assert chain.load(DAYS[0], DAYS[-1]).succeeded
    assert chain.snapshot(DAYS[-1]).succeeded
    assert chain.in_warehouse("SELECT SUM(cohort_size) FROM rfm.cohort_matrix") == [(3,)]


def test_a_snapshot_whose_lines_are_not_kept_any_more_is_not_called_wrong(chain: Chain) -> None:
    chain.fill([line(f"{on}-{n}", on) for on in DAYS for n in range(2)])
    assert chain.load(DAYS[0], DAYS[-1]).succeeded
    assert chain.snapshot(DAYS[-1]).succeeded
    chain.in_mart("DELETE FROM flatten_order_marketplace WHERE order_id = '03-01-1'")
    assert chain.load(DAYS[0], DAYS[-1]).succeeded
    checks = ("sums_equal_the_months", "score_sums_equal_the_months", "cohorts_add_up")
    assert all(chain.judge(check, DAYS[-1]).passed for check in checks)
    for _ in range(2):
        vacuum(chain.platform.lake.source_orders, 0)
    for check in checks:
        verdict = chain.judge(check, DAYS[-1])
        assert (verdict.passed, verdict.severity) == (False, WARN)
        assert (verdict.description or "").startswith("Not checked: the lines")


def test_missing_days_warn_with_how_many_and_which(taken: Chain) -> None:
    verdict = taken.check("history_is_complete", AS_OF)
    assert (verdict.passed, verdict.severity) == (False, WARN)
    said = verdict.description or ""
    assert said.startswith("59 days since 2024-01-01 are not loaded: 2024-01-09, 2024-01-10, ")
    assert "and 49 more" in said
    assert verdict.metadata["missing_days"].value == 59


def test_a_day_that_is_itself_not_loaded_is_missing(taken: Chain) -> None:
    """What came later does not count: the days before it are all loaded."""
    assert taken.check("history_is_complete", "01-08").passed
    verdict = taken.check("history_is_complete", "01-09")
    assert (verdict.passed, verdict.severity) == (False, WARN)
    assert (verdict.description or "").startswith(
        "1 days since 2024-01-01 are not loaded: 2024-01-09. "
    )
    assert verdict.metadata["missing_days"].value == 1


def test_a_snapshot_that_retention_has_removed_is_not_called_right(taken: Chain) -> None:
    verdict = taken.judge("sums_equal_the_months", "03-01")
    assert (verdict.passed, verdict.severity) == (False, WARN)
    assert (verdict.description or "").startswith("Not checked: ")


def test_a_snapshot_that_came_out_empty_blocks_and_is_not_taken_for_retentions_doing(
    chain: Chain,
) -> None:
    chain.fill([line("o", "01-01"), line("p", "01-02")])
    assert chain.load("01-01", "01-02").succeeded
    assert chain.snapshot("01-01").succeeded
    assert chain.snapshot("01-02").succeeded
    platform, as_of = chain.platform, day("01-02")
    for table in (platform.lake.final_user_analysis, platform.lake.rfm_scores):
        table.commit([], [as_of])
    platform.publisher.publish_customers(as_of)
    platform.publisher.publish_scores(as_of)
    verdict = chain.judge("sums_equal_the_months", "01-02")
    assert (verdict.passed, verdict.severity, verdict.blocking) == (False, ERROR, True)
    assert "orders is None in final_user_analysis of the lake, 2 in months" in (
        verdict.description or ""
    )
    assert chain.judge("score_sums_equal_the_months", "01-02").severity is ERROR
    assert chain.judge("sums_equal_the_months", "01-01").passed


@pytest.mark.parametrize(
    ("check", "table"), [("score_sums_equal_the_months", SCORES), ("cohorts_add_up", COHORTS)]
)
def test_a_check_whose_table_is_gone_crashes_and_gives_no_verdict(
    taken: Chain, check: str, table: str
) -> None:
    taken.in_warehouse(f"ALTER TABLE rfm.{table} RENAME TO gone")
    try:
        with pytest.raises(CheckCrashedError):
            taken.judge(check, AS_OF)
    finally:
        taken.in_warehouse(f"ALTER TABLE rfm.gone RENAME TO {table}")


def test_quartiles_of_customers_who_all_bought_once_warn_with_the_counts(chain: Chain) -> None:
    """Nothing is rebinned: the scores are what they are, and the snapshot says so."""
    chain.fill([line(f"o{n}", "01-01", product_gmv_amount=n) for n in range(1, 9)])
    assert chain.load("01-01").succeeded
    outcome = chain.snapshot("01-01")
    assert outcome.succeeded, outcome.errors
    (check,) = [c for c in outcome.checks if c.check == "quartiles_are_not_degenerate"]
    assert (check.passed, check.severity) == (False, "WARN")
    assert check.description == (
        "Degenerate (customers with score 1 / 2 / 3): frequency of all (8 / 0 / 0), "
        "recency of all (0 / 0 / 8)."
    )
    flags = "SELECT metric, is_degenerate, customers FROM rfm.rfm_thresholds ORDER BY metric"
    assert chain.in_warehouse(flags) == [
        ("frequency", True, 8),
        ("monetary", False, 8),
        ("recency", True, 8),
    ]
    verdict = chain.judge("quartiles_are_not_degenerate", "01-01")
    counts = {"frequency": (8, 0, 0), "monetary": (2, 4, 2), "recency": (0, 0, 8)}
    assert counts_of_scores(verdict) == {"all": counts}
    chain.platform.lake.rfm_scores.commit([], [day("01-01")])
    verdict = chain.judge("quartiles_are_not_degenerate", "01-01")
    assert (verdict.passed, verdict.severity) == (False, WARN)
    assert verdict.description == (
        "Degenerate: frequency of all, recency of all. How many customers have each score is not "
        "known: retention removes scores of such days."
    )


def test_a_snapshot_without_a_customer_warns_and_breaks_nothing(chain: Chain) -> None:
    chain.fill([line("o", "01-01", cancelled_flag="true")])
    assert chain.load("01-01").succeeded
    outcome = chain.snapshot("01-01")
    assert outcome.succeeded, outcome.errors
    failed = {c.check for c in outcome.checks if not c.passed and c.severity == "ERROR"}
    assert not failed, outcome.checks
