"""An HTTP API whose responses a test scripts, for cases that the local ServiceTitan lacks and for exact counts."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Self, override
from urllib.parse import parse_qsl, urlsplit

from support.http_server import LocalServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

Query = dict[str, str]


@dataclass
class Reply:
    """A response that is not just JSON and 200."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"


class ScriptedApi:
    """Answers each path with the result of a function. Accepts any credentials."""

    def __init__(self) -> None:
        self.routes: dict[str, Callable[[Query], Any]] = {}
        """A function of the query per path, without the part up to the tenant. A body is in the query as `body`."""
        self.requests: list[tuple[str, Query]] = []
        """Path and query of each request, in the order of arrival."""
        self.headers: list[dict[str, str]] = []
        """The headers of each request, that for a token too."""
        self.now: datetime | None = None
        """The time by its clock, if a test stops it."""
        self._server = LocalServer(("127.0.0.1", 0), self._handler())

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def config(self) -> dict[str, Any]:
        """Settings of the tap."""
        url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return {
            "tenant_id": "7",
            "client_id": "client",
            "client_secret": "secret-of-the-client",
            "app_key": "key-of-the-app",
            "api_url": url,
            "auth_url": f"{url}/connect/token",
            "requests_per_second": 1000,
            "max_retries": 2,
        }

    def timestamp(self) -> float | None:
        """Return the time by its clock, if a test has stopped it, in seconds since 1970."""
        return self.now.timestamp() if self.now else None

    @property
    def owner(self) -> dict[str, str]:
        """What each bookmark says of whose it is."""
        return {"tenant": "7", "environment": "production"}

    def asked(self, path: str) -> list[Query]:
        """Return the queries of the requests for a path."""
        return [query for asked, query in self.requests if asked == path]

    def answer(self, path: str, query: Query) -> Any:  # noqa: ANN401 - JSON is any of its types
        """Return the response to a request."""
        self.requests.append((path, query))
        return self.routes[path](query) if path in self.routes else Reply(404)

    def answer_post(self, url: str, body: str) -> Any:  # noqa: ANN401 - JSON is any of its types
        """Return the response to a request with a body: a token, or what the test says."""
        parts = urlsplit(url)
        if "/tenant/7/" not in parts.path:
            return {"access_token": "token", "expires_in": 900}
        return self.answer(parts.path.split("/tenant/7", 1)[1], {**dict(parse_qsl(parts.query)), "body": body})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self._send(api.answer_post(self.path, body))

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                self._send(api.answer(url.path.split("/tenant/7", 1)[1], dict(parse_qsl(url.query))))

            def _send(self, answer: Any) -> None:  # noqa: ANN401 - JSON is any of its types
                api.headers.append(dict(self.headers.items()))
                _send(self, _reply(answer))

            @override
            def date_time_string(self, timestamp: float | None = None) -> str:
                return super().date_time_string(api.timestamp() or timestamp)

            @override
            def log_message(self, *_: object) -> None:
                """Log nothing."""

        return Handler


def _reply(answer: Any) -> Reply:  # noqa: ANN401 - JSON is any of its types
    if isinstance(answer, Reply):
        return answer
    return Reply(200, body=answer if isinstance(answer, bytes) else json.dumps(answer).encode())


def _send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    handler.send_response(reply.status)
    for name, value in reply.headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(reply.body)))
    handler.end_headers()
    handler.wfile.write(reply.body)


def page_of(records: list[dict[str, Any]], query: Query) -> dict[str, Any]:
    """Return the page of a list for a query."""
    number, size = int(query["page"]), int(query["pageSize"])
    chosen = records[(number - 1) * size : number * size]
    return {"hasMore": number * size < len(records), "totalCount": len(records), "data": chosen}
