"""Times and numbers in words for people. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_SHORT_HOURS = 48


def duration(seconds: float) -> str:
    """Return a duration."""
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{minutes} min {rest:02} s" if minutes else f"{seconds:.1f} s"


def age(since: dt.datetime | None, now: dt.datetime) -> str:
    """Return how long ago something was, in its largest unit; `never` for what never was."""
    if since is None:
        return "never"
    seconds = max(0, int((now - since).total_seconds()))
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    if seconds < _SHORT_HOURS * _HOUR:
        return f"{seconds // _HOUR} h"
    return f"{seconds // _DAY} d"


def plural(count: int, noun: str) -> str:
    """Return a number and its noun: `1 stream`, `2 streams`, `2 companies`."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun[:-1]}ies" if noun.endswith("y") else f"{count:,} {noun}s"
