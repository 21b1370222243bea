"""The home directory: made so that other accounts of the machine cannot read it, and its file of
variables.

Names of customers lie below it. A home that is there already is left as it is: whoever made it says
who may enter, the account of a Spark server, say.
"""

import os
from collections.abc import Collection, Iterable
from contextlib import suppress
from difflib import get_close_matches
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream

PREFIX = "RFM_"
# Closed also where the home is not: the embedded server of root runs as another account, which has
# to pass through to its own.
_PRIVATE = ("lake", "spill", "dagster")


def make_home(home: Path) -> None:
    """Makes a home that is not there yet, for whoever writes first in it.

    Raises:
        OSError: there is none, and it cannot be made.
    """
    with suppress(FileExistsError):
        home.parent.mkdir(parents=True, exist_ok=True)
        home.mkdir(mode=0o700)
        if os.geteuid() == 0:
            for directory in map(home.joinpath, _PRIVATE):
                directory.mkdir(exist_ok=True)
                directory.chmod(0o700)
            home.chmod(0o711)


def problems_of_file(file: Path, known: Collection[str]) -> list[str]:
    """Lines of a file of variables that would be passed over in silence, a sentence each.

    Args:
        file: where there is none, there is no problem.
        known: the names that are read.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        return [f"{file}: {error.strerror}"]
    except UnicodeDecodeError:
        return [f"{file} is no UTF-8 text"]
    problems = []
    for each in parse_stream(StringIO(text)):
        place = f"{file}, line {_line(each)}"
        name = (each.key or "").upper()
        if each.error:
            problems.append(f"{place}: is no NAME=value")
        elif name == f"{PREFIX}HOME":
            problems.append(
                f"{place}: {name} is read from the environment only: this file is in it"
            )
        elif name.startswith(PREFIX) and name not in known:
            nearest = _nearest(name, known, 0.6)
            problems.append(f"{place}: {name} is no setting" + f"; {nearest} is" * bool(nearest))
    return problems


def other_lines(file: Path, names: Collection[str]) -> str:
    """What a file of variables holds beside some of them: other variables, comments, blank lines.

    Args:
        file: one that :func:`problems_of_file` finds nothing wrong with; it need not be there.
        names: in capitals.
    """
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    statements = parse_stream(StringIO(text))
    kept = [each.original.string for each in statements if (each.key or "").upper() not in names]
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in kept)


def mistyped(names: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """Names that nobody reads and that resemble one that is read, each with that one.

    Names that resemble none are other programs': a Service of Kubernetes called rfm has some.
    """
    strange = {name for name in map(str.upper, names) if name.startswith(PREFIX)} - {*known}
    found = {
        name: _nearest(name, known, 0.8)
        for name in sorted(strange)
        if not name.startswith(f"{PREFIX}TEST_")
    }
    return {name: nearest for name, nearest in found.items() if nearest}


def _nearest(name: str, known: Collection[str], likeness: float) -> str:
    """The known name that is most like another one; empty: none is."""
    bare = [each.removeprefix(PREFIX) for each in known]
    found = get_close_matches(name.removeprefix(PREFIX), bare, 1, likeness)
    return PREFIX + found[0] if found else ""


def _line(binding: Binding) -> int:
    """Where a statement stands: it begins with the blank lines before it."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
