"""The time."""

from __future__ import annotations

import datetime as dt
from email.utils import parsedate_to_datetime


def utc_now() -> dt.datetime:
    """Return the time now: UTC, microseconds."""
    return dt.datetime.now(dt.UTC)


def parse_http_date(header: str | None) -> dt.datetime | None:
    """Return the time (UTC) of a `Date` header (RFC 9110), or None if it is missing or cannot be read."""
    try:
        date = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return date.astimezone(dt.UTC) if date.tzinfo else date.replace(tzinfo=dt.UTC)


def retry_after_seconds(header: str | None, now: dt.datetime | None = None) -> float | None:
    """Return the pause that a `Retry-After` header asks for (RFC 9110: seconds or a date), or None without one.

    Args:
        header: The header's value.
        now: The current time, for a header that holds a date.
    """
    try:
        return max(0.0, float(header or ""))
    except ValueError:
        until = parse_http_date(header)
    return max(0.0, (until - (now or utc_now())).total_seconds()) if until else None
