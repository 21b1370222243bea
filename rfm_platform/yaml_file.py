"""Reading a YAML file that people edit: what is wrong with it is said in their words."""

from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rfm_platform.errors import PlatformError

M = TypeVar("M", bound=BaseModel)
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """The safe one, but dates stay text: whoever knows their key can say which does not exist.

    A key that is there twice is refused, as YAML has it: the safe one keeps the last.
    """

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        first: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            line = key.start_mark.line + 1
            if (key.tag, key.value) in first:
                earlier = first[key.tag, key.value]
                raise yaml.YAMLError(f"line {line} repeats the key {key.value} of line {earlier}")
            first[key.tag, key.value] = line
        return node


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_yaml(source: Path | Traversable, error: type[PlatformError]) -> Any:
    """What a file holds, dates as they are written.

    Raises:
        PlatformError: the given one, if it cannot be read, is no text or no YAML.
    """
    try:
        return yaml.load(source.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - safe
    except OSError as cause:
        raise error(f"{source}: {cause.strerror}") from None
    except UnicodeDecodeError:
        raise error(f"{source} is no UTF-8 text") from None
    except (yaml.YAMLError, ValueError) as cause:
        raise error(f"{source} is no YAML: {cause}") from None


def as_model(content: Any, model: type[M], source: object, error: type[PlatformError]) -> M:
    """A file's content as a model.

    Raises:
        PlatformError: the given one, with everything that is wrong: in which entry, where, what.
    """
    try:
        return model.model_validate(content)
    except ValidationError as found:
        problems = "; ".join(_problem(each, content) for each in found.errors())
    # Not from within: an error that remembers pydantic's is in a circle that Python cannot collect,
    # with the frames of all callers and what they have open.
    raise error(f"{source}: {problems}")


def _problem(detail: ErrorDetails, content: Any) -> str:
    place = ".".join(map(str, detail["loc"])) or "the file"
    if detail["type"] == "model_type":
        message = "must be keys with their values, key: value"
    else:
        message = detail["msg"].removeprefix("Value error, ")
    return ": ".join([*_entry_at(detail["loc"], content), place, message])


def _entry_at(place: tuple[int | str, ...], content: Any) -> list[str]:
    """The name of the list's entry that a place lies in, where it has one."""
    for key in place:
        try:
            content = content[key]
        except (KeyError, IndexError, TypeError):
            return []
        if isinstance(key, int) and isinstance(content, dict):
            name = content.get("name")
            return [name] if isinstance(name, str) and name else []
    return []
