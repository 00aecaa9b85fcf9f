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

from tap_servicetitan.api.gzip_body import BodyTooLargeError, decompress, stated_size
from tap_servicetitan.api.responses import HttpResponse, describe
from tap_servicetitan.api.server_clock import ServerClock
from tap_servicetitan.errors import ResponseTooLargeError, RetriableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_servicetitan.api.responses import Place

PIECE_BYTES = 1 << 22
"""How much of a body to read at a time: much, because each piece costs time."""

MOST_SMALL_BYTES = 1 << 20
"""The largest body of an error, or of a token."""

_GZIP = frozenset({"gzip", "x-gzip"})
_PLAIN = frozenset({"", "identity"})


class Transport:
    """HTTP with keep-alive, gzip, a timeout on every request and no redirects. Safe to share between threads."""

    def __init__(
        self, timeout_seconds: float, most_bytes: int, take_room: Callable[[int], Place | None] = lambda _: None
    ) -> None:
        """Start without a connection.

        Args:
            timeout_seconds: How long to wait for a connection, and for the next bytes of a response.
            most_bytes: The largest body to accept, as it comes and decompressed.
            take_room: Waits until there is room for a body of so many bytes, and takes it.
        """
        self._take_room = take_room
        self._timeout_seconds = timeout_seconds
        self._most_bytes = most_bytes
        self.clock = ServerClock()
        """The clock of the servers that answer."""
        self._user_agent = f"tap-servicetitan/{version('tap-servicetitan')}"
        # A session must not be used by two threads at once. The last one used has the warmest connection.
        self._idle: deque[requests.Session] = deque()

    def send(  # noqa: PLR0913 - the parts of one request
        self,
        method: str,
        url: str,
        *,
        params: dict[str, str] | None = None,
        data: dict[str, str] | bytes | None = None,
        headers: Callable[[requests.PreparedRequest], requests.PreparedRequest] | None = None,
        is_small: bool = False,
    ) -> HttpResponse:
        """Send a request and read the response to its end.

        Args:
            method: `GET` or `POST`.
            url: Address without query.
            params: Query parameters.
            data: Form fields, or a body of another type, which the headers name.
            headers: Puts headers into the request. As requests' `auth` it also keeps a .netrc file out of it.
            is_small: Whether the body has at most MOST_SMALL_BYTES.

        Returns:
            A response with any status that sending the request again would not change.

        Raises:
            ResponseTooLargeError: If the body is too large. The one of an error is left out then.
            RetriableError: On connection trouble, a cut body, or a status that may pass.
        """
        request = f"{method} {urlsplit(url).path}"
        most_bytes = MOST_SMALL_BYTES if is_small else self._most_bytes
        try:
            response = self._exchange(method, url, most_bytes, params=params, data=data, auth=headers)
        except BodyTooLargeError:
            page = f", page {params['page']}" if params and "page" in params else ""
            raise ResponseTooLargeError(f"{request}{page}", most_bytes, is_set=not is_small) from None
        except (requests.ConnectionError, requests.Timeout) as error:
            is_heavy = isinstance(error, requests.ReadTimeout)
            raise RetriableError(f"{request}: {_reason(error)}", is_heavy=is_heavy) from error
        except (urllib3.exceptions.HTTPError, zlib.error) as error:
            raise RetriableError(f"{request}: the response was cut short", is_heavy=True) from error
        if response.may_pass:
            raise RetriableError(
                f"{request}: {describe(response)}",
                retry_after_seconds=response.requested_pause_seconds,
                throttled=response.status == HTTPStatus.TOO_MANY_REQUESTS,
                is_heavy=response.status == HTTPStatus.GATEWAY_TIMEOUT,
            )
        return response

    def _exchange(self, method: str, url: str, most_bytes: int, **request: Any) -> HttpResponse:  # noqa: ANN401 - passed on as it is
        # A redirect could carry the app key to another host.
        fixed: dict[str, Any] = {"timeout": self._timeout_seconds, "allow_redirects": False, "stream": True}
        with self._session() as session, session.request(method, url, **fixed, **request) as response:
            sent = self.clock.note(response.headers.get("Date"))
            seconds = response.elapsed.total_seconds()
            place = None
            if response.status_code == HTTPStatus.OK:
                body, place = _read_body(response, most_bytes, self._take_room)
            else:
                try:
                    body, _ = _read_body(response, MOST_SMALL_BYTES)
                except BodyTooLargeError:
                    body = b""  # the status counts
            return HttpResponse(
                response.status_code, response.reason or "", response.headers, body, sent, seconds, place
            )

    @contextmanager
    def _session(self) -> Iterator[requests.Session]:
        """Lend a session that no other thread uses meanwhile."""
        try:
            session = self._idle.pop()
        except IndexError:
            session = requests.Session()
            # Some endpoints would answer with text unless they are asked for JSON.
            session.headers.update(
                {"User-Agent": self._user_agent, "Accept": "application/json", "Accept-Encoding": "gzip"}
            )
        try:
            yield session
        finally:
            self._idle.append(session)


def _read_body(
    response: requests.Response, most_bytes: int, take_room: Callable[[int], Place | None] = lambda _: None
) -> tuple[bytes, Place | None]:
    """Return the body of a response, decompressed, and the room that it takes.

    A compressed body is read to its end before it waits for room: nobody likes a reader that stops in the middle.

    Raises:
        BodyTooLargeError: If it has more bytes. No more of it is read.
        zlib.error: If it is cut short, or compressed in a way that nobody asked for.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding in _PLAIN:
        place = take_room(response.raw.length_remaining or 0)
        return _read_raw(response.raw, most_bytes), place
    body = _read_raw(response.raw, most_bytes)
    if not body and not response.ok:
        return body, None  # an error response may have no body, and its status still counts
    if encoding not in _GZIP:
        raise zlib.error(f"the encoding {encoding}")
    place = take_room(min(stated_size(body), most_bytes))
    return decompress(body, most_bytes), place


def _read_raw(raw: urllib3.HTTPResponse, most_bytes: int) -> bytes:
    if (raw.length_remaining or 0) > most_bytes:
        raise BodyTooLargeError
    parts: list[bytes] = []
    left = most_bytes
    # Until nothing comes: only then it is known that nothing is missing.
    while part := raw.read(min(PIECE_BYTES, left + 1), decode_content=False):
        left -= len(part)
        if left < 0:
            raise BodyTooLargeError
        parts.append(part)
    return b"".join(parts)


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no response in time"
    kind = "trusted connection" if isinstance(error, requests.exceptions.SSLError) else "connection"
    return f"no {kind} to {urlsplit(error.request.url or '').netloc if error.request else 'the server'}"
