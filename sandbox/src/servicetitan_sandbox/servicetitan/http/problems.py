"""Error responses of the API, as RFC 7807 describes them."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING

import orjson
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping


class Problem(Exception):  # noqa: N818 - the word of RFC 7807
    """A request failed. The application turns it into an error response.

    Args:
        status: The HTTP status.
        title: The error in words.
        errors: Errors by parameter.
        headers: Headers of the response.
    """

    def __init__(
        self,
        status: int,
        title: str,
        errors: Mapping[str, list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.errors = errors or {}
        self.headers = headers

    def response(self) -> Response:
        """Return the error response."""
        body = {
            "type": f"https://httpstatuses.io/{self.status}",
            "title": self.title or HTTPStatus(self.status).phrase,
            "status": self.status,
            "traceId": secrets.token_hex(16),
            "errors": self.errors,
            "data": {},
        }
        return Response(orjson.dumps(body), self.status, self.headers, media_type="application/problem+json")


def invalid(parameter: str, reason: str) -> Problem:
    """Return the problem 400 for a parameter with an invalid value."""
    return Problem(400, "One or more validation errors occurred.", {parameter: [reason]})
