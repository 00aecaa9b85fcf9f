"""An HTTP proxy between the target and BigQuery that can stop or fail a chosen request.

With it a test kills the target at an exact point of a run: after the load and before the MERGE, or after the MERGE and
before the STATE.
"""

from __future__ import annotations

import http.client
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Literal, Self, override
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType

HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "content-encoding", "host"}


@dataclass
class Trap:
    """What happens to the requests whose path or body holds a text."""

    text: bytes
    action: Literal["hold before", "hold after", "fail"]
    times: int = 1
    status: int = 503
    reason: str = "backendError"
    reached: threading.Event = field(default_factory=threading.Event)
    """Set when the first such request is there: for `hold after`, when BigQuery has answered it."""
    seen: int = 0

    def catches(self, path: str, body: bytes) -> bool:
        """Return whether a request falls into the trap. It counts as one of its `times`."""
        if self.text not in path.encode() + b"\n" + body or self.seen >= self.times:
            return False
        self.seen += 1
        return True


class Proxy:
    """Forwards to BigQuery, except for what falls into a trap."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream)
        self.traps: list[Trap] = []
        self.released = threading.Event()
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def trap(self, trap: Trap) -> Trap:
        """Set a trap and return it."""
        self.traps.append(trap)
        return trap

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: Proxy

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        trap = next((one for one in self.owner.traps if one.catches(self.path, body)), None)
        if trap is None:
            self._forward(body)
        elif trap.action == "fail":
            trap.reached.set()
            self._answer_error(trap)
        elif trap.action == "hold before":
            trap.reached.set()
            self.owner.released.wait()
        else:
            self._forward(body, trap)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - the names that http.server calls

    def _forward(self, body: bytes, trap: Trap | None = None) -> None:
        upstream = http.client.HTTPConnection(self.owner.upstream.hostname or "", self.owner.upstream.port)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        headers["Accept-Encoding"] = "identity"
        if self.headers.get("Content-Encoding"):
            headers["Content-Encoding"] = self.headers["Content-Encoding"]
        upstream.request(self.command, self.path, body, headers)
        response = upstream.getresponse()
        answer = response.read()
        upstream.close()
        if trap:
            trap.reached.set()
            self.owner.released.wait()
            return
        kept = [(name, value) for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP]
        self._answer(response.status, kept, answer)

    def _answer_error(self, trap: Trap) -> None:
        error = {"reason": trap.reason, "message": "set by the test", "domain": "global"}
        text = json.dumps({"error": {"code": trap.status, "message": "set by the test", "errors": [error]}})
        self._answer(trap.status, [("Content-Type", "application/json")], text.encode())

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        try:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:  # the client was killed, as the test wanted
            self.close_connection = True
