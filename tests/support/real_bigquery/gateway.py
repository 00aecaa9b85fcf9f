"""A local address for BigQuery that looks at every call: the tests and the target use it instead of the service's own.

It checks each call against Google's discovery document, refuses those that would touch datasets that are not the run's
own or would cost too much, adds the credentials, and measures how long the answer takes.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

import google.auth
import requests
from google.auth.transport.requests import AuthorizedSession
from requests.adapters import HTTPAdapter

from support.proxy import HOP_BY_HOP, Answer, Proxy, Request
from support.real_bigquery.bill import MOST_DOLLARS, Bill

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from support.real_bigquery.discovery import Discovery
    from support.real_bigquery.guard import Guard

GOOGLE = "https://bigquery.googleapis.com"
"""The service's own address."""

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_CONNECTIONS = 64
_TIMEOUT_SECONDS = 600
_FORBIDDEN = b'{"error": {"code": 403, "message": "%s", "errors": [{"reason": "accessDenied", "message": "%s"}]}}'


def open_session(upstream: str) -> requests.Session:
    """Return an HTTP session: with Application Default Credentials for Google's address, without any for another.

    Raises:
        GoogleAuthError: If there are no credentials.
    """
    session: requests.Session
    session = AuthorizedSession(google.auth.default(scopes=SCOPES)[0]) if upstream == GOOGLE else requests.Session()
    adapter = HTTPAdapter(pool_connections=_CONNECTIONS, pool_maxsize=_CONNECTIONS)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class Gateway:
    """Forwards calls to BigQuery and looks at them on the way.

    Args:
        upstream: :data:`GOOGLE`, or the base URL of a local BigQuery.
        discovery: What calls there are.
        guard: What the calls may touch; None allows everything.
        bill: What the calls may cost; None for any sum.

    Attributes:
        mistakes: What was wrong with the calls so far.
        seconds: How long the answers took, by method.
        bill: The most that the queries so far can cost, if that is reckoned.
    """

    def __init__(
        self, upstream: str, discovery: Discovery, guard: Guard | None = None, bill: Bill | None = None
    ) -> None:
        self.mistakes: list[str] = []
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self._upstream = upstream
        self._discovery = discovery
        self._guard = guard
        self.bill = bill
        self._session = open_session(upstream)
        self._lock = threading.Lock()
        self._proxy = Proxy(upstream, keeps_requests=False)
        self._proxy.gate = self._answer

    @property
    def url(self) -> str:
        """Its address: the `api_endpoint` of clients."""
        return self._proxy.url

    def take_mistakes(self) -> list[str]:
        """Return the mistakes so far, and forget them."""
        with self._lock:
            mistakes, self.mistakes = self.mistakes, []
        return mistakes

    def __enter__(self) -> Self:
        self._proxy.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._proxy.__exit__(kind, error, traceback)
        self._session.close()

    def _answer(self, request: Request, forward: Callable[[bytes], Answer]) -> Answer | None:  # noqa: ARG002
        mistakes = self._discovery.find_mistakes(request.method, request.path, request.body)
        refusal = self._refusal(request)
        if refusal:
            mistakes.append(f"{request.method} {request.path}: {refusal}")
        with self._lock:
            self.mistakes += mistakes
        return _refuse(refusal) if refusal else self._send(request)

    def _refusal(self, request: Request) -> str:
        """Return why a request must not be sent; an empty text if it may."""
        call = request.method, request.path, request.body
        if self._guard and (refusal := self._guard.refusal(*call)):
            return refusal
        is_paid = self.bill is None or self.bill.add(*call)
        return "" if is_paid else f"the queries of this run may have cost {MOST_DOLLARS} dollars"

    def _send(self, request: Request) -> Answer | None:
        """Send a request to BigQuery. The answer is None if the connection broke: the client decides what to do."""
        started = time.monotonic()
        try:
            response = self._session.request(
                request.method,
                self._upstream + request.path,
                data=request.body,
                headers=_without_hop_by_hop(request.headers),
                allow_redirects=False,
                timeout=_TIMEOUT_SECONDS,
            )
        except requests.RequestException:
            return None
        self._measure(request, time.monotonic() - started)
        headers = [(name, self._here(value)) for name, value in _without_hop_by_hop(response.headers).items()]
        return Answer(response.status_code, headers, response.content)

    def _measure(self, request: Request, seconds: float) -> None:
        method = self._discovery.method_of(request.method, request.path)
        name = "an upload" if request.method == "PUT" and method and method.takes_upload else method and method.id
        with self._lock:
            self.seconds[name or "unknown"].append(seconds)

    def _here(self, value: str) -> str:
        """Return a header's value with this address in place of BigQuery's: an upload goes on where it is told to."""
        return value.replace(self._upstream, self.url)


def _refuse(reason: str) -> Answer:
    text = f"refused by the tests: {reason}".replace('"', "'").encode()
    return Answer(HTTPStatus.FORBIDDEN, [("Content-Type", "application/json")], _FORBIDDEN % (text, text))


def _without_hop_by_hop(headers: Any) -> dict[str, str]:  # noqa: ANN401 - any mapping of headers
    return {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP | {"authorization"}}
