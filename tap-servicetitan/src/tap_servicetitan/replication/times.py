"""The forms that times take: in the API, in the state, and as a version."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


def truncate_to_second(time: str) -> str:
    """Return one of the API's times without its fraction: times come with and without, and differ in digits."""
    return time[:19]


def format_api_time(time: datetime) -> str:
    """Return a time (UTC) as the API writes and takes it, cut to a second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def format_state_time(time: datetime) -> str:
    """Return a time (UTC) as the state holds it: ISO 8601, milliseconds."""
    return time.isoformat(timespec="milliseconds")


def epoch_milliseconds(time: datetime) -> int:
    """Return a time as a version: milliseconds since 1970."""
    return int(time.timestamp() * 1000)
