"""What the two charts render, once for every module."""

from functools import cache
from pathlib import Path

import kubernetes_validate.utils
import pytest

from rfm_platform_tests.deploy.charts import ROOT, Manifest, need_chart, read_values, render

# It reads the definitions of a release, 2 MB, anew for every manifest.
kubernetes_validate.utils.schema_contents = cache(kubernetes_validate.utils.schema_contents)

DAGSTER_VALUES = ROOT / "helm-values.yaml"
REDASH_VALUES = ROOT / "deploy" / "redash-values.yaml"


@pytest.fixture(scope="session")
def dagster_chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return need_chart("dagster", tmp_path_factory.mktemp("charts"))


@pytest.fixture(scope="session")
def redash_chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return need_chart("redash", tmp_path_factory.mktemp("charts"))


@pytest.fixture(scope="session")
def dagster(dagster_chart: Path) -> list[Manifest]:
    return render(dagster_chart, "dagster", read_values(DAGSTER_VALUES))


@pytest.fixture(scope="session")
def redash(redash_chart: Path) -> list[Manifest]:
    return render(redash_chart, "redash", read_values(REDASH_VALUES))
