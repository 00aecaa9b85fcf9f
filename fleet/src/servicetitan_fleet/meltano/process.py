"""Runs one process to its end, whatever it does: in a group of its own, with a time limit, and nothing left behind."""

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
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

GRACE_SECONDS = 8.0
"""How long a process may take to end after SIGTERM. Cloud Run gives ten seconds to all of us together."""

_POLL_SECONDS = 0.1
_READER_SECONDS = 5.0
_FIRST_TO_GO = "500"
"""For the kernel's out-of-memory killer: it is to take a company's process before it takes this one."""


class EndedBy(Enum):
    """Who ended a process."""

    ITSELF = "itself"
    TIMEOUT = "timeout"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class ChildEnd:
    """How a process ended.

    Attributes:
        code: Its exit code; -N when signal N killed it.
        by: Who ended it.
    """

    code: int
    by: EndedBy


def run_child(  # noqa: PLR0913 - the parts of one command
    command: Sequence[str | Path],
    *,
    folder: Path,
    environment: Mapping[str, str],
    on_line: Callable[[bytes], None],
    stop: Callable[[], bool],
    timeout_seconds: float,
) -> ChildEnd:
    """Run a command and return how it ended.

    Its input is empty; its output and errors go to `on_line`, from another thread. When it has ended, so has everything
    that it started in its process group.

    Args:
        command: The program and its arguments.
        folder: Where it runs.
        environment: All its variables.
        on_line: Takes a line of output, without the line break.
        stop: Asked again and again; ends the process when it says so.
        timeout_seconds: Ends the process when it takes longer.

    Raises:
        OSError: If it cannot be started.
    """
    process = subprocess.Popen(  # noqa: S603 - the commands are those of this package
        [str(part) for part in command],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    # A process that has ended already, or a kernel without it: nothing to do then.
    with contextlib.suppress(OSError):
        Path(f"/proc/{process.pid}/oom_score_adj").write_text(_FIRST_TO_GO)
    reader = threading.Thread(target=_read, args=(process.stdout, on_line), daemon=True)
    reader.start()
    by = _wait(process, stop, time.monotonic() + timeout_seconds)
    _signal_group(process.pid, signal.SIGKILL)
    reader.join(_READER_SECONDS)
    return ChildEnd(process.wait(), by)


def _read(output: IO[bytes] | None, on_line: Callable[[bytes], None]) -> None:
    with output or contextlib.nullcontext() as lines:
        for line in lines or ():
            on_line(line.rstrip(b"\r\n"))


def _wait(process: subprocess.Popen[bytes], stop: Callable[[], bool], deadline: float) -> EndedBy:
    while not _has_ended(process, _POLL_SECONDS):
        by = EndedBy.STOP if stop() else EndedBy.TIMEOUT if time.monotonic() > deadline else None
        if by:
            _signal_group(process.pid, signal.SIGTERM)
            _has_ended(process, GRACE_SECONDS)
            return by
    return EndedBy.ITSELF


def _has_ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _signal_group(group: int, signum: signal.Signals) -> None:
    # The group is empty when all of it has ended.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signum)
