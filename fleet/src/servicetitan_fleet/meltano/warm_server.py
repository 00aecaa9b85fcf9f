"""Loads a program's libraries once, and starts the program as a fork of itself as often as it is asked to.

Loading them takes most of the time in which a Meltano or a plugin starts. This process has a single thread and never
any company's settings: each fork takes those of its own company from a socket, and is then an ordinary process of that
company, in the process group that it was told. `warm_start.py` is the other side.

The server of Meltano starts those of the plugins, so that all are in one session: only there can a process of one
become a member of a group of another's. This file is run by the plugins' interpreters as well, and imports nothing else
of this package.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import importlib.metadata
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Program = Callable[[], None]

READY = b"."
"""What it says when the libraries are loaded."""

STARTED, ENDED = b"pid", b"code"
"""What is told of a process, each with a number in a line: its id, and its exit code, as `subprocess` has it."""

OWN_GROUP = 0
"""Stands for a new process group, which is named after its first process."""

PLUGIN_OPTION = "--warm-plugin"
"""Option with a plugin's name, a colon and the descriptor of its server, for programs that start plugins."""

_LOAD_SECONDS = 30.0
_POLL_SECONDS = 0.05
_LEAST_DESCRIPTORS, _MOST_DESCRIPTORS = 4, 8
_CHUNK = 1 << 16


def main() -> NoReturn:
    """Serve until whoever asks has ended, and the processes. In a fork: be the program, and exit with its code.

    The arguments are the descriptor of the socket that brings the requests, and what to serve, as JSON:

    - `libraries`: modules to load. The first one must exist.
    - `programs`: by name, where to find the function that is the program, as `module:function`; or as `:name`, the
      console script of that name in this interpreter's environment.
    - `plugins`: by name, the command of another server, without its descriptor.
    """
    end = _QuickEnd()
    atexit.register(end)  # before all others, so that it is called after them
    control, served = socket.socket(fileno=int(sys.argv[1])), json.loads(sys.argv[2])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, it would take the exit codes away
    servers = {name: _start_server(command) for name, command in served.get("plugins", {}).items()}
    programs = _load(served)
    if not programs or len(list(Path("/proc/self/task").iterdir())) > 1:
        sys.exit(1)  # a fork has one thread, and would wait for the others for ever
    plugins = {name: server for name, (server, _) in servers.items() if _is_ready(server)}
    gc.collect()
    gc.freeze()  # so that the forks share the memory of the libraries
    control.sendall(READY)
    program = serve(control, programs)
    if program:
        sys.argv[1:1] = [f"{PLUGIN_OPTION}={name}:{server.fileno()}" for name, server in plugins.items()]
        with end:
            program()
            sys.exit(0)
    for server, process in servers.values():
        server.close()
        if process:
            process.wait()  # what it has used is then counted as this one's
    sys.exit(0)


class _QuickEnd:
    """The end of a fork, without taking its libraries apart: that would copy all the memory that it shares.

    As a context, it learns the exit code of the program in it. Called when all else is done, it ends the process.
    """

    def __init__(self) -> None:
        self._code: int | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
            self._code = error.code or 0

    def __call__(self) -> None:
        if self._code is None:
            return  # a server, or an end that Python has something to say of
        with contextlib.suppress(OSError, ValueError):
            for output in filter(None, (sys.stdout, sys.stderr)):
                output.flush()
            os._exit(self._code & 0xFF)


def _load(served: Mapping[str, Any]) -> dict[str, Program]:
    """Load the libraries, and return the programs that exist."""
    for name in served["libraries"]:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    if served["libraries"][0] not in sys.modules:
        return {}
    programs = {}
    for name, place in served["programs"].items():
        with contextlib.suppress(ImportError, AttributeError, ValueError):
            programs[name] = _find(place)
    return programs


def _find(place: str) -> Program:
    module, _, name = place.partition(":")
    if module:
        found: Program = getattr(importlib.import_module(module), name)
        return found
    (script,) = importlib.metadata.entry_points(group="console_scripts", name=name)
    loaded: Program = script.load()
    return loaded


def _start_server(command: list[str]) -> tuple[socket.socket, subprocess.Popen[bytes] | None]:
    """Start another server, in this one's group. Return the socket for its requests, and its process, if any."""
    ours, theirs = socket.socketpair()
    process = None
    with theirs, contextlib.suppress(OSError):
        interpreter, *arguments, served = command
        process = subprocess.Popen(  # noqa: S603 - this file
            [interpreter, *arguments, str(theirs.fileno()), served],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    return ours, process


def _is_ready(server: socket.socket) -> bool:
    """Wait until another server has loaded its libraries. Return False if it cannot."""
    server.settimeout(_LOAD_SECONDS)
    try:
        return server.recv(1) == READY
    except OSError:
        return False
    finally:
        server.settimeout(None)


def serve(control: socket.socket, programs: Mapping[str, Program]) -> Program | None:
    """Start a process for each request. Return its program in each new one, and None when nothing is left to do.

    A request is a socket and other descriptors: the standard input, output and error output of the process, and what it
    inherits. The socket brings the rest of the request, and takes what is told of the process.

    Args:
        control: Brings the requests.
        programs: What may be asked for, by name.
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
        if program := _start(control, descriptors, running, programs):
            return program
    while running:  # somebody may still want to know how they end
        time.sleep(_POLL_SECONDS)
        _reap(running)
    return None


def _start(
    control: socket.socket,
    descriptors: list[int],
    running: dict[int, socket.socket],
    programs: Mapping[str, Program],
) -> Program | None:
    """Start a process. Return its program in it, and None here.

    If that fails, the reply is closed without a word, and whoever asks starts the program as any other.
    """
    pid = _fork() if len(descriptors) >= _LEAST_DESCRIPTORS else -1
    if pid:
        for descriptor in descriptors[1:] if pid > 0 else descriptors:
            os.close(descriptor)
        if pid > 0:
            running[pid] = socket.socket(fileno=descriptors[0])
        return None
    for other in (control, *running.values()):
        other.close()
    reply = socket.socket(fileno=descriptors[0])
    try:
        # Only here: what the server itself has read, every later fork would have in its memory.
        request = _read(reply)
        program = programs[request["program"]]
        _become(request, descriptors[1:_LEAST_DESCRIPTORS])
    except (OSError, ValueError, KeyError):
        os._exit(1)
    _tell(reply, STARTED, os.getpid())  # only now is it in a process group that can be ended
    reply.close()
    return program


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


def _become(request: dict[str, Any], standard: list[int]) -> None:
    """Make of this fork the process that was asked for."""
    os.setpgid(0, request["group"])
    os.umask(request["umask"])
    for target, source in enumerate(standard):
        os.dup2(source, target)
    for source in standard:
        os.close(source)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["folder"])
    sys.argv = request["command"]
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(request["oom_score"])
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(request["program"])  # its name in `ps` and `top`


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
