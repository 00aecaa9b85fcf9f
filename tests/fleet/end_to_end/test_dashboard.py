"""The command `dashboard`: serves the report to readers, and to nobody else anything else."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = str(Path(sys.executable).with_name("orchestrate-etl"))
ENTRY = {"company_id": "acme", "company_name": "Acme", "tenant_id": "x"}
"""An entry that is refused: no project has to be asked for the state of the company."""


def command(folder: Path, *options: str) -> list[str]:
    (folder / "companies.yml").write_text(json.dumps({"companies": [ENTRY]}))
    places = ["--companies", str(folder / "companies.yml"), "--storage", (folder / "etl").as_uri()]
    return [PROGRAM, "dashboard", *places, *options]


@contextmanager
def dashboard(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run the command on a free port."""
    environment = {**os.environ, "TMPDIR": str(folder)}
    with subprocess.Popen(
        command(folder, "--serve", "0"), stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("the report is at http://127.0.0.1:")
            yield process, int(line.split(":")[2].partition("/")[0])
        finally:
            process.kill()


def ask(port: int, path: str = "/", method: str = "GET", **headers: str) -> tuple[int, str, dict[str, str]]:
    """Send one request exactly as it is given."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    return response.status, response.read().decode(), dict(response.headers)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_the_report_until_it_is_stopped(signum: signal.Signals, tmp_path: Path) -> None:
    with dashboard(tmp_path) as (process, port):
        status, page, headers = ask(port)
        assert status == 200
        assert "<h1>The fleet</h1>" in page
        assert '<meta http-equiv="refresh" content="60">' in page
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert ask(port, "/report.html")[0] == 200
        # Nothing but pages that it knows by name, and nothing but reading.
        for path in (
            "/../companies.yml",
            "/%2e%2e/companies.yml",
            "//etc/passwd",
            "/report.companies/../../companies.yml",
        ):
            assert ask(port, path)[:2] == (404, "there is no such page\n")
        for method in ("POST", "PUT", "DELETE", "HEAD", "OPTIONS"):
            assert ask(port, method=method)[0] == 501
        # A site whose own name points to this machine is told nothing.
        assert ask(port, Host="evil.example")[0] == 403
        assert ask(port, Host=f"localhost:{port}")[0] == 200
        assert ask(port, Host="[::1")[0] == ask(port, "http://[/", Host="localhost")[0] == 400

        process.send_signal(signum)
        assert process.wait(60) == 0
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("etl-dashboard-")] == []


def test_a_port_that_is_taken_and_an_address_that_is_none_are_refused_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for address, said in (
            (
                f"127.0.0.1:{port}",
                f"cannot serve on 127.0.0.1:{port}: another program uses this port. Give another one",
            ),
            ("127.0.0.1:http", "--serve 127.0.0.1:http: give a port from 0 to 65535, or HOST:PORT"),
        ):
            done = subprocess.run(
                command(tmp_path, "--serve", address), capture_output=True, text=True, check=False, timeout=120
            )
            assert done.returncode == 1
            (line,) = done.stderr.splitlines()
            assert said in line
