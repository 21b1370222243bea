"""An empty chain for each test of this room."""

from pathlib import Path

import pytest

from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.assets.chain import Chain, new_chain


@pytest.fixture
def chain(server: EmbeddedServer, tmp_path: Path) -> Chain:
    """A chain of this test's own, with nothing in it."""
    return new_chain(server, tmp_path)
