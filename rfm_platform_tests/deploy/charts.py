"""The official charts, found on this machine, and what they render with the project's values.

Charts are not part of the repository. `RFM_CHARTS` (default ``~/.cache/rfm_platform/charts``) is
where ``dagster-*.tgz`` and ``redash-*.tgz`` are looked for; ``make charts`` puts them there. Where
one is missing, or Helm's library has no build for this platform, the tests are skipped and say
which.

Their value schemas point to Kubernetes' definitions on the internet. The same definitions come
with kubernetes-validate, so a copy of the chart gets them in, and Helm validates the values itself.
"""

import json
import os
import tarfile
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
REMOTE = "_definitions.json#/definitions/"
# Whose definitions the values are held against: the oldest at hand, the charts are older.
DEFINITIONS = "kubernetes-json-schema/v1.25.0-local/_definitions.json"
NAMESPACE = "rfm"
WARNING = 2  # Helm's number for it

Manifest = dict[str, Any]


def charts_directory() -> Path:
    """Where charts are looked for."""
    return Path(os.environ.get("RFM_CHARTS", "~/.cache/rfm_platform/charts")).expanduser()


def need_chart(name: str, into: Path) -> Path:
    """A copy of the newest chart of that name which needs no network; skips when there is none."""
    pytest.importorskip("helm_python", reason="RUNG 1 DID NOT RUN: no Helm library here")
    found = sorted(charts_directory().glob(f"{name}-[0-9]*.tgz"), key=lambda p: p.stat().st_mtime)
    if not found:
        pytest.skip(
            f"RUNG 1 DID NOT RUN for {name}: no {name}-*.tgz in {charts_directory()}. "
            "`make charts` downloads it; RFM_CHARTS names another directory."
        )
    with tarfile.open(found[-1]) as archive:
        archive.extractall(into, filter="data")
    chart = into / name
    for schema in chart.rglob("values.schema.json"):
        schema.write_text(_without_network(schema.read_text("utf-8")), "utf-8")
    # A chart from its repository may name sub-charts that were not fetched with it. They are
    # switched off; Helm only renders what is there.
    for listed in chart.glob("requirements.*"):
        if not (chart / "charts").exists():
            listed.unlink()
    return chart


def _without_network(text: str) -> str:
    schema = json.loads(text)
    if REMOTE not in text:
        return text
    definitions = json.loads(files("kubernetes_validate").joinpath(DEFINITIONS).read_text("utf-8"))

    def localize(node: Any) -> Any:
        if isinstance(node, dict):
            return {
                key: f"#/$defs/{value.partition(REMOTE)[2]}"
                if key == "$ref" and REMOTE in value
                else localize(value)
                for key, value in node.items()
            }
        return [localize(each) for each in node] if isinstance(node, list) else node

    schema = localize(schema)
    schema["$defs"] = definitions["$defs"] | schema.get("$defs", {})
    return json.dumps(schema)


@cache
def read_values(path: Path) -> dict[str, Any]:
    """A values file of the project."""
    values: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return values


def render_texts(chart: Path, release: str, values: dict[str, Any]) -> dict[str, str]:
    """What each template of a chart gives, as text. Helm validates the values by the schema."""
    import helm_python as helm  # noqa: PLC0415 - not on every platform

    # Anew each time: a chart that was rendered keeps what its sub-charts were given.
    with helm.Chart.load(chart) as loaded:
        rendered: dict[str, str] = loaded.render(values, name=release, namespace=NAMESPACE)
    return {name: text for name, text in rendered.items() if not name.endswith("NOTES.txt")}


def render(chart: Path, release: str, values: dict[str, Any]) -> list[Manifest]:
    """What `helm template` gives, hooks included."""
    texts = render_texts(chart, release, values).values()
    return [m for text in texts for m in yaml.safe_load_all(text) if m]


def lint_messages(chart: Path, values: dict[str, Any]) -> list[str]:
    """What `helm lint --strict` objects to."""
    import helm_python as helm  # noqa: PLC0415

    found = helm.lint(chart, values, strict=True, namespace=NAMESPACE)
    messages: list[str] = [m["error"] for m in found["messages"] if m["severity"] >= WARNING]
    return messages + [str(error) for error in found["errors"]]


def of_kind(manifests: list[Manifest], *kinds: str) -> dict[str, Manifest]:
    """Manifests of some kinds, by name."""
    return {m["metadata"]["name"]: m for m in manifests if m["kind"] in kinds}


def pod_templates(manifests: list[Manifest]) -> dict[str, Manifest]:
    """The pod template of each workload, by the workload's name."""
    workloads = of_kind(manifests, "Deployment", "StatefulSet", "DaemonSet", "Job")
    return {name: workload["spec"]["template"] for name, workload in workloads.items()}


def containers(template: Manifest) -> list[Manifest]:
    """All containers of a pod, those that run before the others too."""
    spec = template["spec"]
    return [*(spec.get("initContainers") or []), *spec["containers"]]
