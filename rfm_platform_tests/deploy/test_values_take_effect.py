"""Every value of ours changes what its chart renders: one that no template reads does nothing."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rfm_platform_tests.deploy.charts import need_chart, read_values, render_texts
from rfm_platform_tests.deploy.conftest import DAGSTER_VALUES, REDASH_VALUES

# A place in the values, by keys and indices.
Place = tuple[str | int, ...]

VALUES = {"dagster": DAGSTER_VALUES, "redash": REDASH_VALUES}
# Manifests of our own, which the charts write as they stand.
VERBATIM = ("extraManifests", "extraObjects")
# Without effect, and meant so.
INERT: dict[str, dict[Place, str]] = {
    "dagster": {
        ("ingress", "enabled"): "only with a cluster does Helm know of ingresses",
        ("postgresql", "postgresqlPassword"): "without the Secret it would be the word `test`",
    },
    "redash": {
        ("redash", "secretKey"): "without the Secret it would be the word `test`",
        ("redash", "cookieSecret"): "without the Secret it would be the word `test`",
    },
}


def _places(node: Any, above: Place = ()) -> Iterator[Place]:
    """Where scalars stand, and maps and lists that are empty."""
    if isinstance(node, dict | list) and node:
        for key, each in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _places(each, (*above, key))
    else:
        yield above


def _marked(node: Any, marks: dict[str, Place], above: Place = ()) -> Any:
    """The values, each text and number with one of its own, by which `marks` has its place."""
    match node:
        case dict():
            return {key: _marked(each, marks, (*above, key)) for key, each in node.items()}
        case list():
            return [_marked(each, marks, (*above, key)) for key, each in enumerate(node)]
        case bool() | None:
            return node
    mark = str(10**9 + len(marks))
    marks[mark] = above
    return f"{node}-{mark}" if isinstance(node, str) else int(mark)


def _other(value: Any) -> Any:
    """Another value of the same type."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return f"{value}-other"
        case list():
            return [{"name": "other"}]
        case dict():
            return {"other": "other"}
    return 7


def _with_another(text: str, place: Place) -> dict[str, Any]:
    """The values, all of them but one."""
    values: dict[str, Any] = json.loads(text)
    node: Any = values
    *above, last = place
    for key in above:
        node = node[key]
    node[last] = _other(node[last])
    return values


def _rendered(chart: Path, values: dict[str, Any]) -> str:
    """Without checksums, which are of values that nobody may read otherwise."""
    texts = render_texts(chart, chart.name, values)
    return re.sub(r"checksum/\S+: \w+", "", "\n".join(texts[name] for name in sorted(texts)))


@pytest.mark.parametrize("name", VALUES)
def test_every_value_changes_what_is_rendered(name: str, tmp_path: Path) -> None:
    chart = need_chart(name, tmp_path)
    for schema in chart.rglob("values.schema.json"):
        schema.unlink()  # it would refuse another value before a template reads it
    ours = {key: each for key, each in read_values(VALUES[name]).items() if key not in VERBATIM}
    text = json.dumps(ours)  # without YAML's anchors: each place by itself
    expected = _rendered(chart, ours)

    def renders_alike(place: Place) -> bool:
        import helm_python as helm  # noqa: PLC0415 - not on every platform

        try:
            return _rendered(chart, _with_another(text, place)) == expected
        except helm.HelmRenderError:  # somebody reads it
            return False

    # Most are seen at once; the others, which choose what is rendered, take a rendering each.
    marks: dict[str, Place] = {}
    marked = _rendered(chart, _marked(ours, marks))
    seen = {place for mark, place in marks.items() if mark in marked}
    inert = {place for place in _places(ours) if place not in seen and renders_alike(place)}
    assert inert == set(INERT[name])
