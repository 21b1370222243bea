"""`rfm redash` and its asset: what runs is in Dagster's records, what is wrong ends with a code."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from typer.testing import CliRunner, Result

from rfm_platform.automation.jobs import DAILY_JOB
from rfm_platform.cli.app import app
from rfm_platform.definitions import build_defs
from rfm_platform.settings import load_settings
from rfm_platform_tests.conftest import url_of
from rfm_platform_tests.dashboards.conftest import Reported
from rfm_platform_tests.dashboards.redash.state import StandIn
from rfm_platform_tests.dashboards.redash.test_provision import only
from rfm_platform_tests.redash_http import API_KEY

Rfm = Callable[..., Result]


@pytest.fixture
def rfm(
    reported: Reported, server_of_redash: StandIn, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Rfm]:
    """Runs `rfm` over the published tables and the stand-in."""
    settings = reported.chain.settings
    for name, value in {
        "HOME": settings.home,
        "SOURCE_URL": url_of(reported.chain.mart),
        "WAREHOUSE_URL": url_of(reported.chain.warehouse),
        "START_DATE": settings.start_date,
        "END_DATE": settings.end_date or "",
        "REDASH_URL": server_of_redash.url,
        "REDASH_API_KEY": API_KEY,
        "REDASH_WAREHOUSE_URL": url_of(reported.chain.warehouse),
    }.items():
        monkeypatch.setenv(f"RFM_{name}", str(value))
    load_settings.cache_clear()
    yield lambda *arguments: CliRunner().invoke(app, ["redash", *arguments])
    load_settings.cache_clear()


def test_plan_apply_and_check_tell_what_they_found(
    rfm: Rfm, reported: Reported, server_of_redash: StandIn
) -> None:
    before = rfm("plan")
    assert before.exit_code == 2
    assert "+ create dashboard     retention" in before.output
    applied = rfm("apply")
    assert applied.exit_code == 0, applied.output
    assert "created" in applied.output
    after = rfm("plan")
    assert (after.exit_code, after.output) == (0, "Redash is as declared: nothing to do.\n")
    checked = rfm("check")
    assert checked.exit_code == 0, checked.output
    assert "differs" not in checked.output

    with reported.chain.instance() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("redash_dashboards"))
        assert event is not None
        key = dg.AssetCheckKey(dg.AssetKey("redash_dashboards"), "redash_shows_the_warehouse")
        (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
        assert record.event is not None
        evaluation = record.event.get_dagster_event().asset_check_evaluation_data
        assert evaluation.passed, evaluation.description

    rows = reported.chain.platform.warehouse.rows("SELECT * FROM rfm.check_results")
    assert {"months_equal_the_source", "cohorts_add_up"} <= {row["check_name"] for row in rows}

    query = next(q for q in server_of_redash.of("queries").values() if q["name"] == "Restatements")
    query["query"] = "SELECT 1 AS mine"
    edited = rfm("plan")
    assert edited.exit_code == 2
    assert "! edited query         restatements" in edited.output
    assert "-SELECT 1 AS mine" in edited.output
    assert rfm("check").exit_code == 1
    assert rfm("apply", "--overwrite").exit_code == 0
    assert rfm("plan").exit_code == 0


def test_what_was_adopted_outlives_an_apply_that_does_not_know_of_it(
    rfm: Rfm, server_of_redash: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rfm("apply").exit_code == 0
    chart = only(server_of_redash.of("visualizations"), name="Moves")
    theirs = server_of_redash.add("dashboards", name="Marketing", is_draft=False)
    options = {"position": {"col": 0, "row": 0, "sizeX": 12, "sizeY": 8}, "parameterMappings": {}}
    server_of_redash.add(
        "widgets", dashboard_id=theirs["id"], visualization_id=chart["id"], text="", options=options
    )
    exported = rfm("export", str(tmp_path / "own"), "--adopt")
    assert exported.exit_code == 0, exported.output
    assert "note Retention (" in exported.output
    assert "1 dashboards and 0 queries are in" in exported.output
    assert "An apply without it lets them go, as they are." in exported.output
    monkeypatch.setenv("RFM_REDASH_DASHBOARDS", str(tmp_path / "own"))
    load_settings.cache_clear()
    assert "~ update dashboard     marketing" in rfm("plan").output
    assert rfm("apply").exit_code == 0
    assert rfm("plan").exit_code == 0
    monkeypatch.delenv("RFM_REDASH_DASHBOARDS")
    load_settings.cache_clear()
    before = server_of_redash.changes()
    applied = rfm("apply")
    assert "- let go dashboard     marketing" in applied.output
    assert "2 let go, as they are" in applied.output
    assert server_of_redash.changes() == before
    assert rfm("plan").exit_code == 0


def test_a_wrong_key_ends_the_command_with_a_sentence(
    rfm: Rfm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RFM_REDASH_API_KEY", "wrong")
    load_settings.cache_clear()
    result = rfm("plan")
    assert result.exit_code == 1
    assert "does not know the API key" in str(result.exception)


def test_without_a_server_the_command_says_what_to_set(
    rfm: Rfm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RFM_REDASH_URL")
    load_settings.cache_clear()
    assert "Set RFM_REDASH_URL" in str(rfm("plan").exception)


@pytest.mark.parametrize(
    ("variables", "provisioned"),
    [({"REDASH_WAREHOUSE_URL": ""}, False), ({}, True), ({"REDASH_PROVISION": "false"}, False)],
)
def test_every_morning_provisions_where_the_settings_say_so(
    variables: dict[str, str], provisioned: bool, rfm: Rfm, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        if value:
            monkeypatch.setenv(f"RFM_{name}", value)
        else:
            monkeypatch.delenv(f"RFM_{name}")
    load_settings.cache_clear()
    job = build_defs(load_settings()).resolve_job_def(DAILY_JOB)
    assert (
        dg.AssetKey("redash_dashboards") in job.asset_layer.executable_asset_keys
    ) == provisioned
