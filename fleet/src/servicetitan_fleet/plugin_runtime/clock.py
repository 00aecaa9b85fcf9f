"""The time."""

from __future__ import annotations

import datetime as dt


def utc_now() -> dt.datetime:
    """Return the time now: UTC, microseconds."""
    return dt.datetime.now(dt.UTC)
