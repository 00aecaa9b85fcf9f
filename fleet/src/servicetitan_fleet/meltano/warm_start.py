"""Starts Meltano from a process that has its libraries loaded already, which saves most of its start.

Where that process cannot be started or has died, Meltano is started as any other program.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from servicetitan_fleet.meltano import pair_command, warm_server
from servicetitan_fleet.meltano.forked_process import ForkedProcess, ForkRequest, fork
from servicetitan_fleet.meltano.process import start_process
from servicetitan_fleet.meltano.project import TAP, TARGET
from servicetitan_fleet.meltano.warm_server import READY

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path
    from typing import Self

    from servicetitan_fleet.meltano.process import Running

LOAD_SECONDS = 60.0
"""How long the libraries may take to load, before Meltano is started without them."""

_END_SECONDS = 2.0
"""How long it may take to end by itself when there is nothing left to do."""

LEAST_COMPANIES = 2
"""Number of companies for which it pays to load the libraries beforehand."""

MELTANO = "meltano"
_LIBRARIES = (
    "meltano.cli",
    "alembic.command",
    "alembic.config",
    "google.cloud.storage",
    "smart_open",
    "sqlalchemy.dialects.sqlite",
    "meltano.core.meltano_file",
    "meltano.core.state_store.filesystem",
    "meltano.core.state_store.google.backend",
    "anyio._backends._asyncio",
    "google_crc32c",
    pair_command.MODULE,
)
"""What Meltano loads for every run, and what the fleet's own way to run a pair does."""

_PROGRAMS = {MELTANO: "meltano.cli:main", pair_command.NAME: f"{pair_command.MODULE}:main"}

_LIBRARIES_OF_PLUGINS = {
    TAP: ("tap_servicetitan.tap", "yaml"),
    TARGET: ("target_bigquery_softdelete.target", "yaml"),
}
"""What the plugins load when they run."""

_NO_THREADS = {"JE_ARROW_MALLOC_CONF": "background_thread:false", "OPENBLAS_NUM_THREADS": "1"}
"""Keeps libraries from starting threads when they are loaded, which no fork would have. Arrow takes its memory from
mimalloc, but loads jemalloc, too."""


class WarmMeltano:
    """Starts Meltano processes. Safe to use from several threads."""

    def __init__(self, environment: Mapping[str, str], plugins: Mapping[str, Path] | None = None) -> None:
        """Begin to load the libraries, in processes of their own.

        Args:
            environment: Their environment variables: no company's settings.
            plugins: The programs of the plugins whose libraries are to be loaded, too, by name.
        """
        self._lock = threading.Lock()
        self._is_loaded = False
        self._control, theirs = socket.socketpair()
        self._server: subprocess.Popen[bytes] | None = None
        with theirs, contextlib.suppress(OSError):
            if sys.platform != "linux":
                return  # elsewhere, libraries of the system may not survive a fork
            served = _serve(
                sys.executable,
                {
                    "libraries": _LIBRARIES,
                    "programs": _PROGRAMS,
                    "plugins": {name: _serve_plugin(name, program) for name, program in (plugins or {}).items()},
                },
            )
            self._server = subprocess.Popen(  # noqa: S603 - a module of this package
                [*served[:-1], str(theirs.fileno()), served[-1]],
                env={**environment, **_NO_THREADS},
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
            if self._is_loaded:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._server.wait(_END_SECONDS)
            # With it go the servers of the plugins. Processes of companies go on.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait()

    def start(
        self,
        command: Sequence[str | Path],
        *,
        folder: Path,
        environment: Mapping[str, str],
        inherited: Collection[int] = (),
    ) -> Running:
        """Start Meltano, or a pair. As `start_process`.

        Args:
            command: Meltano's program or that of a pair (`pair_command.py`), and its arguments.
            folder: Its working directory.
            environment: All its environment variables.
            inherited: File descriptors that it inherits, under other numbers.

        Raises:
            OSError: If it cannot be started.
        """
        with contextlib.suppress(OSError):
            return self._fork([str(part) for part in command], folder, environment, inherited)
        return start_process(command, folder=folder, environment=environment, inherited=inherited)

    def _fork(
        self, command: list[str], folder: Path, environment: Mapping[str, str], inherited: Collection[int]
    ) -> ForkedProcess:
        length = len(pair_command.COMMAND)
        is_pair = tuple(command[:length]) == pair_command.COMMAND
        request = ForkRequest(
            program=pair_command.NAME if is_pair else MELTANO,
            command=[pair_command.NAME, *command[length:]] if is_pair else command,
            folder=str(folder),
            environment=environment,
        )
        ours, theirs = os.pipe()
        output = os.fdopen(ours, "rb")
        null = os.open(os.devnull, os.O_RDONLY)
        try:
            return fork(request, [null, theirs, theirs, *inherited], self._ask, output)
        except OSError:
            output.close()
            raise
        finally:
            os.close(theirs)
            os.close(null)

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


def _serve_plugin(name: str, program: Path) -> list[str]:
    programs = {name: f":{program.name}"}
    return _serve(program.with_name("python"), {"libraries": _LIBRARIES_OF_PLUGINS[name], "programs": programs})


def _serve(interpreter: str | Path, served: object) -> list[str]:
    """Return the command of a server, without its descriptor."""
    # -P: nothing is loaded from the folder of that file, or the one in which the fleet happens to be started.
    return [str(interpreter), "-P", warm_server.__file__, json.dumps(served)]
