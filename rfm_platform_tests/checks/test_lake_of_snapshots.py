"""Scores and cohorts that are wrong in the lake already, and published as they lie there."""

import pytest
from dagster import AssetCheckSeverity

from rfm_platform.calendar import days_between
from rfm_platform.lake import LakeTable
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.assets.chain import Chain, day, line, new_chain

AS_OF = day("02-01")
JANUARY, FEBRUARY = "DATE '2024-01-01'", "DATE '2024-02-01'"
WHOLE = "month 0 is not the whole cohort"
TOO_MANY = "more customers than the cohort has"
ADD_UP = "customers of a calendar month do not add up"
MISSING = "a month in which somebody bought is missing"


@pytest.fixture(scope="module")
def taken(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """Four bought in January, one of them again on the first of February, like two new ones."""
    chain = new_chain(server, tmp_path_factory.mktemp("lake"), start_date=day("01-31"))
    january = [line(f"1{user}", "01-31", user_id=user) for user in "abcd"]
    chain.fill([*january, *(line(f"2{user}", "02-01", user_id=user) for user in "axy")])
    platform = chain.platform
    with platform.mart.snapshot() as snapshot:
        platform.extraction.extract(snapshot, days_between(day("01-31"), AS_OF))
    platform.transforms.fold_months([day("01-01"), AS_OF])
    platform.transforms.analyse_customers(AS_OF)
    platform.publisher.publish_customers(AS_OF)
    return chain


def score(chain: Chain) -> None:
    chain.platform.transforms.score(AS_OF, chain.platform.segments(), per_marketplace=False)
    chain.platform.publisher.publish_scores(AS_OF)


def build_cohorts(chain: Chain) -> None:
    chain.platform.transforms.build_cohorts(AS_OF)
    chain.platform.publisher.publish_cohorts(AS_OF)


def corrupt(chain: Chain, table: LakeTable, rows: str) -> None:
    """Replaces the snapshot in the lake by the rows of a query on it."""
    with chain.platform.engine.session() as session:
        session.view(table, AS_OF, AS_OF)
        session.materialize("kept", rows)
        session.replace(table, "FROM kept", [AS_OF])


def problems(chain: Chain, check: str) -> set[str]:
    """What a check that must be red says of the snapshot."""
    verdict = chain.judge(check, f"{AS_OF:%m-%d}")
    assert (verdict.passed, verdict.severity) == (False, AssetCheckSeverity.ERROR)
    return set((verdict.description or "").split("; "))


def test_scores_that_are_wrong_in_lake_and_warehouse_are_held_against_the_months(
    taken: Chain,
) -> None:
    score(taken)
    assert taken.judge("score_sums_equal_the_months", f"{AS_OF:%m-%d}").passed
    corrupt(
        taken,
        taken.platform.lake.rfm_scores,
        "SELECT * REPLACE (IF(user_id = 'a', frequency + 2, frequency) AS frequency, "
        "IF(user_id = 'a', monetary + 3, monetary) AS monetary) "
        "FROM rfm_scores WHERE user_id <> 'b'",
    )
    taken.platform.publisher.publish_scores(AS_OF)
    assert problems(taken, "score_sums_equal_the_months") == {
        "shopee: orders is 8 in rfm_scores of the lake, 7 in months",
        "shopee: gmv_base is 603 in rfm_scores of the lake, 700 in months",
        "shopee: customers is 5 in rfm_scores of the lake, 6 in months",
    }


def changed(cohort: str, months: int, **values: str) -> str:
    """The matrix with other values in one of its cells."""
    cell = f"cohort_month = {cohort} AND months = {months}"
    replaced = [f"IF({cell}, {value}, {name}) AS {name}" for name, value in values.items()]
    return f"SELECT * REPLACE ({', '.join(replaced)}) FROM cohort_matrix"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            changed(
                FEBRUARY,
                0,
                cohort_size="3",
                total_order="total_order + 1",
                total_gmv_base_amount="total_gmv_base_amount - 5",
            ),
            {
                "shopee: orders is 8 in cohort_matrix of the lake, 7 in months",
                "shopee: gmv_base is 695 in cohort_matrix of the lake, 700 in months",
                "shopee: customers is 7 in cohort_matrix of the lake, 6 in months",
                f"shopee 2024-02: {WHOLE}",
            },
        ),
        (
            changed(JANUARY, 0, value="value - 1"),
            {f"shopee 2024-01: {WHOLE}", f"shopee 2024-01: {ADD_UP}"},
        ),
        (
            changed(JANUARY, 1, value="5"),
            {f"shopee 2024-01: {TOO_MANY}", f"shopee 2024-02: {ADD_UP}"},
        ),
        (changed(JANUARY, 1, value="0"), {f"shopee 2024-02: {ADD_UP}"}),
        (
            "FROM cohort_matrix UNION ALL BY NAME SELECT * REPLACE (2 AS months, 0 AS total_order, "
            "0 AS total_gmv_base_amount) FROM cohort_matrix WHERE months = 1",
            {f"shopee 2024-03: {ADD_UP}"},
        ),
        (
            f"FROM cohort_matrix WHERE cohort_month + TO_MONTHS(months) = {JANUARY}",
            {
                "shopee: orders is 4 in cohort_matrix of the lake, 7 in months",
                "shopee: gmv_base is 400 in cohort_matrix of the lake, 700 in months",
                "shopee: customers is 4 in cohort_matrix of the lake, 6 in months",
                f"shopee 2024-02: {MISSING}",
            },
        ),
    ],
    ids=["sums", "month 0", "too many", "too few", "a month too many", "a month too few"],
)
def test_cohorts_that_are_wrong_in_lake_and_warehouse_break_what_always_holds(
    taken: Chain, rows: str, said: set[str]
) -> None:
    build_cohorts(taken)
    corrupt(taken, taken.platform.lake.cohort_matrix, rows)
    taken.platform.publisher.publish_cohorts(AS_OF)
    assert problems(taken, "cohorts_add_up") == said


def test_cohorts_as_they_were_built_add_up(taken: Chain) -> None:
    """Else the test above would prove nothing."""
    build_cohorts(taken)
    assert taken.judge("cohorts_add_up", f"{AS_OF:%m-%d}").passed
