"""Runs one web application as a process: a free port, a ready line on stdout, a clean end."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING, override

import orjson
import uvicorn

if TYPE_CHECKING:
    from types import FrameType

    from starlette.types import ASGIApp

HOST = "127.0.0.1"

_KEEP_ALIVE_SECONDS = 75
_GRACE_SECONDS = 2


def exit_on_signals() -> None:
    """End the process with code 0 on SIGTERM and SIGINT: for a server they are the ordinary way to end."""

    def leave(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of signal
        sys.exit(0)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)


def exit_at_end_of_input() -> None:
    """End the process when its standard input ends.

    A parent that holds the other end of the pipe so takes this process with it, even when it is killed: the kernel
    closes the pipe whatever the parent dies of.
    """

    def watch() -> None:
        # Not through sys.stdin: a read that blocks in it would hold up the interpreter's exit.
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def announce(ready: dict[str, dict[str, str]]) -> None:
    """Write the ready line: one JSON object on stdout."""
    sys.stdout.buffer.write(orjson.dumps(ready) + b"\n")
    sys.stdout.buffer.flush()


def listen(port: int) -> socket.socket:
    """Return a socket that is bound to the port, or to a free one when it is 0.

    Raises:
        OSError: If the port is taken.
    """
    # The protocol is named because asyncio switches Nagle's algorithm off only where it is: each answer on a connection
    # that is kept alive would otherwise wait 40 ms for an acknowledgement.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((HOST, port))
    return bound


def url(bound: socket.socket) -> str:
    """Return the address of a bound socket as an HTTP URL without a path."""
    return f"http://{HOST}:{bound.getsockname()[1]}"


def serve(app: ASGIApp, bound: socket.socket, ready: dict[str, dict[str, str]], *, date_header: bool = True) -> None:
    """Serve the application until a signal comes; announce it once it answers.

    Args:
        app: The application.
        bound: Where it listens.
        ready: What is announced.
        date_header: Whether the server puts the date into its answers, and not the application.
    """
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        date_header=date_header,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    _AnnouncingServer(config, ready).run(sockets=[bound])


class _AnnouncingServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: dict[str, dict[str, str]]) -> None:
        super().__init__(config)
        self._ready = ready

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        announce(self._ready)
