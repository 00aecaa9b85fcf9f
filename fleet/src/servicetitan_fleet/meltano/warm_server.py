"""Loads Meltano's libraries once, and starts a Meltano for each company as a fork of itself.

Loading them takes most of the time in which a Meltano starts. This process has a single thread and never any company's
settings: each fork takes those of its own company from a socket, and is then an ordinary Meltano, in a session of its
own. `warm_start.py` is the other side.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

LIBRARIES = (
    "meltano.cli",
    "alembic.command",
    "alembic.config",
    "google.cloud.storage",
    "smart_open",
    "sqlalchemy.dialects.sqlite",
)
"""What Meltano loads for every run."""

READY = b"."
"""What it says when they are loaded."""

STARTED, ENDED = b"pid", b"code"
"""What is told of a process, each with a number in a line: its id, and its exit code, as `subprocess` has it."""

_POLL_SECONDS = 0.05
_LEAST_DESCRIPTORS, _MOST_DESCRIPTORS = 2, 8
_CHUNK = 1 << 16


def main() -> NoReturn:
    """Serve until the fleet has ended, and its processes. In a fork: be Meltano, and exit with its code."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, it would take the exit codes away
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    if "meltano.cli" not in sys.modules or threading.active_count() > 1:
        sys.exit(1)  # a fork has one thread, and would wait for the others for ever
    gc.collect()
    gc.freeze()  # so that the forks share the memory of the libraries
    control.sendall(READY)
    if serve(control):
        sys.modules["meltano.cli"].main()
    sys.exit(0)


def serve(control: socket.socket) -> bool:
    """Start a process for each request. Return True in each new process, and False when there is nothing left to do.

    A request is a socket and other descriptors: the output, and those that the process inherits. The socket brings the
    rest of the request, and takes what is told of the process.

    Args:
        control: Brings the requests.
    """
    running: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([control], [], [], _POLL_SECONDS if running else None)
        _reap(running)
        if not ready:
            continue
        data, descriptors, _, _ = socket.recv_fds(control, 1, _MOST_DESCRIPTORS)
        if not data:
            break
        if _start(control, descriptors, running):
            return True
    while running:  # somebody may still want to know how they end
        time.sleep(_POLL_SECONDS)
        _reap(running)
    return False


def _start(control: socket.socket, descriptors: list[int], running: dict[int, socket.socket]) -> bool:
    """Start a process. Return True in it.

    If that fails, the reply is closed without a word, and whoever asks starts Meltano as a program.
    """
    pid = _fork() if len(descriptors) >= _LEAST_DESCRIPTORS else -1
    if pid:
        for descriptor in descriptors[1:] if pid > 0 else descriptors:
            os.close(descriptor)
        if pid > 0:
            running[pid] = socket.socket(fileno=descriptors[0])
        return False
    for other in (control, *running.values()):
        other.close()
    reply = socket.socket(fileno=descriptors[0])
    try:
        # Only here: what the server itself has read, every later fork would have in its memory.
        _become(_read(reply), descriptors[1])
    except (OSError, ValueError, KeyError):
        os._exit(1)
    _tell(reply, STARTED, os.getpid())  # only now has it a process group that can be ended
    reply.close()
    return True


def _fork() -> int:
    """Return 0 in the new process, its id in this one, and -1 if there is none."""
    try:
        return os.fork()
    except OSError:
        return -1


def _read(reply: socket.socket) -> dict[str, Any]:
    parts = []
    while part := reply.recv(_CHUNK):
        parts.append(part)
    request: dict[str, Any] = json.loads(b"".join(parts))
    return request


def _become(request: dict[str, Any], output: int) -> None:
    """Make of this fork the process that was asked for."""
    os.setsid()
    os.umask(request["umask"])
    null = os.open(os.devnull, os.O_RDONLY)
    for target, source in enumerate((null, output, output)):
        os.dup2(source, target)
    os.close(null)
    os.close(output)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["folder"])
    sys.argv = request["command"]
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text("meltano")  # its name in `ps` and `top`


def _reap(running: dict[int, socket.socket]) -> None:
    """Tell of the processes that have ended."""
    for pid in list(running):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            reply = running.pop(pid)
            _tell(reply, ENDED, os.waitstatus_to_exitcode(status))
            reply.close()


def _tell(reply: socket.socket, what: bytes, number: int) -> None:
    with contextlib.suppress(OSError):  # nobody waits for it any more
        reply.sendall(b"%b %d\n" % (what, number))


if __name__ == "__main__":
    main()
