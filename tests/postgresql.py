"""A PostgreSQL server of its own for tests: on a socket in a folder, gone at the end. Skipped where there is none."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

_TIMEOUT = 60
_OPTIONS = "-c listen_addresses= -c fsync=off -c full_page_writes=off -c max_connections=20 -c lc_messages=C"


class Server:
    """`new_database` gives the URL of an empty database. The user `guarded` needs the password `geheim`."""

    def __init__(self, programs: str, folder: str) -> None:
        self._programs = programs
        self.folder = folder
        self._data = os.path.join(folder, "data")
        self._databases = 0
        self._call("initdb", "-D", self._data, "-A", "trust", "-N", "--no-locale", "-E", "UTF8", "-U", "postgres")
        with open(os.path.join(self._data, "pg_hba.conf"), "w") as file:
            file.write("local all guarded scram-sha-256\nlocal all all trust\n")
        self.start()

    def start(self) -> None:
        log = os.path.join(self.folder, "log")
        options = f"{_OPTIONS} -c unix_socket_directories={self.folder}"
        self._call("pg_ctl", "-D", self._data, "-w", "-l", log, "-o", options, "start")

    def stop(self, how: str = "immediate") -> None:
        self._call("pg_ctl", "-D", self._data, "-w", "-m", how, "stop")

    def _call(self, name: str, *arguments: str) -> None:
        who = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
        command = [os.path.join(self._programs, name), *arguments]
        quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(command, check=True, timeout=_TIMEOUT, cwd="/", **quiet, **who)  # type: ignore[call-overload]

    def url(self, database: str = "postgres", user: str = "postgres", password: str = "") -> str:
        secret = f":{password}" if password else ""
        return f"postgresql://{user}{secret}@/{database}?host={self.folder}"

    def connect(self, url: str | None = None) -> Any:
        import psycopg

        return psycopg.connect(url or self.url(), autocommit=True)

    def new_database(self) -> str:
        self._databases += 1
        name = f"test{self._databases}"
        with self.connect() as connection:
            connection.execute(f"create database {name}")
        return self.url(name)


def _programs() -> str:
    """Where initdb and pg_ctl are."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: float(path.split("/")[4]))
    path = found[-1] if found else shutil.which("initdb")
    if path is None:
        pytest.skip("PostgreSQL's server is not installed")
    return os.path.dirname(path)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    pytest.importorskip("psycopg", reason="the extra [postgres] has it")
    programs = _programs()
    folder = tempfile.mkdtemp(prefix="rulener-pg-")  # short: a socket's path has a limit
    try:
        if os.getuid() == 0:
            try:
                shutil.chown(folder, "postgres", "postgres")
            except LookupError:
                pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        made = Server(programs, folder)
        with made.connect() as connection:
            connection.execute("create role guarded login password 'geheim'")
        yield made
        made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgresql(server: Server) -> str:
    """The URL of an empty database."""
    return server.new_database()
