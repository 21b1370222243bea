"""The instance that the chart configures: what Dagster makes of it, and the Jobs of its runs.

The run launcher is Dagster's own; only the call that would create the Job at a cluster is caught.
"""

import copy
import inspect
import re
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import dagster_k8s.client
import kubernetes
import kubernetes_validate
import pytest
import yaml
from dagster._config import process_config
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.instance.config import dagster_instance_config_schema
from dagster._core.launcher import LaunchRunContext, ResumeRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.test_utils import create_run_for_test
from dagster._utils.merger import merge_dicts
from dagster_k8s import K8sRunLauncher
from kubernetes.utils import parse_quantity

from rfm_platform.automation.jobs import DAILY_JOB, DEADLINE_JOB
from rfm_platform.definitions import build_defs
from rfm_platform.settings import read_settings
from rfm_platform_tests.deploy.charts import (
    NAMESPACE,
    Manifest,
    containers,
    of_kind,
    read_values,
    render,
)
from rfm_platform_tests.deploy.conftest import DAGSTER_VALUES
from rfm_platform_tests.deploy.policies import (
    literal_secrets,
    not_restricted,
    selects,
    without_bounds,
)

IMAGE = "registry.example.com/rfm_platform:0.1.0"
KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: none, cluster: {server: 'http://127.0.0.1:9'}}]
contexts: [{name: none, context: {cluster: none, user: none}}]
current-context: none
users: [{name: none, user: {}}]
"""


class CaughtJobs:
    """Stands where Kubernetes' batch API would be, and keeps what was to be created."""

    def __init__(self) -> None:
        self.created: list[Manifest] = []

    def create_namespaced_job(self, body: Any, namespace: str, **_: object) -> None:
        assert namespace == NAMESPACE
        self.created.append(kubernetes.client.ApiClient().sanitize_for_serialization(body))


@pytest.fixture
def instance_config(dagster: list[Manifest]) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(
        of_kind(dagster, "ConfigMap")["dagster-instance"]["data"]["dagster.yaml"]
    )
    return config


def launch_run(
    config: dict[str, Any], directory: Path, job: str, *, resume: bool = False
) -> Manifest:
    """The Job that Dagster would make for a run of a job."""
    kubeconfig = directory / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG)
    local = {"load_incluster_config": False, "kubeconfig_file": str(kubeconfig)}
    processed = process_config(
        K8sRunLauncher.config_type(),  # type: ignore[no-untyped-call]
        merge_dicts(config["run_launcher"]["config"], local),
    )
    assert processed.value is not None, processed.errors
    jobs = CaughtJobs()
    launcher = K8sRunLauncher(**processed.value, k8s_client_batch_api=jobs)
    repository = RepositoryPythonOrigin(
        executable_path=sys.executable,
        code_pointer=ModuleCodePointer("rfm_platform.definitions", "defs", None),
        container_image=IMAGE,
    )
    definition = build_defs(read_settings(directory)).resolve_job_def(job)
    with dg.DagsterInstance.local_temp(str(directory)) as instance:
        launcher.register_instance(instance)
        run = create_run_for_test(
            instance,
            job_name=job,
            job_code_origin=JobPythonOrigin(job, repository),
            tags=definition.run_tags,
        )
        if resume:
            launcher.resume_run(ResumeRunContext(run, None, 1))
        else:
            launcher.launch_run(LaunchRunContext(run, None))
    (created,) = jobs.created
    return created


def test_dagster_understands_its_configuration(instance_config: dict[str, Any]) -> None:
    """With the release of the lock file, which is newer than the chart."""
    processed = process_config(dagster_instance_config_schema(), instance_config)
    assert processed.success, processed.errors


@pytest.mark.parametrize("version", ["1.25", "1.37"])
@pytest.mark.parametrize("job", [DAILY_JOB, DEADLINE_JOB])
def test_the_job_of_a_run_is_valid_restricted_and_bounded(
    instance_config: dict[str, Any], tmp_path: Path, job: str, version: str
) -> None:
    created = launch_run(instance_config, tmp_path, job)
    kubernetes_validate.validate(created, version, strict=True)
    template = created["spec"]["template"]
    assert not not_restricted(template)
    assert not without_bounds(template)
    assert not literal_secrets(template)
    (container,) = containers(template)
    assert container["image"] == IMAGE
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert template["spec"]["restartPolicy"] == "Never"
    assert created["spec"]["backoffLimit"] == 0


def test_a_run_has_no_right_in_the_cluster(
    instance_config: dict[str, Any], dagster: list[Manifest], tmp_path: Path
) -> None:
    spec = launch_run(instance_config, tmp_path, DAILY_JOB)["spec"]["template"]["spec"]
    bound = {
        subject["name"]
        for binding in of_kind(dagster, "RoleBinding", "ClusterRoleBinding").values()
        for subject in binding["subjects"]
    }
    assert spec["serviceAccountName"] not in bound
    assert spec["serviceAccountName"] in of_kind(dagster, "ServiceAccount")
    assert bound == {"dagster"}


def test_a_run_finds_its_settings_its_secrets_and_its_volumes(
    instance_config: dict[str, Any], dagster: list[Manifest], tmp_path: Path
) -> None:
    template = launch_run(instance_config, tmp_path, DAILY_JOB)["spec"]["template"]
    (container,) = containers(template)
    secrets = {
        s["secretRef"]["name"]: s["secretRef"] for s in container["envFrom"] if "secretRef" in s
    }
    assert set(secrets) == {"rfm-databases", "rfm-alerts", "rfm-bi", "rfm-lake"}
    assert secrets["rfm-bi"]["optional"] is secrets["rfm-lake"]["optional"] is True
    maps = {s["configMapRef"]["name"] for s in container["envFrom"] if "configMapRef" in s}
    assert maps == {"rfm-settings"}
    settings = of_kind(dagster, "ConfigMap")["rfm-settings"]["data"]
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert {settings["RFM_HOME"], settings["RFM_SPILL_DIRECTORY"], "/tmp"} <= mounted  # noqa: S108
    assert instance_config["compute_logs"]["config"]["base_dir"] in mounted
    volumes = {volume["name"] for volume in template["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
    assert template["spec"]["priorityClassName"] in of_kind(dagster, "PriorityClass")


def test_a_runs_threads_and_volumes_are_those_of_its_limits(
    instance_config: dict[str, Any], dagster: list[Manifest], tmp_path: Path
) -> None:
    """Threads beyond the processors wait; beyond the ephemeral storage the pod is evicted."""
    pod = launch_run(instance_config, tmp_path, DAILY_JOB)["spec"]["template"]["spec"]
    limits = pod["containers"][0]["resources"]["limits"]
    settings = of_kind(dagster, "ConfigMap")["rfm-settings"]["data"]
    assert settings["RFM_THREADS"] == limits["cpu"]
    sizes = [v["emptyDir"]["sizeLimit"] for v in pod["volumes"] if v.get("emptyDir")]
    assert len(sizes) == 3
    assert sum(map(parse_quantity, sizes)) < parse_quantity(limits["ephemeral-storage"])


def test_a_cloud_identity_is_given_to_the_account_of_runs(
    instance_config: dict[str, Any], dagster_chart: Path, tmp_path: Path
) -> None:
    values = copy.deepcopy(read_values(DAGSTER_VALUES))
    identity = {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/lake"}
    values["dagster-user-deployments"]["serviceAccount"]["annotations"] = identity
    accounts = of_kind(render(dagster_chart, "dagster", values), "ServiceAccount")
    annotated = {n for n, a in accounts.items() if a["metadata"].get("annotations") == identity}
    pod = launch_run(instance_config, tmp_path, DAILY_JOB)["spec"]["template"]["spec"]
    assert annotated == {pod["serviceAccountName"]}


def test_the_settings_of_the_cluster_are_settings(dagster: list[Manifest]) -> None:
    """A misspelt variable would be ignored."""
    from rfm_platform.settings import Settings  # noqa: PLC0415

    data = of_kind(dagster, "ConfigMap")["rfm-settings"]["data"]
    names = {name for name in data if name.startswith("RFM_")}
    assert names <= {f"RFM_{name.upper()}" for name in Settings.model_fields}


def test_the_network_lets_a_run_out_and_nobody_in(
    instance_config: dict[str, Any], dagster: list[Manifest], tmp_path: Path
) -> None:
    labels = launch_run(instance_config, tmp_path, DAILY_JOB)["spec"]["template"]["metadata"][
        "labels"
    ]
    policies = of_kind(dagster, "NetworkPolicy")
    of_runs = {
        name: policy["spec"]
        for name, policy in policies.items()
        if selects(policy["spec"]["podSelector"], labels)
    }
    assert {"default-deny", "names", "runs"} == set(of_runs)
    assert not any(policy.get("ingress") for policy in of_runs.values())
    ports = {p["port"] for rule in of_runs["runs"]["egress"] for p in rule["ports"]}
    assert 5432 in ports
    # A service that took a run for a web server would send it requests.
    for name, service in of_kind(dagster, "Service").items():
        assert not selects({"matchLabels": service["spec"]["selector"]}, labels), name
    budget = of_kind(dagster, "PodDisruptionBudget")["dagster-runs"]["spec"]
    assert selects(budget["selector"], labels)
    at_once = read_values(DAGSTER_VALUES)["concurrency"]["runs"]["maxConcurrentRuns"]
    assert budget["minAvailable"] >= at_once


def test_a_job_that_computes_nothing_asks_for_less(
    instance_config: dict[str, Any], tmp_path: Path
) -> None:
    def memory(job: str) -> str:
        template = launch_run(instance_config, tmp_path, job)["spec"]["template"]
        return str(containers(template)[0]["resources"]["limits"]["memory"])

    assert (memory(DAILY_JOB), memory(DEADLINE_JOB)) == ("6Gi", "1Gi")


def test_a_killed_run_goes_on_in_a_new_job(instance_config: dict[str, Any], tmp_path: Path) -> None:
    assert instance_config["run_monitoring"]["max_resume_run_attempts"] > 0
    created = launch_run(instance_config, tmp_path, DAILY_JOB, resume=True)
    (container,) = containers(created["spec"]["template"])
    assert container["args"][-2] == "resume_run"


def test_the_launcher_may_do_what_it_calls_and_nothing_else(dagster: list[Manifest]) -> None:
    """What Dagster's client calls, read from its text."""
    verbs = {"create": "create", "delete": "delete", "list": "list", "read": "get"}
    called = re.findall(
        r"_api\.(create|delete|list|read)_namespaced_([a-z_]+)\(",
        inspect.getsource(dagster_k8s.client).replace("\n", ""),
    )
    wanted = set()
    for verb, name in called:
        resource, _, part = name.partition("_")
        wanted.add((verbs[verb], f"{resource}s" + (f"/{part}" if part else "")))
    granted = {
        (verb, resource)
        for rule in of_kind(dagster, "Role")["dagster-launcher"]["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert granted == wanted
    assert not of_kind(dagster, "ClusterRole", "ClusterRoleBinding")


def test_a_run_is_given_a_token_because_dagster_does_not_start_without(
    instance_config: dict[str, Any], tmp_path: Path
) -> None:
    """Run monitoring loads the run launcher in every process, and that reads the token.

    When this fails, Dagster no longer asks for it, and runs can go without.
    """
    (tmp_path / "home").mkdir()
    storages = {"run_storage", "event_log_storage", "schedule_storage"}
    config = {key: value for key, value in instance_config.items() if key not in storages}
    (tmp_path / "home" / "dagster.yaml").write_text(yaml.safe_dump(config), "utf-8")
    with pytest.raises(kubernetes.config.ConfigException):
        dg.DagsterInstance.from_config(str(tmp_path / "home"))
    spec = launch_run(instance_config, tmp_path, DAILY_JOB)["spec"]["template"]["spec"]
    assert spec["automountServiceAccountToken"] is True
