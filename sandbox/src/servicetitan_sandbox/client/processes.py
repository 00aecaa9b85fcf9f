"""Starts and stops the sandbox's servers as processes.

A server never outlives the process that started it: its standard input is a pipe from that process, and it ends when
the pipe is closed.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import orjson

from servicetitan_sandbox.client.control import Control

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Ready = dict[str, dict[str, str]]

_STOP_SECONDS = 10

PACE = 20.0
"""The pace of a local BigQuery for tests and rehearsals. A run that takes a minute in BigQuery takes three seconds
here, because the local one answers at once: so its limits stay on, and count about what they would count there."""


@dataclass(frozen=True)
class _Server:
    """A running server.

    Attributes:
        ready: Its ready line.
        pid: Its process id.
    """

    ready: Ready
    pid: int


@dataclass(frozen=True)
class BigQuery(_Server):
    """A running BigQuery."""

    @property
    def api_endpoint(self) -> str:
        """Base URL of the REST API."""
        return self.ready["bigquery"]["api_endpoint"]

    @property
    def grpc_endpoint(self) -> str:
        """Host and port of the Storage API."""
        return self.ready["bigquery"]["grpc_endpoint"]


@dataclass(frozen=True)
class ServiceTitan(_Server):
    """A running ServiceTitan.

    Attributes:
        control: The client of its control API.
    """

    control: Control

    @property
    def api_url(self) -> str:
        """Base URL of the API."""
        return self.ready["servicetitan"]["api_url"]

    @property
    def auth_url(self) -> str:
        """URL that issues tokens."""
        return self.ready["servicetitan"]["auth_url"]


@dataclass(frozen=True)
class CloudStorage(_Server):
    """A running Cloud Storage."""

    @property
    def api_endpoint(self) -> str:
        """Base URL of the JSON API, as Google's clients expect it in `STORAGE_EMULATOR_HOST`."""
        return self.ready["storage"]["api_endpoint"]

    @property
    def bucket(self) -> str:
        """Name of the bucket."""
        return self.ready["storage"]["bucket"]


@contextmanager
def run_servicetitan() -> Iterator[ServiceTitan]:
    """Run a local ServiceTitan without tenants.

    Raises:
        RuntimeError: If it does not start. The reason is on stderr.
    """
    with _run_process("servicetitan") as (ready, pid), Control(ready["servicetitan"]["api_url"]) as control:
        yield ServiceTitan(ready, pid, control)


@contextmanager
def run_bigquery(
    data_dir: Path | None = None, *, pace: float = 1.0, latency: float = 0.0, seed: int = 1
) -> Iterator[BigQuery]:
    """Run a local BigQuery. It takes about 5 seconds to start and 300 MB of memory.

    Args:
        data_dir: Directory of the tables. By default a temporary one that is removed at the end.
        pace: How much faster time passes for what BigQuery counts by time, such as five updates of a table in ten
            seconds.
        latency: How many times as long as in BigQuery, as far as is known, calls and jobs take. 0 for no wait.
        seed: What the times are drawn by.

    Raises:
        RuntimeError: If it does not start. The reason is on stderr.
    """
    options = [f"--pace={pace}", f"--latency={latency}", f"--seed={seed}"]
    if data_dir is not None:
        options += ["--data-dir", str(data_dir)]
    with _run_process("bigquery", *options) as (ready, pid):
        yield BigQuery(ready, pid)


@contextmanager
def run_cloud_storage() -> Iterator[CloudStorage]:
    """Run a local Cloud Storage.

    Raises:
        RuntimeError: If it does not start. The reason is on stderr.
    """
    with _run_process("storage") as (ready, pid):
        yield CloudStorage(ready, pid)


@contextmanager
def _run_process(*arguments: str) -> Iterator[tuple[Ready, int]]:
    command = [sys.executable, "-m", "servicetitan_sandbox", *arguments, "--stop-at-eof"]
    # In a new session, so that Ctrl-C in a terminal reaches only the parent, which then stops its servers in order.
    with subprocess.Popen(  # noqa: S603 - our own command
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            yield _read_ready_line(process.stdout, arguments[0]), process.pid
        finally:
            _stop(process)


def _read_ready_line(stdout: IO[bytes] | None, name: str) -> Ready:
    line = stdout.readline() if stdout else b""
    if not line:
        raise RuntimeError(f"`sandbox {name}` ended before it was ready")
    ready: Ready = orjson.loads(line)
    return ready


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
