"""Runs the target as its command does, in this process or in a separate one."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from support.singer import lines
from target_bigquery_softdelete.bigquery.lease import LEASE_TABLE
from target_bigquery_softdelete.bigquery.retry import RetryPolicy
from target_bigquery_softdelete.plugin_runtime.command import run
from target_bigquery_softdelete.target import TargetBigQuerySoftDelete

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pytest
    from google.cloud import bigquery

    from servicetitan_sandbox.client.bigquery_project import Project
    from support.proxy import Proxy, Trap

COMMAND = str(Path(sys.executable).with_name("target-bigquery-softdelete"))


PATIENCE_SECONDS = 120
"""How long to wait for what is certain to come. The real BigQuery takes its time."""


class HastyTarget(TargetBigQuerySoftDelete):
    """The target with short pauses: it retries as often as the real one, but sooner."""

    retry_policy = RetryPolicy(
        first_delay_seconds=0.01,
        longest_delay_seconds=0.1,
        deadline_seconds=4,
        call_seconds=20,
        upload_seconds=10,
        upload_retries=0,
        first_poll_seconds=0.02,
        longest_poll_seconds=0.1,
        stop_seconds=2,
    )


@dataclass(frozen=True)
class Result:
    """How a run ended."""

    code: int
    states: list[dict[str, Any]]
    log: str

    @property
    def errors(self) -> list[str]:
        """The texts of the error lines."""
        return [line.rsplit(" | ", 1)[-1] for line in self.log.splitlines() if "| ERROR " in line]


def result_of(code: int, stdout: str, stderr: str) -> Result:
    """Return a run's result from what it printed. Anything on stdout that is not a STATE fails here."""
    return Result(code, [json.loads(line) for line in stdout.splitlines()], stderr)


def _drop_console_handlers() -> None:
    # The SDK adds one each time its command is made; the old ones write to the captured stderr of an earlier test.
    for handler in [each for each in logging.root.handlers if type(each) is logging.StreamHandler]:
        logging.root.removeHandler(handler)


@contextmanager
def handle_signals() -> Iterator[None]:
    """Let the target handle the signals of this process, within the block."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def eventually(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def feed(process: subprocess.Popen[bytes], messages: Iterable[dict[str, Any]]) -> None:
    """Write messages to a run that goes on."""
    assert process.stdin
    process.stdin.write(lines(messages))
    process.stdin.flush()


def start_with_lease(
    target: TargetRunner,
    messages: Iterable[dict[str, Any]],
    **settings: Any,  # noqa: ANN401 - any setting
) -> subprocess.Popen[bytes]:
    """Start a run that has the lease and waits for more input."""
    process = target.start(on_concurrent_run="refuse", **settings)
    feed(process, messages)
    eventually(lambda: lease_holder(target.project))
    return process


def wait_until_it_waits(process: subprocess.Popen[bytes]) -> None:
    """Wait until a run says that it waits for the lease."""
    assert process.stderr
    while b"waiting for the lease" not in (line := process.stderr.readline()):
        assert line


def lease_holder(project: Project) -> str:
    """Return the run that has the lease. Empty if none has: there is no lease, or it was given back."""
    if LEASE_TABLE not in project.tables("bronze"):
        return ""
    return str(lease_table(project).labels["run"])


def lease_table(project: Project) -> bigquery.Table:
    """Return the table that is the lease."""
    return project.client.get_table(f"{project.bronze}.{LEASE_TABLE}")


class TargetRunner:
    """Runs the target against one project."""

    def __init__(self, project: Project, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.project = project
        self.plugin = TargetBigQuerySoftDelete
        self.folder = folder
        # Tests kill runs and start the next one at once. The lease has tests of its own.
        self.defaults: dict[str, Any] = {"on_concurrent_run": "allow"}
        self._capfd = capfd

    def write_config(self, **settings: Any) -> Path:  # noqa: ANN401 - any setting
        """Write a configuration file."""
        base = {**self.project.target_settings, "api_endpoint": self.project.api_endpoint, **self.defaults}
        path = self.folder / "config.json"
        path.write_text(json.dumps({**base, **settings}))
        return path

    def __call__(self, *messages: dict[str, Any] | bytes, **settings: Any) -> Result:  # noqa: ANN401
        """Run the target on these messages, in this process."""
        source = self.folder / "input.singer"
        source.write_bytes(lines(messages))
        return self.of_pipe(source, **settings)

    def of_pipe(self, source: Path, **settings: Any) -> Result:  # noqa: ANN401 - any setting
        """Run the target on a pipe that somebody writes into, in this process."""
        self._capfd.readouterr()
        _drop_console_handlers()
        code = self.run(source, **settings)
        return result_of(code, *self._capfd.readouterr())

    def run(self, source: Path, **settings: Any) -> int:  # noqa: ANN401 - any setting
        """Run the target on a file of messages, or a pipe, in this process. Return its exit code."""
        with handle_signals():
            return run(self.plugin, ["--config", str(self.write_config(**settings)), "--input", str(source)])

    def start(
        self,
        stdin: IO[bytes] | int | None = subprocess.PIPE,
        /,
        **settings: Any,  # noqa: ANN401
    ) -> subprocess.Popen[bytes]:
        """Start the target as a process that reads from a pipe."""
        return subprocess.Popen(
            [COMMAND, "--config", str(self.write_config(**settings))],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def kill_at(
        self,
        trap: Trap,
        proxy: Proxy,
        messages: Iterable[dict[str, Any] | bytes],
        **settings: Any,  # noqa: ANN401
    ) -> bytes:
        """Run the target as a process, kill it at a trap, and return what it had written to stdout.

        The jobs that it has sent to BigQuery are done by then.
        """
        proxy.trap(trap)
        with self.start(api_endpoint=proxy.url, **settings) as process:
            assert process.stdin
            assert process.stdout
            with suppress(BrokenPipeError):
                process.stdin.write(lines(messages))
                process.stdin.close()
            assert trap.reached.wait(PATIENCE_SECONDS), "the target never came to the trap"
            process.kill()
            out = process.stdout.read()
        self.project.wait_for_jobs()
        return out

    def command(self, messages: Iterable[dict[str, Any] | bytes], **settings: Any) -> Result:  # noqa: ANN401
        """Run the target on these messages, as a separate process."""
        process = self.start(**settings)
        stdout, stderr = process.communicate(lines(messages), timeout=PATIENCE_SECONDS)
        return result_of(process.returncode, stdout.decode(), stderr.decode())
