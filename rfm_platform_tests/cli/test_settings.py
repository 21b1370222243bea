"""Settings that somebody mistyped: they are told, and not passed over."""

import datetime as dt
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest
from pydantic import TypeAdapter

from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.setting_types import Zone
from rfm_platform.settings import SettingsError, read_settings

SERVICES = ("RFM_DAGSTER_WEBSERVER_PORT", "RFM_POSTGRESQL_SERVICE_HOST", "RFM_REDASH_SERVICE_PORT")
ZONE: TypeAdapter[str] = TypeAdapter(Zone)
LOAD = "from rfm_platform.settings import load_settings; print(load_settings().keep_days)"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("RFM_KEEPDAYS=3\n", "line 1: RFM_KEEPDAYS is no setting; RFM_KEEP_DAYS is"),
        (
            "# days\n\nexport rfm_time_zone=UTC",
            "line 3: RFM_TIME_ZONE is no setting; RFM_TIMEZONE is",
        ),
        ("RFM_KEEP_DAYS=3\nRFM_XYZZY=1\n", "line 2: RFM_XYZZY is no setting"),
        ("RFM_KEEP_DAYS=3\n\nwhat is this=1\n", "line 3: is no NAME=value"),
        ("RFM_KEEP_DAYS='3\n", "line 1: is no NAME=value"),
        (
            "rfm_home=/elsewhere",
            "line 1: RFM_HOME is read from the environment only: this file is in it",
        ),
    ],
)
def test_a_line_of_the_homes_file_that_would_be_passed_over_is_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "rfm.env").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        read_settings(tmp_path)
    assert str(refused.value) == f"{tmp_path / 'rfm.env'}, {said}"


def test_every_bad_line_of_the_homes_file_is_told_and_its_text_is_not(tmp_path: Path) -> None:
    text = "RFM_SOURCE_ULR=postgresql://a:hunter2@b/c\nhunter2 here\n"
    (tmp_path / "rfm.env").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"line 1: .*; .*line 2: ") as refused:
        read_settings(tmp_path)
    assert "hunter2" not in str(refused.value)
    (tmp_path / "rfm.env").write_bytes(b"RFM_KEEP_DAYS=3 # \xff")
    with pytest.raises(SettingsError, match=r"rfm\.env is no UTF-8 text"):
        read_settings(tmp_path)


def test_what_the_homes_file_may_hold_is_read(tmp_path: Path) -> None:
    text = "# ours\nexport RFM_KEEP_DAYS='3'  # days\nrfm_min_days=\"30\"\nANOTHERS=1\n\n"
    (tmp_path / "rfm.env").write_text(text, encoding="utf-8")
    settings = read_settings(tmp_path)
    assert (settings.keep_days, settings.min_days) == (3, 30)


def test_a_variable_that_resembles_a_setting_is_told_and_what_is_others_is_not(
    tmp_path: Path,
) -> None:
    foreign = dict.fromkeys(
        (*SERVICES, "RFM_TEST_REDASH_WAREHOUSE_URL", "RFM_IMAGE", "RFM_CHARTS", "RFM_BASE_IMAGE",
         "RFM_STORAGE_CLASS", "RFM_ENGINE_DATA"),
        "x",
    )  # fmt: skip
    project = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        env=foreign | {"RFM_HOME": str(tmp_path), "RFM_KEEPDAYS": "3", "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "7\n"
    assert done.stderr == "RFM_KEEPDAYS is no setting and is not read; RFM_KEEP_DAYS is\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("RFM_DAILY_AT=07:00", "RFM_DEADLINE (06:00) must come after RFM_DAILY_AT (07:00)"),
        ("RFM_DAILY_AT=23:30", "RFM_DEADLINE (06:00) must come after RFM_DAILY_AT (23:30)"),
        ("RFM_DAILY_AT=02:30Z", "RFM_DAILY_AT: is local time"),
        ("RFM_DAILY_AT=02:30:59", "RFM_DAILY_AT: is a time in whole minutes"),
        ("RFM_DEADLINE=06:00+07:00", "RFM_DEADLINE: is local time"),
        ("RFM_BI_DRILL_AT=01:00+00:00", "RFM_BI_DRILL_AT: is local time"),
        ("RFM_BI_DRILL_AT=01:00:01", "RFM_BI_DRILL_AT: is a time in whole minutes"),
        ("RFM_DRIFT_HISTORY=13", "RFM_DRIFT_HISTORY: Input should be less than or equal to 12"),
        ("RFM_DRIFT_SPREAD=inf", "RFM_DRIFT_SPREAD: Input should be a finite number"),
        ("RFM_STABILITY=nan", "RFM_STABILITY: Input should be a finite number"),
    ],
)
def test_a_morning_that_could_only_alarm_or_never_would_is_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "rfm.env").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        read_settings(tmp_path)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://admin:hunter2@redash.example.com",
        "https://hunter2@redash.example.com",
        "https://redash.example.com/?api_key=hunter2",
        "redash.example.com",
        "redash.example.com:5000",
        "https://",
        "http://redash:port",
    ],
)
def test_an_address_of_redash_that_is_none_is_told_and_not_shown(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match=r"^RFM_REDASH_URL: is no address such as") as refused:
        read_settings(tmp_path, redash_url=url)
    assert "hunter2" not in str(refused.value)


def test_what_is_around_an_address_and_a_key_of_redash_is_left_out(tmp_path: Path) -> None:
    settings = read_settings(
        tmp_path, redash_url="http://[::1]:5000/redash\n", redash_api_key=" a key\n"
    )
    assert settings.redash_url == "http://[::1]:5000/redash"
    assert settings.redash_api_key is not None
    assert settings.redash_api_key.get_secret_value() == "a key"


CENTURIES = [
    (name, value)
    for name in ("KEEP_DAYS", "KEEP_VERSIONS_DAYS", "KEEP_LOGS_DAYS", "LOOKBACK_DAYS")
    for value in ("36501", "1000000")
]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        *(
            (name, value, "Input should be less than or equal to 36500")
            for name, value in CENTURIES
        ),
        ("START_DATE", "1969-12-31", "Input should be greater than or equal to 1970-01-01"),
        *(
            ("TIMEZONE", zone, "may be another zone for PostgreSQL than for Python")
            for zone in ("CET", "MET", "EET", "WET", "Factory", "localtime", "right/UTC")
        ),
        *(("TIMEZONE", zone, "is no time zone name") for zone in ("Europe", "../etc", "Asia/")),
        ("SPILL_DIRECTORY", "/data/marketplace=all/spill", "is a directory with name=value in its"),
        ("BI_STORE_URL", "s3://key:hunter2@bucket/x", "is no address such as s3://bucket/prefix"),
        ("BI_STORE_URL", "s3://bucket/x?secret=hunter2", "is no address such as s3://bucket/"),
    ],
)
def test_a_value_that_would_go_wrong_later_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"RFM_{name}", value)
    with pytest.raises(SettingsError) as refused:
        read_settings(tmp_path)
    assert str(refused.value).startswith(f"RFM_{name}: {said}")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("part", ["as_of_date=2020-01-01", "marketplace=all", "a b="])
def test_a_home_whose_path_would_be_read_as_a_column_is_refused(tmp_path: Path, part: str) -> None:
    with pytest.raises(SettingsError, match=r"^RFM_HOME: is a directory with name=value in its"):
        read_settings(tmp_path / part / "home")
    assert read_settings(tmp_path / "a home, (1)" / "=x").home.name == "=x"


def test_what_is_wrong_with_two_variables_together_is_said_without_an_empty_name(
    tmp_path: Path,
) -> None:
    (tmp_path / "rfm.env").write_text("RFM_END_DATE=2020-01-01\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"^RFM_END_DATE lies before RFM_START_DATE$"):
        read_settings(tmp_path)


def test_python_and_postgresql_have_the_same_zones(server: EmbeddedServer) -> None:
    """Of every zone that can be set, summers and winters."""
    zones = []
    for name in sorted(available_timezones() | {"CET", "localtime"}):
        with suppress(ValueError):
            zones.append(ZONE.validate_python(name))
    assert len(zones) > 500
    moments = [dt.datetime(y, m, 1, tzinfo=dt.UTC) for y in range(1970, 2027, 8) for m in (1, 7)]
    with server.database("postgres").connect() as connection:
        found = connection.execute(
            "SELECT zone, moment, moment AT TIME ZONE zone "
            "FROM unnest(%s::text[]) zone, unnest(%s::timestamptz[]) moment",
            [zones, moments],
        ).fetchall()
    differ = {
        zone
        for zone, moment, local in found
        if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local
    }
    assert differ == set()
