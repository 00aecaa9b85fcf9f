"""An HTTP proxy between the target and BigQuery that can hold or fail chosen requests, or random ones.

With a trap a test kills the target at an exact point of a run: after the load and before the MERGE, or after the MERGE
and before the STATE. With faults it makes the whole connection unreliable, in the same way for the same seed. A gate
decides about each request when it comes: so several targets can be held and let go in a chosen order.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Literal, Protocol, Self, override
from urllib.parse import urlsplit

from support.http_server import LocalServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "content-encoding", "host"}


@dataclass
class Trap:
    """Holds or fails requests whose path or body contains a text."""

    text: bytes
    action: Literal["hold before", "hold after", "fail"]
    times: int = 1
    skip: int = 0
    """How many of them pass first."""
    status: int = 503
    reason: str = "backendError"
    reached: threading.Event = field(default_factory=threading.Event)
    """Set when the first such request has arrived; for `hold after`, when BigQuery has answered it."""
    meanwhile: Callable[[], object] = lambda: None
    """Called before a request is failed."""
    seen: int = 0

    def catches(self, path: str, body: bytes) -> bool:
        """Return whether the trap catches a request, and count it."""
        if self.text not in path.encode() + b"\n" + body or self.seen >= self.times:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.seen += 1
        return True


ERRORS = {
    "429": (429, "rateLimitExceeded"),
    "500": (500, "internalError"),
    "503": (503, "backendError"),
    "403 rate limit": (403, "rateLimitExceeded"),
    "503 after": (503, "backendError"),
}
"""Faults that answer with an error, and the status and reason of the error."""

FAULTS = (*ERRORS, "drop before", "drop after", "delay", "truncate", "twice", "page")
"""`after`: after BigQuery has done the work. `page`: an HTML page of a gateway. `twice`: the request arrives twice."""

AFTER = {"503 after", "drop after", "truncate", "twice", "delay"}


@dataclass(frozen=True)
class Request:
    """A request to the proxy."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """An answer of BigQuery, or one that a gate makes up."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Gate(Protocol):
    """Decides about each request. It may take its time."""

    def __call__(self, request: Request, forward: Callable[[bytes], Answer]) -> Answer | None:
        """Return what the client gets: an answer, or None for a connection that ends without one.

        Args:
            request: The request.
            forward: Sends it to BigQuery with this body, and returns the answer.
        """


class Faults:
    """Draws the fault of each request: always the same for a seed. The order of the requests is up to the threads."""

    def __init__(self, seed: object, *, rate: float) -> None:
        self._dice = random.Random(str(seed))
        self._rate = rate
        self._lock = threading.Lock()
        self.injected: Counter[str] = Counter()

    def next(self) -> str | None:
        """Return the fault of the next request; None for no fault."""
        with self._lock:
            if self._dice.random() >= self._rate:
                return None
            fault = self._dice.choice(FAULTS)
            self.injected[fault] += 1
            return fault


class Proxy:
    """Forwards requests to BigQuery, unless a trap catches them or a fault hits them.

    Args:
        upstream: Base URL of the local BigQuery, or of another proxy.
        keeps_requests: Whether to record all requests, with their bodies.
    """

    def __init__(self, upstream: str, *, keeps_requests: bool = True) -> None:
        self.keeps_requests = keeps_requests
        self.upstream = urlsplit(upstream)
        self.traps: list[Trap] = []
        self.faults: Faults | None = None
        self.gate: Gate | None = None
        self.requests: list[Request] = []
        self.released = threading.Event()
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = LocalServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def trap(self, trap: Trap) -> Trap:
        """Set a trap and return it."""
        self.traps.append(trap)
        return trap

    def end_connections(self) -> None:
        """End all connections. A client that was killed in a thread keeps its own open."""
        self._server.end_connections()

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
        request = Request(self.command, self.path, body, dict(self.headers))
        if self.owner.keeps_requests:
            self.owner.requests.append(request)
        trap = next((trap for trap in self.owner.traps if trap.catches(self.path, body)), None)
        if self.owner.gate is not None:
            self._pass_gate(self.owner.gate, request)
        elif trap is None:
            self._answer_with_fault(self.owner.faults.next() if self.owner.faults else None, body)
        elif trap.action == "fail":
            trap.reached.set()
            trap.meanwhile()
            self._answer_error(trap.status, trap.reason)
        elif trap.action == "hold before":
            trap.reached.set()
            self.owner.released.wait()
        else:
            self._forward(body, trap)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - the names that http.server calls

    def _pass_gate(self, gate: Gate, request: Request) -> None:
        answer = gate(request, lambda sent: Answer(*self._ask(sent)))
        if answer is None:
            self.close_connection = True
        else:
            self._answer(answer.status, answer.headers, answer.body)

    def _answer_with_fault(self, fault: str | None, body: bytes) -> None:
        """Answer a request, with a fault or without."""
        if fault == "delay":
            time.sleep(0.1)
        answer = self._ask(body) if fault is None or fault in AFTER else (502, [], b"<html>Bad gateway</html>")
        if fault == "twice":
            answer = self._ask(body)
        if fault in ERRORS:
            self._answer_error(*ERRORS[fault])
        elif fault in {"drop before", "drop after"}:
            self.close_connection = True
        else:
            self._answer(*answer, cut=fault == "truncate")

    def _forward(self, body: bytes, trap: Trap) -> None:
        self._ask(body)
        trap.reached.set()
        self.owner.released.wait()

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        upstream = http.client.HTTPConnection(self.owner.upstream.hostname or "", self.owner.upstream.port)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        headers["Accept-Encoding"] = "identity"
        if self.headers.get("Content-Encoding"):
            headers["Content-Encoding"] = self.headers["Content-Encoding"]
        upstream.request(self.command, self.path, body, headers)
        response = upstream.getresponse()
        answer = response.read()
        upstream.close()
        kept = [(name, value) for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP]
        # The parts of a file go to the address in `Location`.
        upstream_url = self.owner.upstream.geturl()
        here = [(name, value.replace(upstream_url, self.owner.url)) for name, value in kept]
        return response.status, here, answer

    def _answer_error(self, status: int, reason: str) -> None:
        error = {"reason": reason, "message": "set by the test", "domain": "global"}
        text = json.dumps({"error": {"code": status, "message": "set by the test", "errors": [error]}})
        self._answer(status, [("Content-Type", "application/json")], text.encode())

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, *, cut: bool = False) -> None:
        try:
            self.send_response_only(status)
            for name, value in headers or [("Date", self.date_time_string())]:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if cut else body)
            self.close_connection = self.close_connection or cut
        except OSError:  # the client was killed, as the test wanted
            self.close_connection = True
