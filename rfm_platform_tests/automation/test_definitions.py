"""The code location: it loads anywhere, and what it offers changes only on purpose."""

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._utils.schedules import cron_string_iterator

from rfm_platform.automation.instance import open_instance
from rfm_platform.definitions import build_defs
from rfm_platform.settings import read_settings

SNAPSHOT = Path(__file__).with_name("specs.json")
UPDATE = "UPDATE_SNAPSHOTS"
PROJECT = Path(__file__).parents[2]

LOAD = """
import json, sys, warnings
import rfm_platform.definitions as module
definitions = module.defs()
print(json.dumps(sorted(k.to_user_string() for k in definitions.resolve_all_asset_keys())))
"""


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_defs(read_settings(tmp_path_factory.mktemp("definitions") / "home"))


def _load(directory: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": os.environ["PATH"], "HOME": str(directory)}
    return subprocess.run(
        [sys.executable, "-c", LOAD],
        env=clean | variables,
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_code_location_loads_in_a_fresh_interpreter_and_connects_to_nothing(
    tmp_path: Path,
) -> None:
    """An import that only works after another one, or a server at load time, takes the UI down."""
    done = _load(
        tmp_path,
        RFM_SOURCE_URL="postgresql://nobody@127.0.0.1:1/mart",
        RFM_WAREHOUSE_URL="postgresql://nobody@127.0.0.1:1/warehouse",
    )
    assert done.returncode == 0, done.stderr
    assert "rfm_scores" in json.loads(done.stdout)
    assert "Warning" not in done.stderr
    assert list(tmp_path.iterdir()) == [], "loading leaves nothing behind"


def test_a_setting_that_cannot_be_used_is_the_last_line_of_a_load_that_fails(
    tmp_path: Path,
) -> None:
    done = _load(tmp_path, RFM_TIMEZONE="Mars/Olympus")
    assert done.returncode != 0
    assert (
        done.stderr.strip()
        .splitlines()[-1]
        .endswith("RFM_TIMEZONE: is no time zone name such as Asia/Jakarta")
    )


def _specs(definitions: dg.Definitions) -> dict[str, Any]:
    graph = definitions.resolve_asset_graph()
    assets = {}
    for spec in definitions.resolve_all_asset_specs():
        node = graph.get(spec.key)
        schema = spec.metadata.get("dagster/column_schema")
        assets[spec.key.to_user_string()] = {
            "description": spec.description,
            "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
            "group": spec.group_name,
            "kinds": sorted(spec.kinds),
            "owners": list(spec.owners),
            "tags": dict(sorted(spec.tags.items())),
            "code_version": spec.code_version,
            "pools": sorted(node.pools or ()),
            "partitions": str(spec.partitions_def) if spec.partitions_def else None,
            "backfill": node.backfill_policy.policy_type.value if node.backfill_policy else None,
            "table": spec.metadata.get("dagster/table_name"),
            "columns": {c.name: c.type for c in schema.columns} if schema else {},
        }
    checks = {}
    for key in graph.asset_check_keys:
        check = graph.get_check_spec(key)
        checks[f"{key.asset_key.to_user_string()}: {key.name}"] = {
            "description": check.description,
            "blocking": check.blocking,
            "partitioned": check.partitions_def is not None,
        }
    jobs, schedules = {}, {}
    for job in definitions.jobs or []:
        resolved = definitions.resolve_job_def(job.name)
        jobs[job.name] = {
            "description": resolved.description,
            "assets": sorted(
                key.to_user_string() for key in resolved.asset_layer.selected_asset_keys
            ),
            "steps": sorted(node.name for node in resolved.nodes),
        }
    for schedule in definitions.schedules or []:
        found = definitions.resolve_schedule_def(schedule.name)
        schedules[found.name] = {
            "description": found.description,
            "cron": found.cron_schedule,
            "timezone": found.execution_timezone,
            "job": found.job_name,
            "status": found.default_status.value,
        }
    return {"assets": assets, "checks": checks, "jobs": jobs, "schedules": schedules}


def test_assets_checks_jobs_and_schedules_change_only_on_purpose(
    definitions: dg.Definitions,
) -> None:
    """What is meant to change: run with UPDATE_SNAPSHOTS=1 and read the difference."""
    text = json.dumps(_specs(definitions), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if os.environ.get(UPDATE) == "1":
        SNAPSHOT.write_text(text, encoding="utf-8")
    assert json.loads(text) == json.loads(SNAPSHOT.read_text(encoding="utf-8"))


def _tick(settings_zone: str, at: dt.datetime, directory: Path, *taken: str) -> list[str | None]:
    """Which days a morning asks for, where snapshots of some were taken."""
    settings = read_settings(directory, timezone=settings_zone, start_date=dt.date(2024, 1, 1))
    definitions = build_defs(settings)
    schedule = definitions.resolve_schedule_def("every_morning")
    with open_instance(settings) as instance:
        for day in taken:
            instance.report_runless_asset_event(
                dg.AssetMaterialization("rfm_scores", partition=day)
            )
        with dg.build_schedule_context(
            instance, scheduled_execution_time=at, repository_def=definitions.get_repository_def()
        ) as context:
            requests = schedule.evaluate_tick(context).run_requests or []
    return [request.partition_key for request in requests]


MORNINGS = [
    (["2024-07-30"], ["2024-07-31", "2024-08-01"]),
    (["2024-07-30", "2024-07-31"], ["2024-08-01"]),
    ([], ["2024-08-01"]),
]


@pytest.mark.parametrize(("taken", "asked_for"), MORNINGS)
def test_a_month_end_that_was_missed_is_made_up_for_the_next_morning(
    tmp_path: Path, taken: list[str], asked_for: list[str]
) -> None:
    at = dt.datetime(2024, 8, 2, 2, 30, tzinfo=ZoneInfo("Asia/Jakarta"))
    assert _tick("Asia/Jakarta", at, tmp_path, *taken) == asked_for


def test_the_schedule_runs_at_half_past_two_local_time_for_the_day_before(
    definitions: dg.Definitions, tmp_path: Path
) -> None:
    schedule = definitions.resolve_schedule_def("every_morning")
    now = dt.datetime(2024, 7, 31, 12, tzinfo=dt.UTC)
    following = next(
        cron_string_iterator(
            now.timestamp(), str(schedule.cron_schedule), schedule.execution_timezone
        )
    )
    assert following == dt.datetime(2024, 8, 1, 2, 30, tzinfo=ZoneInfo("Asia/Jakarta"))
    assert _tick("Asia/Jakarta", following, tmp_path) == ["2024-07-31"]


def test_in_the_demo_nothing_runs_by_itself(tmp_path: Path) -> None:
    definitions = build_defs(read_settings(tmp_path, schedules=False))
    repository = definitions.get_repository_def()
    states = [each.default_status.value for each in repository.schedule_defs]
    states += [each.default_status.value for each in repository.sensor_defs]
    assert states
    assert set(states) == {"STOPPED"}


@pytest.mark.parametrize(
    ("at", "day", "hour", "maintained"),
    [
        (dt.time(2, 30), 4, 3, "30 4 * * sun"),
        (dt.time(22, 45), 4, 23, "45 0 * * mon"),
        (dt.time(23, 15), 5, 0, "15 1 * * mon"),
    ],
)
def test_once_a_week_all_days_are_looked_at(
    tmp_path: Path, at: dt.time, day: int, hour: int, maintained: str
) -> None:
    """An hour after that morning's own run, for the same day, be it after midnight."""
    settings = read_settings(
        tmp_path, start_date=dt.date(2024, 1, 1), daily_at=at, deadline=dt.time(23, 30)
    )
    definitions = build_defs(settings)
    repository = definitions.get_repository_def()
    now = dt.datetime(2024, 7, 31, 16, 30, tzinfo=dt.UTC)
    looked_at = {}
    for name in ("every_morning", "every_week"):
        schedule = definitions.resolve_schedule_def(name)
        following = next(
            cron_string_iterator(
                now.timestamp(), str(schedule.cron_schedule), schedule.execution_timezone
            )
        )
        with (
            open_instance(settings) as instance,
            dg.build_schedule_context(
                instance, scheduled_execution_time=following, repository_def=repository
            ) as context,
        ):
            (request,) = schedule.evaluate_tick(context).run_requests or []
        looked_at[name] = (
            following,
            request.partition_key,
            request.run_config["ops"]["source_orders"]["config"]["late_changes"],
        )
    zone = ZoneInfo("Asia/Jakarta")
    weekly = dt.datetime(2024, 8, day, hour, at.minute, tzinfo=zone)
    assert looked_at == {
        "every_morning": (
            dt.datetime.combine(dt.date(2024, 8, 1), at, zone),
            "2024-07-31",
            "WINDOW",
        ),
        "every_week": (weekly, "2024-08-03", "ALL"),
    }
    maintenance = definitions.resolve_schedule_def("every_week_maintenance")
    assert maintenance.cron_schedule == maintained


@pytest.mark.parametrize(
    "first", [dt.date(2024, 3, 8), dt.date(2024, 11, 1)], ids=["spring forward", "fall back"]
)
def test_no_day_is_left_out_or_run_twice_when_the_clocks_change(
    tmp_path: Path, first: dt.date
) -> None:
    """On one night there is no 02:30, on the other the hour before comes twice."""
    zone = "America/New_York"
    start = dt.datetime.combine(first, dt.time(), ZoneInfo(zone))
    ticks = cron_string_iterator(start.timestamp(), "30 2 * * *", zone)
    ran = [key for _ in range(5) for key in _tick(zone, next(ticks), tmp_path)]
    assert ran == [str(first + dt.timedelta(days=n)) for n in range(-1, 4)]


def test_every_days_partition_runs_from_local_midnight_to_local_midnight(
    definitions: dg.Definitions,
) -> None:
    for spec in definitions.resolve_all_asset_specs():
        if isinstance(spec.partitions_def, dg.DailyPartitionsDefinition):
            window = spec.partitions_def.time_window_for_partition_key("2024-07-31")
            jakarta = ZoneInfo("Asia/Jakarta")
            assert window.start == dt.datetime(2024, 7, 31, tzinfo=jakarta)
            assert window.end == dt.datetime(2024, 8, 1, tzinfo=jakarta)


def test_the_last_partition_is_the_end_date_itself(tmp_path: Path) -> None:
    settings = read_settings(tmp_path, start_date=dt.date(2024, 1, 1), end_date=dt.date(2024, 1, 3))
    for spec in build_defs(settings).resolve_all_asset_specs():
        if spec.partitions_def is not None and spec.group_name == "customers":
            keys = list(spec.partitions_def.get_partition_keys())
            assert keys == ["2024-01-01", "2024-01-02", "2024-01-03"]


def test_without_analyses_a_snapshot_makes_the_tables_of_the_contract_alone(tmp_path: Path) -> None:
    made = build_defs(read_settings(tmp_path, analyses=False)).resolve_job_def("daily")
    keys = {key.to_user_string() for key in made.asset_layer.selected_asset_keys}
    assert keys == {
        "source_orders",
        "aggregated_monthly",
        "final_user_analysis",
        "rfm_scores",
        "cohort_matrix",
    }
