"""Times with the precision of the API: whole numbers of ticks (100 nanoseconds) since 1970 in UTC."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

SECOND = 10_000_000
"""Ticks in a second."""

DAY = 86_400 * SECOND
"""Ticks in a day."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FRACTION = re.compile(r"\.(\d+)")
_DIGITS = 7


def now() -> int:
    """Return the current time."""
    return time.time_ns() // 100


def to_text(ticks: int) -> str:
    """Return a time as ISO 8601 with a Z and up to seven fractional digits, without trailing zeros."""
    seconds, fraction = divmod(ticks, SECOND)
    text = (_EPOCH + timedelta(seconds=seconds)).isoformat()[:19]
    return f"{text}.{fraction:07d}".rstrip("0") + "Z" if fraction else f"{text}Z"


def from_text(text: str) -> int:
    """Return the ticks of an ISO 8601 date or date-time. Without a zone the time is UTC.

    Raises:
        ValueError: If the text is neither.
    """
    match = _FRACTION.search(text)
    moment = datetime.fromisoformat(_FRACTION.sub("", text))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = (moment - _EPOCH) // timedelta(seconds=1)
    fraction = int(match[1].ljust(_DIGITS, "0")[:_DIGITS]) if match else 0
    return seconds * SECOND + fraction
