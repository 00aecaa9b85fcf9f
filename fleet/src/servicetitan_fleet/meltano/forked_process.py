"""Asks a server with loaded libraries (`warm_server.py`) for a process, and watches the process."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import time
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING

from servicetitan_fleet.meltano.system_folder import PRIVATE_UMASK
from servicetitan_fleet.meltano.warm_server import ENDED, OWN_GROUP, STARTED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

OOM_SCORE = "500"
"""Makes the kernel's out-of-memory killer choose a company's process before the fleet itself."""


@dataclass(frozen=True, kw_only=True)
class ForkRequest:
    """What a server needs to know to start a process.

    Attributes:
        program: Which of the server's programs.
        command: What the program sees as its command line: its name and its arguments.
        folder: Its working directory.
        environment: All its environment variables.
        group: The process group, which must exist in the server's session, or OWN_GROUP.
        umask: Which rights the files that it makes do not have.
        oom_score: How early it is ended when memory runs out.
    """

    program: str
    command: Sequence[str]
    folder: str
    environment: Mapping[str, str]
    group: int = OWN_GROUP
    umask: int = PRIVATE_UMASK
    oom_score: str = OOM_SCORE


class ForkedProcess:
    """A process that another one has started."""

    def __init__(self, reply: socket.socket, stdout: IO[bytes] | None = None) -> None:
        """Wait for its id.

        Args:
            reply: Brings its id, and later its exit code.
            stdout: Its output.

        Raises:
            OSError: If it was not started.
        """
        self._reply = reply
        self._code: int | None = None
        self._said = b""
        self.stdout: IO[bytes] | None = stdout
        pid = self._read(STARTED, None)
        if pid is None:
            raise OSError("the fork was not made")
        self.pid = pid

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and return its exit code, as `subprocess` has it.

        Raises:
            subprocess.TimeoutExpired: If it does not end in time.
        """
        if self._code is None:
            code = self._read(ENDED, timeout)
            if code is None:
                # Whoever would know its code has died. The process itself may be alive.
                self.kill()
            self._code = -signal.SIGKILL if code is None else code
            self._reply.close()
        return self._code

    def kill(self) -> None:
        """Kill it, and its group if it leads one. Nothing happens if it is known to have ended."""
        if self._code is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def _read(self, what: bytes, timeout: float | None) -> int | None:
        """Return the number of the next line; None if it is about something else, or there will be none."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while b"\n" not in self._said:
            seconds = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._reply], [], [], seconds)[0]:
                raise subprocess.TimeoutExpired("meltano", timeout or 0.0)
            part = self._reply.recv(100)
            if not part:
                return None
            self._said += part
        line, _, self._said = self._said.partition(b"\n")
        kind, _, number = line.partition(b" ")
        return int(number) if kind == what else None


def fork(
    request: ForkRequest,
    descriptors: Sequence[int],
    send: Callable[[Sequence[int]], None],
    stdout: IO[bytes] | None = None,
) -> ForkedProcess:
    """Ask for a process, and wait until it is there: of two processes of one company nobody would know.

    Args:
        request: What it is.
        descriptors: Its standard input, output and error output, and what it inherits, under other numbers.
        send: Sends descriptors to the server.
        stdout: The other end of its output, for whoever reads it.

    Raises:
        OSError: If there is none, and will be none.
    """
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            send([theirs.fileno(), *descriptors])
        ours.sendall(json.dumps(asdict(request)).encode())
        ours.shutdown(socket.SHUT_WR)
        return ForkedProcess(ours, stdout)
    except OSError:
        ours.close()
        raise
