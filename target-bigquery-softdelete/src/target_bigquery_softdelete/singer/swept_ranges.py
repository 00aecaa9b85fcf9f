"""What a tap says of the ranges that it has read completely in a run. Pure.

A full pass over a long stream may take several runs. No run has seen all of it, so it has no ACTIVATE_VERSION; but what
one run has read from one end to the other is a complete snapshot of a range. tap-servicetitan says so with the end of
the stream, in the member `x-read` of a STATE message:

    "swept": {"version": 7, "property": "customerId", "ranges": [{"after": 17, "to": 4711}]}
    "swept": {"version": 7, "property": "createdOn", "ranges": [{"from": "2026-01-01T00:00:00Z", "before": "..."}]}

The version is that of the records which it has read of them. A bound that is left out is none. The bookmark in the same
message is true when the target has marked what is gone from these ranges.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from target_bigquery_softdelete.singer.version_numbers import whole_version

if TYPE_CHECKING:
    from collections.abc import Mapping

SWEPT_MEMBER = "swept"
"""Member of what `x-read` says of a stream."""

PARTS_PROPERTY = "x-versions-are-parts"
"""Property of the schema in a SCHEMA message with which a tap says that the versions of this run do not have all rows:
it goes on with a pass that an earlier run has begun."""

MOST_RANGES = 100
"""More ranges than a statement should have."""

Bound = int | str | dt.datetime

_KEYS, _TIMES = ("after", "to"), ("from", "before")


@dataclass(frozen=True)
class SweptRanges:
    """Ranges of a property of which a run has read every record."""

    version: int
    """The version of these records."""
    source: str
    """The property."""
    ranges: tuple[tuple[Bound | None, Bound | None], ...]
    """The lower and the upper bounds, all of one type. None is no bound: there may be none at all."""
    are_times: bool
    """Whether they are times. A time belongs to the range that it begins, a key to the one that it ends."""


def parse_swept(read: object) -> dict[str, SweptRanges | None]:
    """Return what a STATE message says of ranges, by stream.

    Args:
        read: Its member `x-read`.

    Returns:
        None for a stream of which it says something that is not as described above.
    """
    said = read.items() if isinstance(read, dict) else ()
    return {stream: _parse(of[SWEPT_MEMBER]) for stream, of in said if isinstance(of, dict) and of.get(SWEPT_MEMBER)}


def _parse(swept: object) -> SweptRanges | None:
    if not isinstance(swept, dict):
        return None
    version, name, said = whole_version(swept.get("version")), swept.get("property"), swept.get("ranges")
    if version is None or not isinstance(name, str) or not isinstance(said, list) or not 0 < len(said) <= MOST_RANGES:
        return None
    are_times = all(isinstance(bounds, dict) and bounds.keys() <= set(_TIMES) and bounds for bounds in said)
    if not are_times and not all(isinstance(bounds, dict) and bounds.keys() <= set(_KEYS) for bounds in said):
        return None
    try:
        ranges = tuple(_bounds(bounds, are_times=are_times) for bounds in said)
    except (TypeError, ValueError):
        return None
    kinds = {type(bound) for bounds in ranges for bound in bounds if bound is not None}
    return SweptRanges(version, name, ranges, are_times) if len(kinds) <= 1 else None


def _bounds(said: Mapping[str, object], *, are_times: bool) -> tuple[Bound | None, Bound | None]:
    low, high = (_bound(said.get(name), is_time=are_times) for name in (_TIMES if are_times else _KEYS))
    return low, high


def _bound(value: object, *, is_time: bool) -> Bound | None:
    """Return a bound.

    Raises:
        TypeError: If it is of another type.
        ValueError: If it is no time.
    """
    if value is None:
        return None
    if is_time and isinstance(value, str):
        moment = dt.datetime.fromisoformat(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    if not is_time and isinstance(value, (int, str)) and not isinstance(value, bool):
        return value
    raise TypeError
