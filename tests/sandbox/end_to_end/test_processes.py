"""The sandbox's servers start, announce their addresses, and stop with their parent process."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from servicetitan_sandbox.client import processes
from servicetitan_sandbox.client.meltano_project import PLUGINS

SANDBOX = Path(sys.executable).with_name("sandbox")


def _accepts_connections(url: str) -> bool:
    address = urlsplit(url)
    with socket.socket() as connection:
        connection.settimeout(1)
        return connection.connect_ex((address.hostname, address.port)) == 0


def _wait_until_stopped(*urls: str) -> None:
    deadline = time.monotonic() + 15
    while any(map(_accepts_connections, urls)):
        assert time.monotonic() < deadline, f"{urls} still accept connections"
        time.sleep(0.05)


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGKILL])
def test_no_server_outlives_sandbox_up(stop_signal: signal.Signals) -> None:
    with subprocess.Popen([SANDBOX, "up"], stdout=subprocess.PIPE) as process:
        assert process.stdout
        ready = json.loads(process.stdout.readline())
        urls = (ready["servicetitan"]["api_url"], ready["bigquery"]["api_endpoint"])
        assert ready["servicetitan"]["auth_url"] == f"{urls[0]}/connect/token"
        assert all(map(_accepts_connections, urls))

        process.send_signal(stop_signal)
        assert process.wait(20) == (-signal.SIGKILL if stop_signal is signal.SIGKILL else 0)
        assert process.stdout.read() == b""
        _wait_until_stopped(*urls)


def test_servicetitan_alone_on_a_given_port_until_interrupted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with subprocess.Popen([SANDBOX, "servicetitan", "--port", str(port)], stdout=subprocess.PIPE) as process:
        assert process.stdout
        ready = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)

    assert ready == {
        "servicetitan": {
            "api_url": f"http://127.0.0.1:{port}",
            "auth_url": f"http://127.0.0.1:{port}/connect/token",
        }
    }
    assert process.returncode == 0


def test_server_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    not_a_directory = tmp_path / "file"
    not_a_directory.touch()
    with pytest.raises(RuntimeError, match="ended before it was ready"), processes.run_bigquery(not_a_directory):
        pass


def test_the_pair_runs_with_what_sandbox_up_prints(tmp_path: Path) -> None:
    with subprocess.Popen([SANDBOX, "up", "--print-env", "--stop-at-eof"], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout
        assert process.stdin
        lines = [process.stdout.readline()]
        while not lines[-1].startswith("export TARGET_BIGQUERY_SOFTDELETE_API_ENDPOINT="):
            assert lines[-1]
            lines.append(process.stdout.readline())
        variables = tmp_path / "sandbox.env"
        variables.write_text("".join(lines))
        tap, target = (SANDBOX.with_name(name) for name in PLUGINS)
        command = f"source {variables}; {tap} --config=ENV | {target} --config=ENV"
        pair = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
        process.stdin.close()

    assert pair.returncode == 0, pair.stderr
    assert "bookmarks" in pair.stdout
    # The same for Meltano, under the names in meltano.yml.
    assert sum(line.startswith("export SERVICETITAN_") for line in lines) == 6
    assert "export BIGQUERY_PROJECT_ID=sandbox-data\n" in lines
    assert not any("BIGQUERY_TENANT_ID" in line for line in lines if line.startswith("export BIGQUERY"))
