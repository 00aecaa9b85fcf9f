"""Starts Meltano from a process that has its libraries loaded already, which saves most of its start.

Where that process cannot be started or has died, Meltano is started as any other program.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import IO, TYPE_CHECKING

from servicetitan_fleet.meltano.process import start_process
from servicetitan_fleet.meltano.system_folder import PRIVATE_UMASK
from servicetitan_fleet.meltano.warm_server import ENDED, READY, STARTED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path
    from typing import Self

    from servicetitan_fleet.meltano.process import Running

LOAD_SECONDS = 60.0
"""How long the libraries may take to load, before Meltano is started without them."""

_SERVER = "servicetitan_fleet.meltano.warm_server"


class WarmMeltano:
    """Starts Meltano processes. Safe to use from several threads."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Begin to load the libraries, in a process of its own.

        Args:
            environment: Its environment variables: no company's settings.
        """
        self._lock = threading.Lock()
        self._is_loaded = False
        self._control, theirs = socket.socketpair()
        self._server: subprocess.Popen[bytes] | None = None
        with theirs, contextlib.suppress(OSError):
            if sys.platform != "linux":
                return  # elsewhere, libraries of the system may not survive a fork
            self._server = subprocess.Popen(  # noqa: S603 - a module of this package
                # -P: nothing is loaded from the folder in which the fleet happens to be started.
                [sys.executable, "-P", "-m", _SERVER, str(theirs.fileno())],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=[theirs.fileno()],
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._control.close()
        if self._server:
            self._server.kill()  # it may still be loading; the processes that it has started go on
            self._server.wait()

    def start(
        self,
        command: Sequence[str | Path],
        *,
        folder: Path,
        environment: Mapping[str, str],
        inherited: Collection[int] = (),
    ) -> Running:
        """Start Meltano. As `start_process`.

        Args:
            command: Meltano's program and its arguments.
            folder: Its working directory.
            environment: All its environment variables.
            inherited: File descriptors that it inherits, under other numbers.

        Raises:
            OSError: If it cannot be started.
        """
        with contextlib.suppress(OSError):
            return self._fork(command, folder, environment, inherited)
        return start_process(command, folder=folder, environment=environment, inherited=inherited)

    def _fork(
        self, command: Sequence[str | Path], folder: Path, environment: Mapping[str, str], inherited: Collection[int]
    ) -> Running:
        """Ask for a fork, and wait until it is there: of two Meltanos of one company nobody would know.

        Raises:
            OSError: If there is none, and will be none.
        """
        request = {
            "command": [str(part) for part in command],
            "folder": str(folder),
            "environment": dict(environment),
            "umask": PRIVATE_UMASK,
        }
        ours, theirs = socket.socketpair()
        ours_to_read, theirs_to_write = os.pipe()
        output = os.fdopen(ours_to_read, "rb")
        try:
            with theirs:
                self._ask([theirs.fileno(), theirs_to_write, *inherited])
            ours.sendall(json.dumps(request).encode())
            ours.shutdown(socket.SHUT_WR)
            return ForkedProcess(ours, output)
        except OSError:
            ours.close()
            output.close()
            raise
        finally:
            os.close(theirs_to_write)

    def _ask(self, descriptors: Sequence[int]) -> None:
        with self._lock:
            try:
                self._wait_until_loaded()
                socket.send_fds(self._control, [b"."], descriptors)
            except OSError:
                self._control.close()  # the others need not wait for it, either
                raise

    def _wait_until_loaded(self) -> None:
        if not self._is_loaded:
            self._control.settimeout(LOAD_SECONDS)
            self._is_loaded = self._control.recv(1) == READY
        if not self._is_loaded:
            raise OSError("Meltano's libraries are not loaded")

    def give_up(self) -> None:
        """Wait no longer for the libraries, and start no more forks. For a signal handler."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)


class ForkedProcess:
    """A process that another one has started."""

    def __init__(self, reply: socket.socket, stdout: IO[bytes]) -> None:
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
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.pid, signal.SIGKILL)
            self._code = -signal.SIGKILL if code is None else code
            self._reply.close()
        return self._code

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
