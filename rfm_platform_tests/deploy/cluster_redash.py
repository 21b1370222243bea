"""What `make test-cluster` installs for Redash's chart: a queue, secrets, an empty database.

The database is one more of the server in `cluster.py`. Images: `REDASH_IMAGE` (registry/name:tag,
default what the values name) and `REDIS_IMAGE`. A cluster that cannot pull one of them shows
nothing of Redash, and the table says so.
"""

import copy
import json
import os
from typing import Any

from rfm_platform_tests.deploy.charts import ROOT, Manifest, read_values
from rfm_platform_tests.deploy.cluster import TMP, url
from rfm_platform_tests.deploy.conftest import REDASH_VALUES
from rfm_platform_tests.deploy.documented import documented_commands

DATABASE = "redash"
QUEUE = "rfm-test-redis"
REDIS_USER = 999  # of the official image
PROBE = "rfm-test-images"
RESOURCES = {
    "requests": {"cpu": "50m", "memory": "64Mi"},
    "limits": {"cpu": "500m", "memory": "256Mi"},
}


def images() -> tuple[str, str]:
    """Redash's image and Redis's."""
    own = read_values(REDASH_VALUES)["image"]
    chosen = os.environ.get("REDASH_IMAGE") or f"{own['registry']}/{own['repo']}:{own['tag']}"
    return chosen, os.environ.get("REDIS_IMAGE") or "docker.io/library/redis:7.2"


def _pod(name: str, container: Manifest, user: int) -> Manifest:
    """A pod of one container, as the restricted standard wants it."""
    values = read_values(REDASH_VALUES)["server"]
    own = {
        "name": name,
        "resources": RESOURCES,
        "securityContext": values["securityContext"],
        "volumeMounts": [{"name": "tmp", "mountPath": TMP}],
    }
    return {
        "automountServiceAccountToken": False,
        "securityContext": values["podSecurityContext"] | {"runAsUser": user, "runAsGroup": user},
        "containers": [own | container],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }


def probe(image: str, name: str) -> Manifest:
    """A pod that ends at once: whether a node can have the image."""
    container = {"image": image, "command": ["true"]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{PROBE}-{name}", "labels": {"app": f"{PROBE}-{name}"}},
        "spec": _pod("probe", container, 1000) | {"restartPolicy": "Never"},
    }


def redis(image: str) -> list[Manifest]:
    """A Redis that keeps nothing."""
    labels = {"app": QUEUE}
    container = {
        "image": image,
        "command": [
            *("redis-server", "--save", "", "--appendonly", "no", "--dir", TMP),
            # Off already in the official image, not in a distribution's.
            *("--protected-mode", "no"),
        ],
        "ports": [{"containerPort": 6379}],
        "readinessProbe": {"exec": {"command": ["redis-cli", "ping"]}},
    }
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": QUEUE},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": _pod("redis", container, REDIS_USER),
                },
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": QUEUE},
            "spec": {"selector": labels, "ports": [{"port": 6379}]},
        },
    ]


def texts() -> dict[str, str]:
    """The Secret of the chart: every key that it reads."""
    return {
        "secretKey": "of the test",
        "cookieSecret": "of the test",
        "databaseUrl": url(DATABASE),
        "redisUrl": f"redis://{QUEUE}:6379/0",
        "googleClientSecret": "",
        "ldapBindDnPassword": "",
        "mailPassword": "",
    }


def values_for(image: str) -> dict[str, Any]:
    """The project's values, with the image to be tried and requests that fit a small node."""
    values = copy.deepcopy(read_values(REDASH_VALUES))
    name, _, tag = image.rpartition(":")
    registry, _, repository = name.partition("/")
    values["image"] |= {"registry": registry, "repo": repository, "tag": tag}
    for owner in ("server", "worker", "scheduler", "migrations"):
        values[owner]["resources"]["requests"] = {"cpu": "50m", "memory": "256Mi"}
    # Where the cluster's own addresses are, nobody here knows; and against such requests any start
    # is a load that would fill the node.
    values["extraObjects"] = [
        text.replace("10.0.0.0/8", "0.0.0.0/0").replace("maxReplicas: 6", "maxReplicas: 2")
        for text in values["extraObjects"]
    ]
    return values


def upgrade_command(namespace: str, image: str) -> list[str]:
    """The upgrade of the schema, as docs/deployment.md has it, for this namespace and image."""
    text = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    (words,) = [list(c.words) for c in documented_commands(text) if "redash-upgrade" in c.words]
    words[words.index("--namespace") + 1] = namespace
    (documented,) = {word.partition("=")[2] for word in words if word.startswith("--image=")}
    return [word.replace(documented, image) for word in words]


def upgrade_pod(command: list[str]) -> Manifest:
    """The pod that `kubectl run` makes of the command: its overrides over what it generates."""
    options = dict(
        w.removeprefix("--").split("=", 1) for w in command if w.startswith("--") and "=" in w
    )
    overrides = json.loads(options["overrides"])
    labels = dict(pair.split("=", 1) for pair in options["labels"].split(","))
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "redash-upgrade", "labels": labels},
        "spec": {"restartPolicy": options["restart"], **overrides["spec"]},
    }
