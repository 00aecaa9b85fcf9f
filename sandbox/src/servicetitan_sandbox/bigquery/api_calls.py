"""Tells which method of the BigQuery API a request calls, by Google's discovery document. Pure functions."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local_bigquery.app import DISCOVERY, PREFIX, methods

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

UPLOAD = "upload"
"""The kind of a request that sends a file, whole or in parts. It calls `jobs.insert`, at an address of its own."""

_SERVICE = "bigquery."
_UPLOAD_PREFIX = "/upload"
_VARIABLE = re.compile(r"\{\+?(\w+)\}")


@dataclass(frozen=True)
class ApiCall:
    """A call of the API."""

    kind: str
    """Its method, such as `jobs.getQueryResults`, or `upload`."""
    names: Mapping[str, str]
    """The parts of its path by the names that the discovery document gives them, such as `projectId`."""


def read_call(http_method: str, path: str) -> ApiCall | None:
    """Return the call that a request makes; None if it makes none, such as a request to the control API.

    Args:
        http_method: `GET`, `POST` and so on.
        path: The path of its address, without the query.
    """
    if path.startswith(_UPLOAD_PREFIX):
        return ApiCall(UPLOAD, {})
    for method, pattern, kind in _methods():
        if method == http_method and (match := pattern.fullmatch(path)):
            return ApiCall(kind, match.groupdict())
    return None


@functools.cache
def _methods() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    return tuple(_read_methods())


def _read_methods() -> Iterator[tuple[str, re.Pattern[str], str]]:
    for method in methods(DISCOVERY):
        path = _VARIABLE.sub(r"(?P<\1>[^/]+)", f"{PREFIX}/{method['path']}")
        yield method["httpMethod"], re.compile(path), method["id"].removeprefix(_SERVICE)
