"""Builds Singer messages for tests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

INTEGER = {"type": ["integer", "null"]}
STRING = {"type": ["string", "null"]}
TIMESTAMP = {"type": ["string", "null"], "format": "date-time"}
DECIMAL = {"type": ["number", "null"], "format": "decimal"}


def schema(stream: str, properties: dict[str, Any], key: Iterable[str] = ("id",)) -> dict[str, Any]:
    """Return a SCHEMA message."""
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"type": "object", "properties": properties},
        "key_properties": list(key),
    }


def record(stream: str, values: dict[str, Any], version: int | None = None) -> dict[str, Any]:
    """Return a RECORD message."""
    message = {"type": "RECORD", "stream": stream, "record": values}
    return message if version is None else {**message, "version": version}


def activate(stream: str, version: int) -> dict[str, Any]:
    """Return an ACTIVATE_VERSION message."""
    return {"type": "ACTIVATE_VERSION", "stream": stream, "version": version}


def state(value: dict[str, Any]) -> dict[str, Any]:
    """Return a STATE message."""
    return {"type": "STATE", "value": value}


def lines(messages: Iterable[dict[str, Any] | bytes]) -> bytes:
    """Return messages as input for a target. Bytes are used as a line without change."""
    return b"".join(
        (message if isinstance(message, bytes) else json.dumps(message).encode()) + b"\n" for message in messages
    )
