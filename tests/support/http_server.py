"""An HTTP server in this process, for tests."""

from __future__ import annotations

import sys
from http.server import ThreadingHTTPServer
from typing import Any, override


class LocalServer(ThreadingHTTPServer):
    """A server on a free port. A client that is killed in the middle of a request is nothing to report.

    The standard one prints a traceback then, from a thread that nobody waits for: after the test, when the standard
    error that was captured is closed, so that the next test fails.
    """

    daemon_threads = True

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
