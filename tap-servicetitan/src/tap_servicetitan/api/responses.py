"""HTTP responses: their contents, and what an error response says."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

RETRIABLE_STATUSES = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
"""Client errors (4xx) that may pass. All server errors (5xx) may."""

LONGEST_DETAIL = 300
"""How much of a response's own error text goes into a message, in characters."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response, read to its end."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    sent: datetime
    """When the server sent it (UTC), by its own clock and cut to a second."""

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
