"""What can be said of the deployment's files without any chart."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from dagster._config import process_config
from dagster._core.instance.config import dagster_instance_config_schema

from rfm_platform_tests.deploy.charts import ROOT
from rfm_platform_tests.deploy.conftest import DAGSTER_VALUES, REDASH_VALUES

DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
SECRETS = list(yaml.safe_load_all((ROOT / "deploy" / "secrets.example.yaml").read_text("utf-8")))


def _references(node: Any) -> set[tuple[str, str | None]]:
    """Every Secret that a values file names, with the key where it names one."""
    if isinstance(node, list):
        return {found for each in node for found in _references(each)}
    if not isinstance(node, dict):
        return set()
    found = {found for each in node.values() for found in _references(each)}
    for key, value in node.items():
        if key in {"secretKeyRef", "externalPostgreSQLSecret", "externalRedisSecret"}:
            found.add((value["name"], value["key"]))
        if key in {"secretRef", "envSecrets"}:
            found |= {(v["name"], None) for v in (value if isinstance(value, list) else [value])}
        if key == "postgresqlSecretName":
            found.add((value, "postgresql-password"))
        if key == "existingSecret":
            found |= {(value, "secretKey"), (value, "cookieSecret")}
    return found


@pytest.mark.parametrize("secret", SECRETS, ids=lambda s: s["metadata"]["name"])
def test_an_example_of_a_secret_is_refused_as_it_is_and_accepted_when_filled(
    secret: dict[str, Any],
) -> None:
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(secret, "1.37", strict=True)
    filled = secret | {"stringData": dict.fromkeys(secret["stringData"], "a value")}
    kubernetes_validate.validate(filled, "1.37", strict=True)


def test_every_secret_that_the_values_name_is_in_the_example() -> None:
    keys = {secret["metadata"]["name"]: set(secret["stringData"]) for secret in SECRETS}
    named: set[str] = set()
    for path in (DAGSTER_VALUES, REDASH_VALUES):
        for name, key in _references(yaml.safe_load(path.read_text("utf-8"))):
            assert name in keys, (path.name, name)
            assert key is None or key in keys[name], (path.name, name, key)
            named.add(name)
    assert named == set(keys)


@pytest.mark.parametrize("path", [DAGSTER_VALUES, REDASH_VALUES], ids=lambda p: p.name)
def test_no_value_is_a_password(path: Any) -> None:
    text = path.read_text("utf-8")
    assigned = re.findall(
        r"(?im)^\s*\w*(?:password|secretkey|cookiesecret)(?!ref)\w*:[ ]*([^\s#]*)", text
    )
    assert set(assigned) <= {'""', "false"}
    assert not re.search(r"://[^/\s:@]+:[^/\s@]+@", text)


def test_the_configuration_of_a_machine_is_what_dagster_reads() -> None:
    config = yaml.safe_load((ROOT / "dagster.yaml").read_text("utf-8"))
    processed = process_config(dagster_instance_config_schema(), config)
    assert processed.success, processed.errors
    # Otherwise what takes over from a killed run waits for its place in the pool for ever.
    assert config["run_monitoring"]["free_slots_after_run_end_seconds"] > 0


# -------------------------------------------------------------------------------- Dockerfile


@pytest.mark.parametrize("name", ["Dockerfile", "spark.Dockerfile"])
def test_hadolint_has_nothing_to_say(name: str) -> None:
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which(
        "hadolint"
    )
    if program is None:
        pytest.skip("RUNG 1 DID NOT RUN for the Dockerfile's lint: no hadolint for this platform")
    done = subprocess.run(
        [program, "--failure-threshold", "style", ROOT / "deploy" / name],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def _stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage: a word and its arguments, comments and line ends gone."""
    lines = [line for line in DOCKERFILE.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    instructions = [line.split(None, 1) for line in joined.splitlines() if line.strip()]
    stages: list[list[tuple[str, str]]] = []
    for word, arguments in instructions:
        if word == "FROM":
            stages.append([])
        if stages:
            stages[-1].append((word, arguments.strip()))
    return stages


def test_the_dockerfile_keeps_the_build_out_of_the_image() -> None:
    build, final = _stages()
    assert {word for word, _ in final} <= {
        *("FROM", "ARG", "LABEL", "RUN", "COPY", "ENV", "WORKDIR", "USER", "EXPOSE"),
        *("HEALTHCHECK", "CMD"),
    }
    assert all(arguments.startswith("--from=build ") for word, arguments in final if word == "COPY")
    assert not any("pip install" in arguments for word, arguments in final if word == "RUN")
    installs = [a for word, a in build if word == "RUN" and "pip install" in a]
    assert installs
    for command in installs:
        assert command.count("pip install") == command.count("--require-hashes")


def test_the_dockerfile_ends_as_a_numbered_user_that_is_not_root() -> None:
    *_, final = _stages()
    users = [arguments for word, arguments in final if word == "USER"]
    assert users == ["10001:10001"]
    after = [word for word, _ in final][[word for word, _ in final].index("USER") :]
    assert "RUN" not in after
    pod = yaml.safe_load(DAGSTER_VALUES.read_text("utf-8"))["dagsterWebserver"][
        "podSecurityContext"
    ]
    assert users == [f"{pod['runAsUser']}:{pod['runAsGroup']}"]


def test_the_dockerfile_takes_nothing_unnamed_and_holds_no_secret() -> None:
    for stage in _stages():
        for word, arguments in stage:
            assert word != "ADD"
            if word == "COPY":
                assert "." not in shlex.split(arguments)[:-1]
            if word in {"ENV", "ARG"}:
                assert not re.search(r"(?i)password|secret|token", arguments)
    assert not re.search(r":latest\b|curl[^|]*\|\s*(ba)?sh", DOCKERFILE)


def test_the_builder_is_sent_what_the_dockerfile_copies_and_nothing_else() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert "*" in ignored
    sent = {line[1:] for line in ignored if line.startswith("!")}
    build, _ = _stages()
    copied = {s for w, a in build if w == "COPY" for s in shlex.split(a)[:-1]}
    spark = (ROOT / "deploy" / "spark.Dockerfile").read_text("utf-8")
    copied |= {s for a in re.findall(r"^COPY (.+)", spark, re.MULTILINE) for s in a.split()[:-1]}
    assert sent == copied


def test_what_runs_in_the_image_is_what_is_tested() -> None:
    """The lock file of the image has the versions and hashes of the one that tests run with."""

    def pins(name: str) -> dict[str, str]:
        text = (ROOT / name).read_text("utf-8")
        return dict(
            re.findall(r"^([\w.-]+==[^\s\\;]+)[^\n]*\\\n((?:    --hash=.*\n)+)", text, re.MULTILINE)
        )

    runtime, everything = pins("requirements-runtime.lock"), pins("requirements.lock")
    assert len(runtime) > 50
    for pin, hashes in runtime.items():
        assert everything[pin].split() == hashes.split(), pin
