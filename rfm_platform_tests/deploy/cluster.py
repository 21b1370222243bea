"""What `make test-cluster` installs beside Dagster's chart: a database that may be thrown away.

Redash's chart and its queue are in `cluster_redash.py`.
"""

import copy
import datetime as dt
from collections.abc import Sequence
from typing import Any

from rfm_platform_tests.deploy.charts import Manifest, read_values
from rfm_platform_tests.deploy.conftest import DAGSTER_VALUES

DATABASES = ("dagster", "mart", "warehouse")
POSTGRES = "rfm-test-postgres"
DAY = dt.date(2024, 12, 31)
TMP = "/tmp"  # noqa: S108 - in a pod, where it is an emptyDir of its own
PASSWORD = "not a secret: trust"  # noqa: S105 - the server asks for none


def url(database: str) -> str:
    """A database of that server, as pods see it."""
    return f"postgresql://rfm@{POSTGRES}:5432/{database}"


def postgres(image: str, databases: Sequence[str] = DATABASES) -> list[Manifest]:
    """A PostgreSQL from the platform's own image, in memory: gone with its pod."""
    labels = {"app": POSTGRES}
    create = " ".join(f"$bin/createdb -h /tmp -U rfm {name};" for name in databases)
    script = (
        "set -e; bin=$(dirname $(readlink -f $(command -v pg_dump))); "
        "$bin/initdb -D /tmp/data -U rfm -A trust; "
        "echo 'host all all all trust' >> /tmp/data/pg_hba.conf; "
        f"(until $bin/pg_isready -h /tmp; do sleep 1; done; {create} touch /tmp/ready) & "
        "exec $bin/postgres -D /tmp/data -k /tmp -h 0.0.0.0 -p 5432"
    )
    values = read_values(DAGSTER_VALUES)["dagsterWebserver"]
    container = {
        "name": "postgres",
        "image": image,
        "command": ["sh", "-c", script],
        "ports": [{"containerPort": 5432}],
        "readinessProbe": {"exec": {"command": ["test", "-e", f"{TMP}/ready"]}},
        "securityContext": values["securityContext"],
        "resources": values["resources"],
        "volumeMounts": [{"name": "tmp", "mountPath": TMP}],
    }
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": POSTGRES},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "automountServiceAccountToken": False,
                        "securityContext": values["podSecurityContext"],
                        "containers": [container],
                        "volumes": [{"name": "tmp", "emptyDir": {}}],
                    },
                },
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": POSTGRES},
            "spec": {"selector": labels, "ports": [{"port": 5432}]},
        },
        network_policy(POSTGRES, labels, ingress=[{"ports": [{"protocol": "TCP", "port": 5432}]}]),
    ]


def network_policy(name: str, labels: dict[str, str], **rules: list[Manifest]) -> Manifest:
    """What the pods with these labels may: `ingress`, `egress`, or both."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {
            "podSelector": {"matchLabels": labels},
            "policyTypes": [kind.capitalize() for kind in rules],
            **rules,
        },
    }


def visitor(name: str, image: str, *command: str) -> Manifest:
    """A pod that runs a command beside the chart, once; its label `app` is its name."""
    spec = postgres(image)[0]["spec"]["template"]["spec"]
    container = spec["containers"][0] | {"name": "visitor", "command": command}
    for key in ("readinessProbe", "ports"):
        del container[key]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": spec | {"restartPolicy": "Never", "containers": [container]},
    }


def secrets() -> list[Manifest]:
    """The Secrets that the values name."""
    texts = {
        "dagster-postgresql": {"postgresql-password": PASSWORD},
        "rfm-databases": {"RFM_SOURCE_URL": url("mart"), "RFM_WAREHOUSE_URL": url("warehouse")},
        "rfm-alerts": {"RFM_ALERT_URLS": ""},
        "oauth2-proxy": {"client-id": "", "client-secret": "", "cookie-secret": ""},
    }
    return [secret(name, data) for name, data in texts.items()]


def secret(name: str, texts: dict[str, str]) -> Manifest:
    """A Secret as `kubectl apply` takes it."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "type": "Opaque",
        "stringData": texts,
    }


def run_resources() -> Manifest:
    """What a run is given: less than production gives."""
    return {
        "requests": {"cpu": "250m", "memory": "1Gi", "ephemeral-storage": "1Gi"},
        "limits": {"cpu": "2", "memory": "1Gi", "ephemeral-storage": "10Gi"},
    }


def values_for(image: str, storage_class: str | None, namespace: str = "rfm") -> dict[str, Any]:
    """The project's values, with what a test cluster has in the place of yours.

    Args:
        image: what `make image` built and the cluster can pull.
        storage_class: None: the default one, on one node.
        namespace: names what is the cluster's and not a namespace's, the class of priority.
    """
    repository, _, tag = image.rpartition(":")
    registry, _, name = repository.partition("/")
    values = copy.deepcopy(read_values(DAGSTER_VALUES))
    own = {"repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"}
    for owner in (
        values["dagsterWebserver"],
        values["dagsterDaemon"],
        values["pipelineRun"],
        values["dagster-user-deployments"]["deployments"][0],
    ):
        owner["image"] = own
    # The cluster may be one small node, and an upgrade needs room for a pod more.
    for owner in (
        values["dagsterWebserver"],
        values["dagsterDaemon"],
        values["dagster-user-deployments"]["deployments"][0],
    ):
        owner["resources"]["requests"]["cpu"] = "50m"
    values["postgresql"] |= {
        "postgresqlHost": POSTGRES,
        "postgresqlUsername": "rfm",
        "postgresqlParams": {},
    }
    values["postgresql"]["image"] = {
        "registry": registry,
        "repository": name,
        "tag": tag,
        "pullPolicy": "IfNotPresent",
    }
    # The test does not wait as long as production may.
    values["dagsterDaemon"]["runMonitoring"] |= {
        "pollIntervalSeconds": 5,
        "freeSlotsAfterRunEndSeconds": 5,
    }
    launcher = values["runLauncher"]["config"]["k8sRunLauncher"]
    launcher["resources"] = run_resources()
    priority = f"rfm-runs-{namespace}"
    launcher["runK8sConfig"]["podSpecConfig"]["priorityClassName"] = priority
    for manifest in values["extraManifests"]:
        _for_a_test(manifest, storage_class)
        if manifest["kind"] == "PriorityClass":
            manifest["metadata"]["name"] = priority
    return values


def _for_a_test(manifest: Manifest, storage_class: str | None) -> None:
    if manifest["kind"] == "PersistentVolumeClaim":
        spec = manifest["spec"]
        del manifest["metadata"]["annotations"]
        spec["resources"]["requests"]["storage"] = "1Gi"
        if storage_class is None:
            del spec["storageClassName"]
            spec["accessModes"] = ["ReadWriteOnce"]
        else:
            spec["storageClassName"] = storage_class
    if manifest["kind"] == "ConfigMap":
        manifest["data"] |= {
            "RFM_START_DATE": str(DAY),
            "RFM_END_DATE": str(DAY),
            "RFM_SCHEDULES": "false",
            "RFM_THREADS": "2",
        }
    if manifest["kind"] == "NetworkPolicy":
        for rule in manifest["spec"].get("egress") or []:
            for peer in rule.get("to") or []:
                if "ipBlock" in peer:
                    peer["ipBlock"] = {"cidr": "0.0.0.0/0"}
