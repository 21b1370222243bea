"""A command as it may be told: what it sets a variable to may be a password."""

import re
import shlex
from collections.abc import Iterable

# As a word, behind docker's options for it, or in a line for another shell.
_SETS = re.compile(r"((?:-e|--env=)?\w+)=.*", re.DOTALL)
_SETS_WITHIN = re.compile(r"""((?<![\w-])\w+|(?<!\S)-e\w+)=(?:"[^"]*"|'[^']*'|\S+)""")


def label_of(command: Iterable[str]) -> str:
    """The command as a shell would read it, with ``NAME=…`` for each value that it sets."""
    return " ".join(map(_without_values, command))


def _without_values(word: str) -> str:
    if sets := _SETS.fullmatch(word):
        return f"{sets[1]}=…"
    told = _SETS_WITHIN.sub(r"\1=…", word)
    return shlex.quote(word) if told == word else f"'{told}'"
