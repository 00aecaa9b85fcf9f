"""Formats durations, ages and names for people. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_SHORT_HOURS = 48


def format_duration(seconds: float) -> str:
    """Format a duration: `4.2 s`, `3 min 05 s`."""
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{minutes} min {rest:02} s" if minutes else f"{seconds:.1f} s"


def format_clock(seconds: float) -> str:
    """Format a duration in whole seconds: `0:08`, `1:24`, `1:02:03`."""
    minutes, rest = divmod(round(seconds), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def format_age(since: dt.datetime | None, now: dt.datetime) -> str:
    """Format the time that has passed since a moment, in its largest unit; `never` for None."""
    if since is None:
        return "never"
    seconds = max(0, int((now - since).total_seconds()))
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    if seconds < _SHORT_HOURS * _HOUR:
        return f"{seconds // _HOUR} h"
    return f"{seconds // _DAY} d"


def format_ago(since: dt.datetime | None, now: dt.datetime) -> str:
    """Format how long ago a moment was: `5 h ago`; `just now` within a minute, `never` for None."""
    if since is None:
        return "never"
    return "just now" if (now - since).total_seconds() < _MINUTE else f"{format_age(since, now)} ago"


def join_names(names: Sequence[str], most: int = 10) -> str:
    """Join names for people, and count those beyond the first ones: `a, b and 3 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def summarize_companies(kinds: Mapping[str, str], order: Iterable[str], bad: Iterable[str], label: str) -> str:
    """Summarize companies in one line: how many are of each kind, and which are bad.

    Args:
        kinds: The kind of each company, by company id.
        order: All kinds, in the order in which to name them.
        bad: Ids of the bad companies.
        label: What is said of them.
    """
    found = list(kinds.values())
    counts = ", ".join(f"{found.count(kind)} {kind}" for kind in order if kind in found) or "no company"
    named = ", ".join(sorted(bad))
    return f"{counts}; {label}: {named}" if named else counts
