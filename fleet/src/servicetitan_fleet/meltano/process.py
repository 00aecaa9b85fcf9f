"""Runs a process in its own process group, with a time limit, and leaves no child processes behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from servicetitan_fleet.meltano.forked_process import OOM_SCORE
from servicetitan_fleet.meltano.log_lines import LONGEST_LINE
from servicetitan_fleet.meltano.system_folder import PRIVATE_UMASK

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

GRACE_SECONDS = 8.0
"""Time that a process has to end after SIGTERM. Cloud Run allows ten seconds, for the fleet and its processes."""

_POLL_SECONDS = 0.1
_READER_SECONDS = 5.0


class EndedBy(Enum):
    """Why a process ended."""

    ITSELF = "itself"
    TIMEOUT = "timeout"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class ProcessExit:
    """How a process ended.

    Attributes:
        code: Its exit code; -N if signal N killed it.
        by: Why it ended.
        unheard: The first error of `on_line`, if it raised any. The process was not affected.
    """

    code: int
    by: EndedBy
    unheard: Exception | None = None


class Running(Protocol):
    """A process that runs, as `subprocess.Popen` shows it."""

    @property
    def pid(self) -> int:
        """Its id, which is also that of its process group."""

    @property
    def stdout(self) -> IO[bytes] | None:
        """Its output and its errors."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and return its exit code; -N if signal N killed it.

        Raises:
            subprocess.TimeoutExpired: If it does not end in time.
        """


class Starter(Protocol):
    """Starts a process in its own group, with empty standard input, whose files are for this user only."""

    def __call__(
        self,
        command: Sequence[str | Path],
        *,
        folder: Path,
        environment: Mapping[str, str],
        inherited: Collection[int] = (),
    ) -> Running:
        """Start it. See `run_process`."""


def start_process(
    command: Sequence[str | Path],
    *,
    folder: Path,
    environment: Mapping[str, str],
    inherited: Collection[int] = (),
) -> Running:
    """Start any program. See `run_process`.

    Raises:
        OSError: If the command cannot be started.
    """
    return subprocess.Popen(  # noqa: S603 - the commands are those of this package
        [str(part) for part in command],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        umask=PRIVATE_UMASK,
        pass_fds=tuple(inherited),
    )


def run_process(  # noqa: PLR0913 - the parts of one command
    command: Sequence[str | Path],
    *,
    folder: Path,
    environment: Mapping[str, str],
    on_line: Callable[[bytes], None],
    should_stop: Callable[[], bool],
    timeout_seconds: float,
    inherited: Collection[int] = (),
    start: Starter = start_process,
) -> ProcessExit:
    """Run a command and wait for its end.

    Its standard input is empty, and the files that it makes are for this user only. Its standard output and error go
    to `on_line`, from another thread, which goes on after an error of `on_line`: a process whose output nobody reads
    would stand still. At the end, every process that is left in its process group is killed.

    Args:
        command: The program and its arguments.
        folder: Its working directory.
        environment: All its environment variables.
        on_line: Called with each line of output, without the line break. Of a line with LONGEST_LINE bytes or more,
            with that many, and the rest is dropped.
        should_stop: Polled; the process is terminated when it returns true.
        timeout_seconds: The process is terminated when it takes longer.
        inherited: File descriptors that it inherits.
        start: Starts it.

    Raises:
        OSError: If the command cannot be started.
    """
    process = start(command, folder=folder, environment=environment, inherited=inherited)
    # It fails if the process has ended already, or the kernel has no such file. Neither matters.
    with contextlib.suppress(OSError):
        Path(f"/proc/{process.pid}/oom_score_adj").write_text(OOM_SCORE)
    errors: list[Exception] = []
    reader = threading.Thread(target=_read, args=(process.stdout, on_line, errors), daemon=True)
    reader.start()
    by = _wait(process, should_stop, time.monotonic() + timeout_seconds)
    _signal_group(process.pid, signal.SIGKILL)
    reader.join(_READER_SECONDS)
    return ProcessExit(process.wait(), by, errors[0] if errors else None)


def _read(output: IO[bytes] | None, on_line: Callable[[bytes], None], errors: list[Exception]) -> None:
    """Call `on_line` with each line, and keep its first error."""
    with output or contextlib.nullcontext() as file:
        for line in _lines(file) if file else ():
            try:
                on_line(line)
            except Exception as error:  # noqa: BLE001 - whatever it is, the process must not wait for its reader
                errors[:] = errors or [error]


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines, and of one that does not end its beginning, as soon as that is long enough."""
    while line := file.readline(LONGEST_LINE):
        yield line.rstrip(b"\r\n") if line.endswith(b"\n") else line
        while line and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE)


def _wait(process: Running, should_stop: Callable[[], bool], deadline: float) -> EndedBy:
    while not _has_ended(process, _POLL_SECONDS):
        by = EndedBy.STOP if should_stop() else EndedBy.TIMEOUT if time.monotonic() > deadline else None
        if by:
            _signal_group(process.pid, signal.SIGTERM)
            _has_ended(process, GRACE_SECONDS)
            return by
    return EndedBy.ITSELF


def _has_ended(process: Running, seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _signal_group(group: int, signum: signal.Signals) -> None:
    # The group does not exist any more if all its processes have ended.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signum)
