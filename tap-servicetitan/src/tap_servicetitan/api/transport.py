"""Sends one HTTP request and sorts what comes back: an answer, an answer to give up on, or one to try again."""

from __future__ import annotations

import zlib
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import requests
import urllib3

from tap_servicetitan.errors import RetriableError
from tap_servicetitan.plugin_runtime.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

RETRIABLE_STATUSES = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
"""Client errors that pass by themselves. Server errors (5xx) all count as such."""

LONGEST_DETAIL = 300
"""How much of an answer's own words goes into a message, in characters."""

GZIP = 16 + zlib.MAX_WBITS
"""What zlib is told when the data have the head and the end of gzip."""

GZIP_HEAD = b"\x1f\x8b\x08"
"""What each member of gzipped data begins with. By chance it is in the data as well."""

MOST_RESERVED_BYTES = 1 << 26
"""How much memory is taken for a body before it has been decompressed, at most. A body may be larger."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """HTTP with keep-alive, gzip, a timeout on every request and no redirects. Safe to share between threads."""

    def __init__(self, timeout_seconds: float) -> None:
        """Start without a connection.

        Args:
            timeout_seconds: How long to wait for a connection, and for the next bytes of an answer.
        """
        self._timeout_seconds = timeout_seconds
        self._user_agent = f"tap-servicetitan/{version('tap-servicetitan')}"
        # A session is not made for several threads at once. The one that was used last has the warmest connection.
        self._idle: deque[requests.Session] = deque()

    def send(
        self,
        method: str,
        url: str,
        *,
        params: dict[str, str] | None = None,
        data: dict[str, str] | bytes | None = None,
        headers: Callable[[requests.PreparedRequest], requests.PreparedRequest] | None = None,
    ) -> Answer:
        """Send a request and read the answer to its end.

        Args:
            method: `GET` or `POST`.
            url: Address without query.
            params: Query parameters.
            data: Form fields, or a body of another type, which the headers name.
            headers: Puts headers into the request. As requests' `auth` it also keeps a .netrc file out of it.

        Returns:
            An answer with any status that a repetition would not change.

        Raises:
            RetriableError: On connection trouble, a cut body, or a status that may pass.
        """
        where = f"{method} {urlsplit(url).path}"
        try:
            answer = self._exchange(method, url, params=params, data=data, auth=headers)
        except (requests.ConnectionError, requests.Timeout) as error:
            raise RetriableError(f"{where}: {_reason(error)}") from error
        except (urllib3.exceptions.HTTPError, zlib.error) as error:
            raise RetriableError(f"{where}: the answer was cut short") from error
        if answer.status in RETRIABLE_STATUSES or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RetriableError(
                f"{where}: {describe(answer)}",
                retry_after_seconds=retry_after_seconds(answer.headers.get("Retry-After")),
                throttled=answer.status == HTTPStatus.TOO_MANY_REQUESTS,
            )
        return answer

    def _exchange(self, method: str, url: str, **request: Any) -> Answer:  # noqa: ANN401 - handed on as it is
        # A redirect could carry the app key to another host.
        fixed: dict[str, Any] = {"timeout": self._timeout_seconds, "allow_redirects": False, "stream": True}
        with self._session() as session, session.request(method, url, **fixed, **request) as response:
            gzipped = response.headers.get("Content-Encoding") == "gzip"
            # All at once: the pieces that `requests` reads by itself cost more time than decompressing them.
            body = response.raw.read(decode_content=not gzipped)
            if gzipped and (body or response.ok):  # an error may have none, and its head counts
                body = _decompressed(body)
            return Answer(response.status_code, response.reason or "", response.headers, body)

    @contextmanager
    def _session(self) -> Iterator[requests.Session]:
        """Lend a session that nobody else uses meanwhile."""
        try:
            session = self._idle.pop()
        except IndexError:
            session = requests.Session()
            session.headers.update({"User-Agent": self._user_agent, "Accept-Encoding": "gzip"})
        try:
            yield session
        finally:
            self._idle.append(session)


def _decompressed(body: bytes) -> bytes:
    """Return what a gzipped body holds, without the copies that are made where its size is not known beforehand.

    Raises:
        zlib.error: If the body is not whole.
    """
    if body.find(GZIP_HEAD, 1) > 0:
        return b"".join(_members(body))
    # The last four bytes are the size (RFC 1952).
    size = int.from_bytes(body[-4:], "little")
    return zlib.decompress(body, GZIP, min(size, MOST_RESERVED_BYTES))


def _members(body: bytes) -> Iterator[bytes]:
    """Yield what the members of a gzipped body hold. It may have several, each with a head and an end."""
    while body:
        member = zlib.decompressobj(GZIP)
        yield member.decompress(body)
        if not member.eof:
            raise zlib.error("the body ends early")
        body = member.unused_data


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    kind = "trusted connection" if isinstance(error, requests.exceptions.SSLError) else "connection"
    return f"no {kind} to {urlsplit(error.request.url or '').netloc if error.request else 'the server'}"


def retry_after_seconds(header: str | None, now: datetime | None = None) -> float | None:
    """Return the pause that a `Retry-After` header asks for (RFC 9110: seconds or a date), or None without one.

    Args:
        header: The header's value.
        now: The current time, for a header that holds a date.
    """
    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (until - (now or utc_now())).total_seconds())


def describe(answer: Answer) -> str:
    """Return an error answer in words: its status and, from an RFC 7807 body, title, errors and trace id."""
    status = f"{answer.status} {answer.reason}".strip()
    try:
        problem = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"{status} (no JSON in the answer)"
    detail = _problem_text(problem) if isinstance(problem, dict) else ""
    return f"{status}: {detail[:LONGEST_DETAIL]}" if detail else status


def _problem_text(problem: dict[str, Any]) -> str:
    title, errors, trace_id = problem.get("title") or "", problem.get("errors"), problem.get("traceId")
    parts = [str(title)]
    if isinstance(errors, dict):
        parts += [f"{name}: {_joined(value)}" for name, value in errors.items()]
    if trace_id:
        parts.append(f"trace id {trace_id}")
    return ", ".join(part for part in parts if part)


def _joined(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
