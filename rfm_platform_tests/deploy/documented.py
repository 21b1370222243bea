"""The commands that a page of the documentation shows, as words, in their order.

What is read: fenced blocks of `sh`, and code within a line that begins with a program of PROGRAMS.
A line may go on behind a backslash or within quotes, as in a shell; `&&`, `|` and `;` separate
commands, and `>` names a file that the command makes. Not read: heredocs and substitutions.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
PROGRAMS = "rfm|make|dagster|kubectl|helm|grep"
INLINE = re.compile(rf"`((?:\.venv/bin/)?(?:{PROGRAMS}) [^`]*)`")
SEPARATORS = {"&&", "||", "|", ";"}


@dataclass(frozen=True)
class Command:
    """A program with its arguments.

    `made` is the file that its output goes to; `whole` says that it is to be typed as it stands,
    not only mentioned.
    """

    words: tuple[str, ...]
    made: str | None
    whole: bool

    @property
    def program(self) -> str:
        """Its name, without the path."""
        return Path(self.words[0]).name

    def __str__(self) -> str:
        return " ".join(self.words)


def documented_commands(text: str) -> list[Command]:
    """Every command of a page, those of its blocks first.

    Raises:
        ValueError: a quote that is opened and not closed.
    """
    blocks = [block[3] for block in FENCE.finditer(text) if block[2] == "sh"]
    found = [c for block in blocks for line in _lines(block) for c in _commands(line, whole=True)]
    mentioned = INLINE.findall(FENCE.sub("", text))
    return found + [c for line in mentioned for c in _commands(line, whole=False)]


def _lines(block: str) -> list[str]:
    found: list[str] = []
    pending = ""
    for line in block.splitlines():
        pending += line
        if pending.endswith("\\"):
            pending = pending[:-1]
            continue
        try:
            shlex.split(pending, comments=True)
        except ValueError:  # within quotes
            pending += "\n"
        else:
            found.append(pending)
            pending = ""
    if pending.strip():
        raise ValueError(f"a quote is not closed: {pending}")
    return found


def _commands(line: str, *, whole: bool) -> list[Command]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;>")
    lexer.whitespace_split = True
    found: list[Command] = []
    words: list[str] = []
    made = None
    tokens = iter(lexer)
    for word in tokens:
        if word == ">":
            made = next(tokens)
        elif word in SEPARATORS:
            found.append(Command(tuple(words), made, whole))
            words, made = [], None
        else:
            words.append(word)
    return [*found, Command(tuple(words), made, whole)] if words else found
