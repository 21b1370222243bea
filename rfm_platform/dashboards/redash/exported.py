"""The files of an export: written where none is yet, once it is known that they can be loaded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from rfm_platform.dashboards.redash.declaration import (
    Declaration,
    DeclarationError,
    load_declaration,
)
from rfm_platform.dashboards.redash.wanted import Address
from rfm_platform.redash import RedashError


@dataclass
class Export:
    """What is written.

    Attributes:
        queries: by key, as YAML holds them, but for `sql`.
        dashboards: by key.
        numbers: Redash's number of each object.
        notes: what could not be taken along as it is.
    """

    queries: dict[str, dict[str, Any]] = field(default_factory=dict)
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)
    numbers: dict[Address, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def write(self, directory: Path, name: str) -> Declaration:
        """Writes `<name>.yaml` and each query's `.sql` into a directory.

        Returns:
            What the directory declares then, beside what comes along.

        Raises:
            RedashError: one of the files is there already, or they could not be loaded (nothing is
                written then), or the directory cannot be written.
        """
        texts = self._texts(f"{name}.yaml")
        try:
            there = [text for text in texts if (directory / text).exists()]
            if there:
                raise RedashError(f"{directory} holds {', '.join(there)} already: take another one")
            declaration = _loaded(directory, texts)
            directory.mkdir(parents=True, exist_ok=True)
            for text, written in texts.items():
                (directory / text).write_text(written, encoding="utf-8")
        except OSError as error:
            raise RedashError(f"{directory} cannot be written: {error.strerror}") from None
        return declaration

    def _texts(self, name: str) -> dict[str, str]:
        """What each file holds."""
        queries = {
            key: {name: value for name, value in query.items() if name != "sql"}
            for key, query in self.queries.items()
        }
        content = {"queries": queries, "dashboards": self.dashboards}
        dumped = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
        return {f"{key}.sql": f"{query['sql']}\n" for key, query in self.queries.items()} | {
            name: dumped
        }


def _loaded(directory: Path, texts: Mapping[str, str]) -> Declaration:
    """What a directory would declare with some more files in it."""
    with TemporaryDirectory() as place:
        for file in (*directory.glob("*.yaml"), *directory.glob("*.sql")):
            copy(file, place)
        for name, text in texts.items():
            (Path(place) / name).write_text(text, encoding="utf-8")
        try:
            return load_declaration(Path(place))
        except DeclarationError as error:
            said = str(error).replace(place, str(directory))
            raise RedashError(f"Nothing was written: it could not be loaded. {said}") from None
