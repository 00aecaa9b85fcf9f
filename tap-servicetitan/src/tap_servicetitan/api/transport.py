"""Sends one HTTP request, and raises RetriableError when sending it again may help."""

from __future__ import annotations

import zlib
from collections import deque
from contextlib import contextmanager
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
import urllib3

from tap_servicetitan.api.gzip_body import decompress
from tap_servicetitan.api.responses import HttpResponse, describe, retry_after_seconds
from tap_servicetitan.api.server_clock import ServerClock
from tap_servicetitan.errors import RetriableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Transport:
    """HTTP with keep-alive, gzip, a timeout on every request and no redirects. Safe to share between threads."""

    def __init__(self, timeout_seconds: float) -> None:
        """Start without a connection.

        Args:
            timeout_seconds: How long to wait for a connection, and for the next bytes of a response.
        """
        self._timeout_seconds = timeout_seconds
        self.clock = ServerClock()
        """The clock of the servers that answer."""
        self._user_agent = f"tap-servicetitan/{version('tap-servicetitan')}"
        # A session must not be used by two threads at once. The last one used has the warmest connection.
        self._idle: deque[requests.Session] = deque()

    def send(
        self,
        method: str,
        url: str,
        *,
        params: dict[str, str] | None = None,
        data: dict[str, str] | bytes | None = None,
        headers: Callable[[requests.PreparedRequest], requests.PreparedRequest] | None = None,
    ) -> HttpResponse:
        """Send a request and read the response to its end.

        Args:
            method: `GET` or `POST`.
            url: Address without query.
            params: Query parameters.
            data: Form fields, or a body of another type, which the headers name.
            headers: Puts headers into the request. As requests' `auth` it also keeps a .netrc file out of it.

        Returns:
            A response with any status that sending the request again would not change.

        Raises:
            RetriableError: On connection trouble, a cut body, or a status that may pass.
        """
        request = f"{method} {urlsplit(url).path}"
        try:
            response = self._exchange(method, url, params=params, data=data, auth=headers)
        except (requests.ConnectionError, requests.Timeout) as error:
            raise RetriableError(f"{request}: {_reason(error)}") from error
        except (urllib3.exceptions.HTTPError, zlib.error) as error:
            raise RetriableError(f"{request}: the response was cut short") from error
        if response.may_pass:
            raise RetriableError(
                f"{request}: {describe(response)}",
                retry_after_seconds=retry_after_seconds(response.headers.get("Retry-After")),
                throttled=response.status == HTTPStatus.TOO_MANY_REQUESTS,
            )
        return response

    def _exchange(self, method: str, url: str, **request: Any) -> HttpResponse:  # noqa: ANN401 - passed on as it is
        # A redirect could carry the app key to another host.
        fixed: dict[str, Any] = {"timeout": self._timeout_seconds, "allow_redirects": False, "stream": True}
        with self._session() as session, session.request(method, url, **fixed, **request) as response:
            gzipped = response.headers.get("Content-Encoding") == "gzip"
            # All at once: reading in pieces, as `requests` does, takes longer than decompressing them.
            body = response.raw.read(decode_content=not gzipped)
            if gzipped and (body or response.ok):  # an error response may have no body, and its status still counts
                body = decompress(body)
            sent = self.clock.note(response.headers.get("Date"))
            return HttpResponse(response.status_code, response.reason or "", response.headers, body, sent)

    @contextmanager
    def _session(self) -> Iterator[requests.Session]:
        """Lend a session that no other thread uses meanwhile."""
        try:
            session = self._idle.pop()
        except IndexError:
            session = requests.Session()
            session.headers.update({"User-Agent": self._user_agent, "Accept-Encoding": "gzip"})
        try:
            yield session
        finally:
            self._idle.append(session)


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no response in time"
    kind = "trusted connection" if isinstance(error, requests.exceptions.SSLError) else "connection"
    return f"no {kind} to {urlsplit(error.request.url or '').netloc if error.request else 'the server'}"
