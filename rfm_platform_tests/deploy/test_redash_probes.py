"""When a worker of Redash counts as alive: the probe's own command, over what `rq info` prints."""

import os
import subprocess
from pathlib import Path

import pytest

from rfm_platform_tests.deploy.charts import Manifest, containers, pod_templates, read_values
from rfm_platform_tests.deploy.conftest import REDASH_VALUES

# As rq 1.16 prints them.
OWN = "worker 1d8b (adhoc-7 10.244.0.249:33252 7) idle queries. jobs: 0 finished, 0 failed"
SECOND = "worker bc30 (adhoc-7 10.244.0.249:33264 8) idle queries. jobs: 0 finished, 0 failed"
OTHERS = "worker 3402 (adhoc-71 10.244.0.250:33608 7) idle queries. jobs: 0 finished, 0 failed"


@pytest.mark.parametrize(
    ("listed", "alive"),
    [
        ([OWN, SECOND], True),
        ([OWN, SECOND, OTHERS], True),
        ([OWN], False),
        ([OWN, OTHERS], False),
        ([OTHERS, OTHERS], False),
        ([], False),
    ],
)
def test_a_pod_lives_while_its_own_workers_do(
    tmp_path: Path, listed: list[str], alive: bool
) -> None:
    asked = tmp_path / "asked"
    rq = tmp_path / "rq"
    said = "\n".join(listed)
    rq.write_text(f"#!/bin/sh\necho \"$@\" > {asked}\ncat <<'E'\n{said}\nE\n", "utf-8")
    rq.chmod(0o755)
    command = read_values(REDASH_VALUES)["worker"]["livenessProbe"]["exec"]["command"]
    variables = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "REDASH_REDIS_URL": "redis://queue:6379/0",
        "QUEUES": "queries,schemas",
        "HOSTNAME": "adhoc-7",
        "WORKERS_COUNT": "2",
    }
    assert (subprocess.run(command, env=variables, check=False).returncode == 0) is alive
    assert asked.read_text("utf-8").split() == [
        *("info", "--url", "redis://queue:6379/0", "--only-workers", "--raw"),
        *("queries", "schemas"),
    ]


def test_every_worker_has_what_its_probe_asks_for(redash: list[Manifest]) -> None:
    workers = [
        container
        for template in pod_templates(redash).values()
        for container in containers(template)
        if "WORKERS_COUNT" in str(container.get("livenessProbe"))
    ]
    assert len(workers) == 3
    for container in workers:
        given = {variable["name"] for variable in container["env"]}
        assert {"QUEUES", "WORKERS_COUNT", "REDASH_REDIS_URL"} <= given
