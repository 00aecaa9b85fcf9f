"""HTTP responses: their contents, and what an error response says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from tap_servicetitan.plugin_runtime.clock import retry_after_seconds
from tap_servicetitan.plugin_runtime.plurals import pluralize

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

RETRIABLE_STATUSES = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
"""Client errors (4xx) that may pass. All server errors (5xx) may."""

_PAUSE = re.compile(r"(\d+(?:\.\d+)?)\s*s(?:ec(?:ond)?s?)?\b", re.IGNORECASE)

_JSON_NAMES = {bool: "boolean", int: "number", float: "number", str: "text"}

LONGEST_DETAIL = 300
"""How much of a response's own error text goes into a message, in characters."""


class Place(Protocol):
    """The room that a page takes in memory."""

    def give_back(self) -> None:
        """Give the room to another page."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response, read to its end."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    sent: datetime
    """When the server sent it (UTC), by its own clock and cut to a second."""
    seconds: float = 0.0
    """How long the server took until its answer began."""
    place: Place | None = None
    """The room that the body takes."""

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON, or there is none: the API itself answers so, and what stands before it does not."""
        if not self.body.strip():
            return True
        try:
            msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        return True

    @property
    def requested_pause_seconds(self) -> float | None:
        """The pause that the response asks for, in `Retry-After` or, as that of a report may, in its title."""
        requested = retry_after_seconds(self.headers.get("Retry-After"), self.sent)
        return _pause_in(self) if requested is None else requested

    @property
    def may_pass(self) -> bool:
        """Whether the status is an error that may be gone when the request is sent again."""
        return self.status in RETRIABLE_STATUSES or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def describe(response: HttpResponse) -> str:
    """Return an error response in words: its status and, from an RFC 7807 body, title, errors and trace id."""
    status = f"{response.status} {response.reason}".strip()
    try:
        problem = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"{status} (no JSON in the response)"
    detail = _problem_text(problem) if isinstance(problem, dict) else ""
    return f"{status}: {detail[:LONGEST_DETAIL]}" if detail else status


def shape_of(body: bytes) -> str:
    """Return what a body of JSON is, in words and without its values, to follow `it`."""
    value = msgspec.json.decode(body)
    if isinstance(value, dict):
        return f"has the fields {', '.join(map(str, value))}"[:LONGEST_DETAIL] if value else "is an empty object"
    if isinstance(value, list):
        return f"is an array of {pluralize(len(value), 'value')}"
    return "is null" if value is None else f"is a {_JSON_NAMES[type(value)]}"


def _pause_in(response: HttpResponse) -> float | None:
    """Return the seconds that the title of a 429 names, as in `Try again in 55 seconds`, or None."""
    if response.status != HTTPStatus.TOO_MANY_REQUESTS:
        return None
    try:
        problem = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    match = _PAUSE.search(str(problem.get("title"))) if isinstance(problem, dict) else None
    return float(match[1]) if match else None


def _problem_text(problem: dict[str, Any]) -> str:
    title, errors, trace_id = problem.get("title") or "", problem.get("errors"), problem.get("traceId")
    parts = [str(title)]
    if isinstance(errors, dict):
        parts += [f"{name}: {_join(value)}" for name, value in errors.items()]
    if trace_id:
        parts.append(f"trace id {trace_id}")
    return ", ".join(part for part in parts if part)


def _join(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
