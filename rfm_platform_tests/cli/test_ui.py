"""`rfm ui`: what its processes are told."""

from pathlib import Path

import pytest

from rfm_platform.cli.ui import paths
from rfm_platform.settings import read_settings


def test_a_relative_path_means_the_same_where_the_ui_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RFM_BI_DUMPS", "dumps")
    monkeypatch.setenv("RFM_SEGMENTS_FILE", "segments.yaml")
    settings = read_settings(tmp_path / "home")
    assert paths(settings) == {
        "RFM_HOME": str(tmp_path / "home"),
        "RFM_BI_DUMPS": str(tmp_path / "dumps"),
        "RFM_SEGMENTS_FILE": str(tmp_path / "segments.yaml"),
    }
