"""What a pod must be like, as functions that say what is wrong with it.

The restricted pod security standard (kubernetes.io/docs/concepts/security/pod-security-standards)
rule by rule, and what the project adds: resources and probes on everything.
"""

from typing import Any

from rfm_platform_tests.deploy.charts import Manifest, containers

RESTRICTED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
HOST = ("hostNetwork", "hostPID", "hostIPC")


def not_restricted(template: Manifest) -> list[str]:
    """Where a pod template breaks the restricted standard."""
    spec = template["spec"]
    pod = spec.get("securityContext") or {}
    wrong = [f"pod: {name}" for name in HOST if spec.get(name)]
    for volume in spec.get("volumes") or []:
        kinds = set(volume) - {"name"}
        if not kinds <= RESTRICTED_VOLUMES:
            wrong.append(f"volume {volume['name']}: {sorted(kinds)}")
    for container in containers(template):
        own: dict[str, Any] = container.get("securityContext") or {}
        name = container["name"]
        effective = pod | own
        if effective.get("runAsNonRoot") is not True or effective.get("runAsUser") == 0:
            wrong.append(f"{name}: may run as root")
        if (effective.get("seccompProfile") or {}).get("type") not in {
            "RuntimeDefault",
            "Localhost",
        }:
            wrong.append(f"{name}: no seccomp profile")
        if own.get("allowPrivilegeEscalation") is not False:
            wrong.append(f"{name}: may escalate")
        capabilities = own.get("capabilities") or {}
        if capabilities.get("drop") != ["ALL"] or capabilities.get("add"):
            wrong.append(f"{name}: keeps capabilities")
        if own.get("privileged"):
            wrong.append(f"{name}: privileged")
        wrong += [
            f"{name}: host port" for port in container.get("ports") or [] if port.get("hostPort")
        ]
    return wrong


def without_bounds(template: Manifest) -> list[str]:
    """Containers that do not say how much processor and memory they need and may have."""
    return [
        f"{container['name']}: {kind} of {what}"
        for container in containers(template)
        for kind in ("requests", "limits")
        for what in ("cpu", "memory")
        if what not in ((container.get("resources") or {}).get(kind) or {})
    ]


def literal_secrets(template: Manifest) -> list[str]:
    """Variables whose name says that they are secret and whose value stands there."""
    words = ("PASSWORD", "SECRET", "TOKEN", "_KEY", "DATABASE_URL", "REDIS_URL", "_PG_URL")
    return [
        f"{container['name']}: {variable['name']}"
        for container in containers(template)
        for variable in container.get("env") or []
        if any(word in variable["name"] for word in words) and "value" in variable
    ]


def selects(selector: Manifest, labels: dict[str, str]) -> bool:
    """Whether a label selector matches; an empty one matches everything."""
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    for expression in selector.get("matchExpressions") or []:
        assert expression["operator"] == "In", expression
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return True
