"""Runs a PostgreSQL server for a test, and installs the tap that reads it."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.plugins import SDK, install_plugin

if TYPE_CHECKING:
    from collections.abc import Iterator

TAP = "meltanolabs-tap-postgres==0.10.0"
OWNER = "postgres"
"""The user that PostgreSQL's packages create: PostgreSQL refuses to run as root."""


def _programs() -> Path:
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if all((folder / name).exists() for name in ("initdb", "pg_ctl", "psql")):
            return folder
    return pytest.skip("PostgreSQL is not installed here (initdb, pg_ctl and psql were not found)")


def _owner() -> dict[str, str]:
    if os.geteuid() != 0:
        return {}
    try:
        pwd.getpwnam(OWNER)
    except KeyError:
        pytest.skip(f"PostgreSQL does not run as root, and there is no user `{OWNER}` here")
    return {"user": OWNER, "group": OWNER}


class Postgres:
    """A running server."""

    def __init__(self, programs: Path, port: int) -> None:
        self._programs = programs
        self.port = port

    def execute(self, *statements: str) -> str:
        """Run statements and return their output: one row per line, without headers and padding."""
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", OWNER]
        commands = [part for statement in statements for part in ("-c", statement)]
        psql: list[str | Path] = [self._programs / "psql", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *where, *commands]
        return subprocess.run(psql, check=True, stdout=subprocess.PIPE, text=True).stdout


@contextlib.contextmanager
def run_postgres() -> Iterator[Postgres]:
    """Run a server. Skip the test if PostgreSQL is not installed."""
    programs, owner = _programs(), _owner()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Not in pytest's folder, which other users cannot read.
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        if owner:
            shutil.chown(folder, OWNER)
        data = f"{folder}/data"

        def run(*command: str) -> None:
            subprocess.run(
                [programs / command[0], "-D", data, *command[1:]],
                check=True,
                cwd=folder,
                stdout=subprocess.DEVNULL,
                user=owner.get("user"),
                group=owner.get("group"),
            )

        run("initdb", "-A", "trust", "-U", OWNER, "--no-sync")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        run("pg_ctl", "-o", options, "-l", f"{folder}/log", "-w", "start")
        try:
            yield Postgres(programs, port)
        finally:
            run("pg_ctl", "-m", "immediate", "-w", "stop")


def install_tap_postgres() -> str:
    """Return the tap's command."""
    return install_plugin("tap-postgres", TAP, SDK)
