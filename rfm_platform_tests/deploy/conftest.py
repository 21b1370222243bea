"""What the two charts render, once for every module, and the cluster of rung 4."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import kubernetes_validate.utils
import pytest

from rfm_platform_tests.deploy.charts import ROOT, Manifest, need_chart, read_values, render
from rfm_platform_tests.deploy.helm import Release
from rfm_platform_tests.deploy.kubectl import Cluster

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


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A namespace of the test's own in the cluster of KUBECONFIG, gone at the end."""
    if not os.environ.get("RFM_TEST_CLUSTER"):
        pytest.skip("RUNG 4 DID NOT RUN: `make test-cluster IMAGE=…`")
    for program in ("kubectl", "helm"):
        if shutil.which(program) is None:
            pytest.skip(f"RUNG 4 DID NOT RUN: no {program}")
    cluster = Cluster(f"rfm-test-{uuid.uuid4().hex[:6]}")
    if subprocess.run(
        ["kubectl", "get", "namespaces"], capture_output=True, check=False
    ).returncode:
        pytest.skip("RUNG 4 DID NOT RUN: no cluster answers to kubectl (KUBECONFIG)")
    cluster.ctl("create", "namespace", cluster.namespace)
    cluster.ctl(
        "label", "namespace", cluster.namespace, "pod-security.kubernetes.io/enforce=restricted"
    )
    yield cluster
    cluster.ctl("delete", "namespace", cluster.namespace, "--wait=false")


@pytest.fixture
def dagster_release(cluster: Cluster, dagster_chart: Path) -> Iterator[Release]:
    """Of the namespace and gone before it: a class of priority is the cluster's."""
    release = Release("dagster", dagster_chart, cluster.namespace)
    yield release
    release.uninstall()
