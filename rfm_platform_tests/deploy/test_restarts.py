"""Whom another setting or secret reaches: a pod reads its environment once, as it starts."""

import re
from pathlib import Path

import yaml

from rfm_platform_tests.deploy.charts import (
    ROOT,
    Manifest,
    containers,
    of_kind,
    pod_templates,
    render,
)
from rfm_platform_tests.deploy.conftest import DAGSTER_VALUES

SETTINGS = "rfm-settings"
# A comment that begins with what has changed, and the command below it.
RESTART = re.compile(r"^# ([\w-]+).*\nkubectl --namespace rfm rollout restart (.+)$", re.MULTILINE)


def _read(template: Manifest) -> set[str]:
    """The maps and Secrets that a pod's environment is made of and that have to be there."""
    names = set()
    for container in containers(template):
        for source in container.get("envFrom") or []:
            (reference,) = source.values()
            if not reference.get("optional"):
                names.add(reference["name"])
        for variable in container.get("env") or []:
            if "valueFrom" in variable:
                names.add(variable["valueFrom"]["secretKeyRef"]["name"])
    return names


def test_an_upgrade_with_another_setting_replaces_the_pods_that_read_it(
    dagster: list[Manifest], dagster_chart: Path
) -> None:
    text = DAGSTER_VALUES.read_text("utf-8")
    edited = text.replace("RFM_TIMEZONE: Asia/Jakarta", "RFM_TIMEZONE: Europe/Berlin")
    manifests = render(dagster_chart, "dagster", yaml.safe_load(edited))
    assert of_kind(manifests, "ConfigMap")[SETTINGS]["data"]["RFM_TIMEZONE"] == "Europe/Berlin"
    before, after = pod_templates(dagster), pod_templates(manifests)
    replaced = {name for name in before if before[name] != after[name]}
    assert replaced == {name for name in before if SETTINGS in _read(before[name])}
    assert len(replaced) == 2


def test_the_documented_restarts_are_of_those_who_read_what_has_changed(
    dagster: list[Manifest], redash: list[Manifest]
) -> None:
    manifests = [*dagster, *redash]
    readers: dict[str, set[str]] = {}
    for name, deployment in of_kind(manifests, "Deployment").items():
        for source in _read(deployment["spec"]["template"]):
            readers.setdefault(source, set()).add(f"deployment/{name}")
    # The chart's own maps are not for anybody to edit.
    for name in of_kind(manifests, "ConfigMap").keys() - {SETTINGS}:
        readers.pop(name, None)
    page = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    assert {name: set(named.split()) for name, named in RESTART.findall(page)} == readers
