"""Runs a web application as a process: a free port, a ready line on stdout, and a clean exit."""

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
    """Exit with code 0 on SIGTERM and SIGINT, the usual ways to stop a server."""

    def leave(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of signal
        sys.exit(0)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)


def exit_at_end_of_input() -> None:
    """Exit when standard input ends.

    If a parent process holds the other end of the pipe, this process ends with it, even when the parent is killed: the
    kernel closes the pipe in any case.
    """

    def watch() -> None:
        # Not sys.stdin: a blocking read on it would delay the exit of the interpreter.
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def announce(ready: dict[str, dict[str, str]]) -> None:
    """Write the ready line: one JSON object on stdout."""
    sys.stdout.buffer.write(orjson.dumps(ready) + b"\n")
    sys.stdout.buffer.flush()


def listen(port: int) -> socket.socket:
    """Return a socket that is bound to a port; 0 means a free port.

    Raises:
        OSError: If the port is taken.
    """
    # The protocol must be named, because asyncio disables Nagle's algorithm only then. Otherwise each response on a
    # kept-alive connection would wait 40 ms for an acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    return listener


def url(listener: socket.socket) -> str:
    """Return the address of a listening socket as an HTTP URL without a path."""
    return f"http://{HOST}:{listener.getsockname()[1]}"


def serve(app: ASGIApp, listener: socket.socket, ready: dict[str, dict[str, str]], *, date_header: bool = True) -> None:
    """Serve an application until a signal arrives. Write the ready line as soon as it accepts requests.

    Args:
        app: The application.
        listener: The socket to listen on.
        ready: The content of the ready line.
        date_header: Whether the server adds the `Date` header. If not, the application does.
    """
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        date_header=date_header,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    _AnnouncingServer(config, ready).run(sockets=[listener])


class _AnnouncingServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: dict[str, dict[str, str]]) -> None:
        super().__init__(config)
        self._ready = ready

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        announce(self._ready)
