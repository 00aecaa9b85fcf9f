"""Finds the JSON in the body of a call of the BigQuery API."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

UPLOAD = "/upload"
"""What the path of a media upload begins with."""

_FIRST_PART = re.compile(rb"\A--[^\r\n]+\r?\n.*?\r?\n\r?\n(.*?)\r?\n--", re.DOTALL)
"""The first part of a multipart body, which holds the job of a small upload."""


def is_media(method: str, path: str) -> bool:
    """Return whether a call brings bytes of a file and nothing else: a later part of a resumable upload."""
    return method == "PUT" and urlsplit(path).path.startswith(UPLOAD)


def read_json(method: str, path: str, body: bytes) -> Any:  # noqa: ANN401 - JSON
    """Return the JSON that a call brings; None if it brings none.

    https://docs.cloud.google.com/bigquery/docs/reference/api-uploads

    Args:
        method: Such as `POST`.
        path: The path with the query.
        body: The body.

    Raises:
        ValueError: If it brings something else.
    """
    if not body or is_media(method, path):
        return None
    if urlsplit(path).path.startswith(UPLOAD) and (part := _FIRST_PART.match(body)):
        body = part[1]
    return json.loads(body)
