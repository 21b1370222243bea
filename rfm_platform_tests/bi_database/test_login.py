"""How PostgreSQL's programs log in: as we do ourselves, and with a password of any length."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.restore import RestoreOptions, restore
from rfm_platform.bi_database.tools import login
from rfm_platform.postgres import Database, DatabaseError, external
from rfm_platform_tests.bi_database.cluster import PASSWORD, CloudServer
from rfm_platform_tests.bi_database.conftest import OWNER, counts

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


def test_a_password_may_be_as_long_as_a_clouds_tokens(
    cloud: CloudServer, target: Database, dumped: Path, tmp_path: Path
) -> None:
    password = "a:b\\c 'd " * 150
    with cloud.administrator() as connection:
        connection.execute(f"CREATE ROLE token_bearer LOGIN PASSWORD $${password}$$".encode())
        connection.execute(f"GRANT {OWNER} TO token_bearer".encode())
        connection.execute(f"ALTER ROLE token_bearer SET role TO {OWNER}".encode())
    url = cloud.url(target.conninfo()["dbname"], "token_bearer", quote(password))
    restore(external("target", url), dumped, tmp_path / "job", RestoreOptions())
    assert counts(target)["queries"] == 300
    left = b"".join(path.read_bytes() for path in (tmp_path / "job").iterdir())
    assert password[:20].encode() not in left


def test_what_a_service_file_cannot_hold_is_named(tmp_path: Path) -> None:
    with pytest.raises(BiDatabaseError, match="the connection's options"):
        login({"options": "-c work_mem=1MB " * 80}, tmp_path)
