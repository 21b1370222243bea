"""The values rendered by Helm: valid for Kubernetes, restricted, bounded, without secrets.

Every test here needs the official charts; `charts.py` says where they are looked for.
"""

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from rfm_platform_tests.deploy.charts import (
    Manifest,
    containers,
    lint_messages,
    of_kind,
    pod_templates,
    read_values,
    render,
)
from rfm_platform_tests.deploy.conftest import DAGSTER_VALUES, REDASH_VALUES
from rfm_platform_tests.deploy.policies import (
    literal_secrets,
    not_restricted,
    selects,
    without_bounds,
)

KUBERNETES = ("1.25", "1.31", "1.37")
# One replica by the chart: a budget would only block a drain, an autoscaler cannot help.
SINGLE = {
    "dagster-daemon",
    "dagster-dagster-user-deployments-rfm-platform",
    "redash-scheduler",
    "redash-genericworker",
    "redash-scheduledworker",
}


@pytest.fixture(params=["dagster", "redash"])
def release(request: pytest.FixtureRequest) -> list[Manifest]:
    manifests: list[Manifest] = request.getfixturevalue(request.param)
    return manifests


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_manifest_is_valid_to_the_letter(release: list[Manifest], version: str) -> None:
    """Strictly: an unknown field or kind is an error, or a typo would be ignored for ever."""
    for manifest in release:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_helm_lint_has_nothing_to_say(dagster_chart: Path, redash_chart: Path) -> None:
    assert lint_messages(dagster_chart, read_values(DAGSTER_VALUES)) == []
    assert lint_messages(redash_chart, read_values(REDASH_VALUES)) == []


def test_a_misspelt_value_is_refused(dagster_chart: Path) -> None:
    """Otherwise the local copy of the schema would prove nothing."""
    values = copy.deepcopy(read_values(DAGSTER_VALUES))
    values["dagsterWebserver"]["replicasCount"] = 3
    with pytest.raises(Exception, match="replicasCount"):
        render(dagster_chart, "dagster", values)


def test_every_pod_keeps_to_the_restricted_standard(release: list[Manifest]) -> None:
    wrong = {name: not_restricted(template) for name, template in pod_templates(release).items()}
    assert not {name: found for name, found in wrong.items() if found}


def test_every_container_says_what_it_needs(release: list[Manifest]) -> None:
    wrong = {name: without_bounds(template) for name, template in pod_templates(release).items()}
    assert not {name: found for name, found in wrong.items() if found}


def test_no_secret_stands_in_a_manifest(release: list[Manifest]) -> None:
    assert not of_kind(release, "Secret")
    for name, template in pod_templates(release).items():
        assert not literal_secrets(template), name


def test_the_scan_sees_what_the_charts_leave_open(dagster_chart: Path, redash_chart: Path) -> None:
    """The three tests above must fail where the values say nothing."""
    by_default = [
        *render(dagster_chart, "dagster", {}),
        *render(redash_chart, "redash", _without_bundled_servers()),
    ]
    templates = pod_templates(by_default).values()
    assert all(not_restricted(template) for template in templates)
    assert any(without_bounds(template) for template in templates)
    assert of_kind(by_default, "Secret")
    told = {"name": "web", "env": [{"name": "REDASH_COOKIE_SECRET", "value": "test"}]}
    assert literal_secrets({"spec": {"containers": [told]}})


def _without_bundled_servers() -> dict[str, Any]:
    return {"postgresql": {"enabled": False}, "redis": {"enabled": False}}


def test_root_file_systems_of_the_platform_are_read_only(dagster: list[Manifest]) -> None:
    for name, template in pod_templates(dagster).items():
        for container in containers(template):
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, name


def test_no_database_or_queue_comes_along(release: list[Manifest]) -> None:
    assert not of_kind(release, "StatefulSet")
    images = {c["image"] for t in pod_templates(release).values() for c in containers(t)}
    assert not {
        image for image in images if any(w in image for w in ("postgres", "redis", "rabbit"))
    }


def test_every_process_of_the_platform_is_one_image(dagster: list[Manifest]) -> None:
    """Web server, daemon and code server must be one release of Dagster."""
    images = {
        container["image"]
        for name, template in pod_templates(dagster).items()
        if name != "oauth2-proxy"
        for container in template["spec"]["containers"]
    }
    values = read_values(DAGSTER_VALUES)["dagsterWebserver"]["image"]
    assert images == {f"{values['repository']}:{values['tag']}"}


def test_whatever_can_hang_is_probed(release: list[Manifest]) -> None:
    for name, template in pod_templates(release).items():
        for container in template["spec"]["containers"]:
            if name == "redash-migrations":
                continue
            assert container.get("livenessProbe"), name
            if container.get("ports"):
                assert container.get("readinessProbe"), name


def test_a_probe_asks_a_port_that_is_open(release: list[Manifest]) -> None:
    for name, template in pod_templates(release).items():
        for container in template["spec"]["containers"]:
            ports = {port["containerPort"] for port in container.get("ports") or []}
            for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
                probe = container.get(kind) or {}
                if "httpGet" in probe:
                    assert probe["httpGet"]["port"] in ports, (name, kind)


def test_a_probes_command_exists_as_it_is_written(dagster: list[Manifest], tmp_path: Path) -> None:
    """With an option that Dagster does not know, the container would be restarted for ever."""
    commands = {
        tuple(probe["exec"]["command"])
        for template in pod_templates(dagster).values()
        for container in containers(template)
        for name in ("startupProbe", "readinessProbe", "livenessProbe")
        if "exec" in (probe := container.get(name) or {})
    }
    assert commands
    for program, *arguments in commands:
        done = subprocess.run(
            [str(Path(sys.executable).with_name(program)), *arguments],
            env={"DAGSTER_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Usage:" not in done.stderr, done.stderr


def test_what_has_several_replicas_has_an_autoscaler_and_a_budget(release: list[Manifest]) -> None:
    deployments = of_kind(release, "Deployment")
    scaled = {
        autoscaler["spec"]["scaleTargetRef"]["name"]: autoscaler["spec"]
        for autoscaler in of_kind(release, "HorizontalPodAutoscaler").values()
    }
    budgets = [b["spec"]["selector"] for b in of_kind(release, "PodDisruptionBudget").values()]
    assert set(scaled) <= set(deployments)
    for name, deployment in deployments.items():
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        budgeted = any(selects(selector, labels) for selector in budgets)
        if name in SINGLE:
            assert deployment["spec"]["replicas"] == 1 and name not in scaled and not budgeted
        elif name != "oauth2-proxy":  # off
            # An upgrade sets the replicas; below the minimum it would take a pod away.
            assert deployment["spec"]["replicas"] == scaled[name]["minReplicas"] >= 2
            assert budgeted, name


def test_an_autoscaler_waits_for_pods_that_count_from_their_start(release: list[Manifest]) -> None:
    """Kubernetes leaves a pod's processor out as long as it is not ready; some are so at once."""
    deployments = of_kind(release, "Deployment")
    for name, autoscaler in of_kind(release, "HorizontalPodAutoscaler").items():
        spec = autoscaler["spec"]
        pod = deployments[spec["scaleTargetRef"]["name"]]["spec"]["template"]["spec"]
        waits = spec["behavior"]["scaleUp"]["stabilizationWindowSeconds"]
        assert (waits > 0) == ("readinessProbe" not in pod["containers"][0]), name


def test_no_two_autoscalers_count_the_same_pod(
    dagster: list[Manifest], redash: list[Manifest]
) -> None:
    """Kubernetes stops both (AmbiguousSelector) when their Deployments select one pod."""
    manifests = [*dagster, *redash]
    deployments = of_kind(manifests, "Deployment")
    targets = [
        deployments[autoscaler["spec"]["scaleTargetRef"]["name"]]["spec"]["selector"]
        for autoscaler in of_kind(manifests, "HorizontalPodAutoscaler").values()
    ]
    assert len(targets) == 4
    for name, template in pod_templates(manifests).items():
        labels = template["metadata"]["labels"]
        assert sum(selects(target, labels) for target in targets) <= 1, name


def test_services_find_pods_that_listen_on_their_port(release: list[Manifest]) -> None:
    for name, service in of_kind(release, "Service").items():
        found = [
            template
            for template in pod_templates(release).values()
            if selects({"matchLabels": service["spec"]["selector"]}, template["metadata"]["labels"])
        ]
        assert len(found) == 1, name
        ports = {
            p["containerPort"] for c in found[0]["spec"]["containers"] for p in c.get("ports", [])
        }
        wanted = {port.get("targetPort", port["port"]) for port in service["spec"]["ports"]}
        # The code server's container names no port; its command does.
        arguments = " ".join(found[0]["spec"]["containers"][0].get("args") or [])
        assert all(port in ports or f"-p {port}" in arguments for port in wanted), name


def test_a_moved_database_is_held_against_the_redash_that_is_installed(
    dagster: list[Manifest],
) -> None:
    settings = of_kind(dagster, "ConfigMap")["rfm-settings"]["data"]
    assert settings["RFM_REDASH_VERSION"] == read_values(REDASH_VALUES)["image"]["tag"]


def test_names_that_manifests_refer_to_exist(dagster: list[Manifest]) -> None:
    maps = set(of_kind(dagster, "ConfigMap"))
    accounts = set(of_kind(dagster, "ServiceAccount"))
    claims = set(of_kind(dagster, "PersistentVolumeClaim"))
    for name, template in pod_templates(dagster).items():
        spec = template["spec"]
        for container in containers(template):
            mounted = {mount["name"] for mount in container.get("volumeMounts") or []}
            assert mounted <= {volume["name"] for volume in spec.get("volumes") or []}, name
            for source in container.get("envFrom") or []:
                if "configMapRef" in source:
                    assert source["configMapRef"]["name"] in maps, name
        for volume in spec.get("volumes") or []:
            if "configMap" in volume:
                assert volume["configMap"]["name"] in maps, name
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims, name
        if name != "oauth2-proxy":
            assert spec["serviceAccountName"] in accounts, name


def test_the_migration_of_dagsters_database_is_restricted_and_reaches_it(
    dagster_chart: Path,
) -> None:
    values = copy.deepcopy(read_values(DAGSTER_VALUES))
    values["migrate"] = {"enabled": True}
    values["dagsterDaemon"]["enabled"] = False
    manifests = render(dagster_chart, "dagster", values)
    assert "dagster-daemon" not in of_kind(manifests, "Deployment"), "nobody writes meanwhile"
    ((name, template),) = pod_templates(
        [m for m in manifests if m["kind"] == "Job"],
    ).items()
    assert not not_restricted(template)
    assert not without_bounds(template)
    # What Kubernetes adds to the pods of a Job.
    labels = (template["metadata"].get("labels") or {}) | {"job-name": name}
    ports = {
        port["port"]
        for policy in of_kind(manifests, "NetworkPolicy").values()
        if selects(policy["spec"]["podSelector"], labels)
        for rule in policy["spec"].get("egress") or []
        for port in rule["ports"]
    }
    assert ports == {53, 5432}


def test_redash_is_given_its_own_secrets(redash: list[Manifest]) -> None:
    """The chart's own are the word `test`, with which anybody reads data sources' passwords."""
    for template in pod_templates(redash).values():
        for container in containers(template):
            sources = {v["name"]: v.get("valueFrom") for v in container["env"]}
            for name in ("REDASH_SECRET_KEY", "REDASH_COOKIE_SECRET", "REDASH_DATABASE_URL"):
                assert sources[name]["secretKeyRef"]["name"] == "redash"


def test_every_process_of_redash_has_the_variables_of_all(redash: list[Manifest]) -> None:
    wanted = {(name, str(value)) for name, value in read_values(REDASH_VALUES)["env"].items()}
    assert ("SQLALCHEMY_ENABLE_POOL_PRE_PING", "true") in wanted
    for name, template in pod_templates(redash).items():
        for container in containers(template):
            assert wanted <= {(v["name"], v.get("value")) for v in container["env"]}, name


def test_with_the_charts_own_secret_the_check_fails(redash_chart: Path) -> None:
    values = copy.deepcopy(read_values(REDASH_VALUES))
    del values["redash"]["existingSecret"]
    values["redash"] |= {"secretKey": "test", "cookieSecret": "test"}
    assert of_kind(render(redash_chart, "redash", values), "Secret")


def test_every_queue_of_redash_has_a_worker_and_one_scheduler_fills_them(
    redash: list[Manifest],
) -> None:
    queues: list[str] = []
    for template in pod_templates(redash).values():
        for container in containers(template):
            queues += [
                q for v in container["env"] if v["name"] == "QUEUES" for q in v["value"].split(",")
            ]
    assert sorted(queues) == sorted(
        ["queries", "scheduled_queries", "schemas", "periodic", "emails", "default"]
    )
    scheduler = of_kind(redash, "Deployment")["redash-scheduler"]["spec"]
    assert (scheduler["replicas"], scheduler["strategy"]["type"]) == (1, "Recreate")


def _ports(manifests: list[Manifest], labels: dict[str, str], direction: str) -> set[int]:
    rules = [
        rule
        for policy in of_kind(manifests, "NetworkPolicy").values()
        if selects(policy["spec"]["podSelector"], labels)
        for rule in policy["spec"].get(direction) or []
    ]
    assert all(rule.get("ports") for rule in rules)  # without, every port would be open
    return {port["port"] for rule in rules for port in rule["ports"]}


def test_the_network_lets_each_pod_do_its_work_and_no_more(dagster: list[Manifest]) -> None:
    names, postgresql, code_server, kubernetes = {53}, {5432}, {3030}, {443, 6443}
    alerts = {443, 465, 587}
    wanted: dict[str, tuple[set[int], set[int]]] = {
        "dagster-webserver": (names | postgresql | code_server | kubernetes, {3000}),
        "dagster-webserver-read-only": (names | postgresql | code_server, {3000}),
        "dagster-daemon": (names | postgresql | code_server | kubernetes, set()),
        "dagster-dagster-user-deployments-rfm-platform": (names | postgresql | alerts, {3030}),
        "oauth2-proxy": (names | {3000, 443}, {4180}),
    }
    found = {
        name: (
            _ports(dagster, template["metadata"]["labels"], "egress"),
            _ports(dagster, template["metadata"]["labels"], "ingress"),
        )
        for name, template in pod_templates(dagster).items()
    }
    assert found == wanted
    everything = of_kind(dagster, "NetworkPolicy")["default-deny"]["spec"]
    assert everything == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_what_one_policy_lets_in_another_lets_out(
    dagster: list[Manifest], redash: list[Manifest]
) -> None:
    """Between pods both ends must agree: half of a way is a hole, or does not work."""
    manifests = [*dagster, *redash]
    run = {"rfm-platform/role": "run"}
    pods = [run, *(t["metadata"]["labels"] for t in pod_templates(manifests).values())]
    policies = [policy["spec"] for policy in of_kind(manifests, "NetworkPolicy").values()]
    ways = 0
    for here, peers, there in (("ingress", "from", "egress"), ("egress", "to", "ingress")):
        for rule in (rule for policy in policies for rule in policy.get(here) or []):
            ports = {port["port"] for port in rule["ports"]}
            for peer in rule.get(peers) or []:
                if set(peer) == {"podSelector"}:
                    for labels in (p for p in pods if selects(peer["podSelector"], p)):
                        assert ports <= _ports(manifests, labels, there), (peer, here)
                        ways += 1
    assert ways > 5


def test_nobody_reaches_the_full_web_server_but_the_proxy_which_is_off(
    dagster: list[Manifest],
) -> None:
    templates = pod_templates(dagster)
    labels = templates["dagster-webserver"]["metadata"]["labels"]
    peers = [
        peer
        for policy in of_kind(dagster, "NetworkPolicy").values()
        if selects(policy["spec"]["podSelector"], labels)
        for rule in policy["spec"].get("ingress") or []
        for peer in rule["from"]
    ]
    assert all(set(peer) == {"podSelector"} for peer in peers)
    reached_from = {
        name
        for name, template in templates.items()
        if any(selects(peer["podSelector"], template["metadata"]["labels"]) for peer in peers)
    }
    assert reached_from == {"oauth2-proxy"}
    assert of_kind(dagster, "Deployment")["oauth2-proxy"]["spec"]["replicas"] == 0
