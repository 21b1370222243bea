"""`rfm` as a person calls it: over a chain of the test's own, in a process or in this one."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rfm_platform.cli import main
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.settings import load_settings
from rfm_platform_tests.assets.chain import Chain, new_chain
from rfm_platform_tests.conftest import url_of

PASSWORD = "Tr0ub4dor-and-3"  # noqa: S105 - planted, to be searched for
NAME = "Zebulon Quux"
RFM = Path(sys.executable).with_name("rfm")


@dataclass(frozen=True)
class Said:
    """How a command ended and what it printed, without the line breaks of a terminal."""

    code: int
    out: str
    err: str

    @property
    def everything(self) -> str:
        return f"{self.out} {self.err}"


def environment(chain: Chain) -> dict[str, str]:
    """A chain as variables; its URLs carry a password that nobody must see again."""
    source, warehouse = (
        url_of(database).replace("@/", f":{PASSWORD}@/")
        for database in (chain.mart, chain.warehouse)
    )
    return {
        "RFM_HOME": str(chain.settings.home),
        "RFM_SOURCE_URL": source,
        "RFM_WAREHOUSE_URL": warehouse,
        "RFM_START_DATE": "2024-01-01",
        "RFM_END_DATE": "2024-12-31",
        "RFM_MEMORY_LIMIT_MB": "500",
        "RFM_ANALYSES": str(chain.settings.analyses),
    }


def rfm(variables: dict[str, str], *arguments: str) -> Said:
    """`rfm` in a process of its own, with these variables and no other RFM_* or DAGSTER_* one."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RFM_", "DAGSTER_"))}
    done = subprocess.run(
        [str(RFM), *arguments],
        env=kept | variables,
        cwd=Path(variables.get("RFM_HOME", "/tmp")).parent,  # noqa: S108 - where nothing lies
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Said(done.returncode, " ".join(done.stdout.split()), " ".join(done.stderr.split()))


Rfm = Callable[..., Said]


@pytest.fixture
def chain(server: EmbeddedServer, tmp_path: Path) -> Chain:
    return new_chain(server, tmp_path)


@pytest.fixture
def rfm_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Rfm]:
    """`rfm` in this process, for where a new one would only cost its start."""
    monkeypatch.chdir(tmp_path)

    def run(variables: dict[str, str], *arguments: str) -> Said:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        load_settings.cache_clear()
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        out, err = capsys.readouterr()
        code = ended.value.code
        return Said(
            code if isinstance(code, int) else 0, " ".join(out.split()), " ".join(err.split())
        )

    yield run
    load_settings.cache_clear()
