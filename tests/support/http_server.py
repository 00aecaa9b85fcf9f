"""An HTTP server in this process, for tests."""

from __future__ import annotations

import socket
import sys
from contextlib import suppress
from http.server import ThreadingHTTPServer
from typing import Any, override


class LocalServer(ThreadingHTTPServer):
    """A server on a free port. A client that is killed in the middle of a request is nothing to report.

    The standard one prints a traceback then, from a thread that nobody waits for: after the test, when the standard
    error that was captured is closed, so that the next test fails. It also writes an answer in two parts, and the
    kernel holds the second one for 40 ms, unless it is told not to.
    """

    daemon_threads = True

    def __init__(self, *given: Any) -> None:  # noqa: ANN401 - what the standard one takes
        super().__init__(*given)
        self._connections: set[socket.socket] = set()

    @override
    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections.add(connection)
        return connection, address

    @override
    def close_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().close_request(request)

    def end_connections(self) -> None:
        """End all connections, also those that a client keeps and will never use again."""
        for connection in list(self._connections):
            with suppress(OSError):  # the client has closed it
                connection.shutdown(socket.SHUT_RDWR)

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
