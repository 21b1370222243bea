"""How PostgreSQL's programs log in: as we do ourselves."""

import subprocess
import sys
from pathlib import Path

import pytest

from rfm_platform.bi_database.tools import login
from rfm_platform.postgres import Database, DatabaseError, external
from rfm_platform_tests.bi_database.cluster import PASSWORD, CloudServer
from rfm_platform_tests.bi_database.conftest import OWNER

WHO = (
    "import psycopg\n"
    "with psycopg.connect('') as connection:\n"
    "    found = connection.execute('SELECT current_user, ssl FROM pg_stat_ssl '\n"
    "        'WHERE pid = pg_backend_pid()').fetchone()\n"
    "    print(*found, connection.info.get_parameters().get('sslmode'))\n"
)


def of_a_child(database: Database, directory: Path) -> subprocess.CompletedProcess[str]:
    """Who a program with our environment is at the server, or why it is nobody."""
    return subprocess.run(
        [sys.executable, "-c", WHO],
        env=login(database.conninfo(), directory),
        capture_output=True,
        text=True,
        check=False,
    )


def test_programs_take_the_environments_settings_as_we_do(
    cloud: CloudServer, target: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else we prove the certificate of the server, and the one that sends the rows does not."""
    name = target.conninfo()["dbname"]
    database = external("target", f"postgresql://{OWNER}@localhost:{cloud.port}/{name}")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    monkeypatch.setenv("PGSSLROOTCERT", str(cloud.certificate))
    with database.connect():
        pass
    done = of_a_child(database, tmp_path)
    assert done.stdout.split() == [OWNER, "True", "verify-full"], done.stderr
    # What the address says goes before the environment.
    monkeypatch.setenv("PGPASSWORD", "another")
    assert of_a_child(target, tmp_path).stdout.split() == [OWNER, "True", "verify-full"]
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    monkeypatch.setenv("PGSSLROOTCERT", str(tmp_path / "of_somebody_else"))
    with pytest.raises(DatabaseError, match="of_somebody_else"), database.connect():
        pass
    assert "of_somebody_else" in of_a_child(database, tmp_path).stderr
