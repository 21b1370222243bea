"""The home directory: made so that other accounts of the machine cannot read it.

Names of customers lie below it. A home that is there already is left as it is: whoever made it says
who may enter, the account of a Spark server, say.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def make_home(home: Path, private: Iterable[str]) -> None:
    """Makes a home that is not there yet.

    Where that is not possible it is left to whoever needs it to say so: most commands read only.

    Args:
        home: the directory.
        private: directories in it that are to be closed even where it is not: the embedded server
            of root runs as another account, which has to pass through to its own.
    """
    with suppress(OSError):
        home.parent.mkdir(parents=True, exist_ok=True)
        home.mkdir(mode=0o700)
        if os.geteuid() == 0:
            for directory in map(home.joinpath, private):
                directory.mkdir(exist_ok=True)
                directory.chmod(0o700)
            home.chmod(0o711)
