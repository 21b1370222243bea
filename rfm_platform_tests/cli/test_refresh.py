"""`rfm refresh`, `explain`, `verify` and `maintain`, as a person calls them one after the other."""

import pytest

from rfm_platform_tests.assets.chain import Chain, day, line
from rfm_platform_tests.cli.conftest import NAME, PASSWORD, Rfm, Said, environment

START = {"RFM_START_DATE": "2024-05-01"}


@pytest.fixture
def called(rfm_here: Rfm, chain: Chain) -> Rfm:
    days = ("05-01", "05-02", "05-03")
    chain.fill(
        [line(f"order-{on}", on, user_id=f"u{n}") for n, on in enumerate(days)],
        [("shopee", f"order-{on}", NAME) for on in days],
    )

    def call(*arguments: str, **variables: str) -> Said:
        said = rfm_here(environment(chain) | START | variables, *arguments)
        assert NAME not in said.everything
        assert PASSWORD not in said.everything
        assert "Traceback" not in said.everything
        return said

    return call


def test_a_morning_with_a_late_change(called: Rfm, chain: Chain) -> None:
    said = called("refresh", "--as-of", "2024-05-02")
    assert said.code == 0, said.everything
    assert "Every day from 2024-05-01 to 2024-05-02 equals the mart." in called("explain").out
    chain.in_mart(
        "UPDATE flatten_order_marketplace SET cancelled_flag = 't' WHERE order_id = 'order-05-01'"
    )
    said = called("explain")
    assert said.code == 1
    for part in ("order-05-01", "status", "changed since"):
        assert part in said.out
    assert "1 orders differ." in said.out
    said = called("verify")
    assert said.code == 1
    assert "`rfm refresh --all` brings the tables up to the source" in said.out

    assert called("refresh", "--as-of", "2024-05-03").code == 0
    assert called("explain").code == 0
    said = called("verify")
    assert (said.code, "Every row is what a rebuild gives." in said.out) == (0, True)
    said = called("maintain")
    assert (said.code, "Removed 0 files" in said.out) == (0, True)
    assert chain.in_warehouse(
        "SELECT total_order FROM rfm.aggregated_monthly ORDER BY user_id"
    ) == [
        (0,),
        (1,),
        (1,),
    ]


def test_without_a_day_a_refresh_goes_up_to_the_last_one_that_is_over(
    called: Rfm, chain: Chain
) -> None:
    assert called("refresh", RFM_END_DATE="2024-05-03").code == 0
    assert chain.in_warehouse("SELECT DISTINCT as_of_date FROM rfm.rfm_scores") == [(day("05-03"),)]


def test_the_whole_history_is_looked_at_when_asked(called: Rfm, chain: Chain) -> None:
    assert called("refresh", "--as-of", "2024-05-03", RFM_LOOKBACK_DAYS="0").code == 0
    chain.in_mart("UPDATE flatten_order_marketplace SET product_gmv_amount = 7")
    amount = "SELECT SUM(total_gmv_amount)::bigint FROM rfm.aggregated_monthly"
    assert called("refresh", "--as-of", "2024-05-03", RFM_LOOKBACK_DAYS="0").code == 0
    assert chain.in_warehouse(amount) == [(207,)]
    assert called("refresh", "--as-of", "2024-05-03", "--all", RFM_LOOKBACK_DAYS="0").code == 0
    assert chain.in_warehouse(amount) == [(21,)]


def test_what_is_not_there_is_said(called: Rfm) -> None:
    said = called("verify", "--as-of", "2024-05-02")
    assert (said.code, said.out) == (1, "There is no snapshot as of 2024-05-02 to verify.")
    said = called("explain")
    assert (said.code, said.out) == (1, "No day is loaded there: nothing was compared.")
    said = called("refresh", "--as-of", "2023-01-01")
    assert (said.code, "lies before the first partition" in said.err) == (1, True)


def test_explain_compares_no_range_that_is_the_wrong_way_round_or_not_loaded(
    called: Rfm,
) -> None:
    assert called("materialize", "--from", "2024-05-01", "--to", "2024-05-02").code == 0
    said = called("explain", "--from", "2024-05-02", "--to", "2024-05-01")
    assert (said.code, said.out) == (1, "")
    assert "--to 2024-05-01 lies before --from 2024-05-02." in said.err
    said = called("explain", "--from", "2024-06-01", "--to", "2024-06-02")
    assert (said.code, said.out) == (1, "No day is loaded there: nothing was compared.")


def test_an_older_snapshot_that_differs_is_right_after_what_is_advised(
    called: Rfm, chain: Chain
) -> None:
    days = ("materialize", "--from", "2024-05-01", "--to", "2024-05-02")
    assert called(*days, "--snapshots", "all").code == 0
    chain.in_mart("UPDATE flatten_order_marketplace SET product_gmv_amount = 7")
    older = ("verify", "--as-of", "2024-05-01")
    said = called(*older)
    assert said.code == 1
    advised = ("materialize", "--from", "2024-05-01", "--to", "2024-05-01")
    for words in (("refresh", "--all"), advised):
        assert f"`rfm {' '.join(words)}`" in said.out
    assert called("refresh", "--all", "--as-of", "2024-05-02").code == 0
    assert called(*older).code == 1
    assert called(*advised).code == 0
    assert called(*older).code == 0


def test_a_mart_that_is_down_is_said_once_and_without_the_name_of_a_class(called: Rfm) -> None:
    nobody = f"postgresql://analyst:{PASSWORD}@127.0.0.1:1/mart"
    said = called("refresh", "--as-of", "2024-05-02", RFM_SOURCE_URL=nobody)
    assert said.code == 1
    assert said.everything.count("cannot be reached") == 1
    assert "rfm_platform." not in said.everything


def test_a_missed_month_end_is_made_up_for_so_that_moves_have_a_start(
    called: Rfm, chain: Chain
) -> None:
    days = ("05-30", "05-31", "06-01", "06-02")
    chain.fill([line(f"order-{on}", on, user_id=f"u{n % 2}") for n, on in enumerate(days)])
    taken = "SELECT DISTINCT as_of_date FROM rfm.rfm_scores_snapshots ORDER BY 1"
    assert called("refresh", "--as-of", "2024-05-30").code == 0
    said = called("refresh", "--as-of", "2024-06-01", RFM_ANALYSES="true")
    assert said.code == 0, said.everything
    assert [on for (on,) in chain.in_warehouse(taken)] == [day(on) for on in days[:3]]
    moves = "SELECT DISTINCT from_date, as_of_date FROM rfm.rfm_migration"
    assert chain.in_warehouse(moves) == [(day("05-31"), day("06-01"))]
    runs = "SELECT COUNT(*) FROM rfm.snapshot_publications"
    assert called("refresh", "--as-of", "2024-06-02").code == 0
    assert chain.in_warehouse(runs) == [(4,)]


def test_a_platform_that_begins_after_a_month_end_has_missed_none(
    called: Rfm, chain: Chain
) -> None:
    days = ("05-31", "06-01")
    chain.fill([line(f"order-{on}", on) for on in days])
    assert called("refresh", "--as-of", "2024-06-01").code == 0
    taken = "SELECT DISTINCT as_of_date FROM rfm.rfm_scores_snapshots"
    assert chain.in_warehouse(taken) == [(day("06-01"),)]
