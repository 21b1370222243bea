"""The pod that people call `rfm` in has what runs have, and no more."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from rfm_platform.automation.jobs import DAILY_JOB
from rfm_platform_tests.deploy.charts import ROOT, Manifest, containers
from rfm_platform_tests.deploy.policies import literal_secrets, not_restricted, without_bounds
from rfm_platform_tests.deploy.test_run_pods import instance_config, launch_run

__all__ = ["instance_config"]

POD: Manifest = yaml.safe_load((ROOT / "deploy" / "command.yaml").read_text("utf-8"))
# Dagster's configuration: a run is handed it as it starts.
CONFIGURATION = "dagster-instance"
# Where a run's pod differs by its nature: it ends, it is one of several, Dagster names it.
OF_RUNS = {"terminationGracePeriodSeconds", "topologySpreadConstraints", "priorityClassName"}


@pytest.mark.parametrize("version", ["1.25", "1.37"])
def test_kubernetes_takes_it_restricted_and_bounded(version: str) -> None:
    kubernetes_validate.validate(POD, version, strict=True)
    assert not not_restricted(POD)
    assert not without_bounds(POD)
    assert not literal_secrets(POD)


def test_it_has_what_a_run_has(instance_config: dict[str, Any], tmp_path: Path) -> None:
    run = launch_run(instance_config, tmp_path, DAILY_JOB)["spec"]["template"]
    label = "rfm-platform/role"
    assert POD["metadata"]["labels"] == {label: run["metadata"]["labels"][label]}
    ours, theirs = dict(POD["spec"]), dict(run["spec"])
    (our_container,), (their_container,) = containers(POD), containers(run)
    for part in ("image", "resources", "securityContext"):
        assert our_container[part] == their_container[part], part
    for part in ("envFrom", "volumeMounts"):
        assert by_text(our_container[part]) == by_text(their_container[part]), part
    assert by_text(ours.pop("volumes")) == by_text(theirs.pop("volumes"))
    passwords = [each for each in their_container["env"] if "valueFrom" in each]
    assert our_container["env"] == passwords
    assert ours.pop("activeDeadlineSeconds") > 0, "nobody has to remember it"
    assert theirs.pop("imagePullSecrets") == []
    for spec in (ours, theirs):
        del spec["containers"]
    assert ours == {part: theirs[part] for part in theirs.keys() - OF_RUNS}


def by_text(things: list[Any]) -> list[str]:
    """In one order, without the configuration."""
    sorted_things = [
        dict(sorted(each.items())) for each in things if each.get("name") != CONFIGURATION
    ]
    return sorted(map(repr, sorted_things))
