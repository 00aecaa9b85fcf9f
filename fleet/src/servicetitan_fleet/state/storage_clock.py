"""The time of the storage, by which all processes judge whether a claim has expired.

The clocks of two machines may differ by minutes. Cloud Storage says its own time in the `Date` of each answer. What
remains uncertain, because an answer travels and a `Date` has whole seconds, is between two limits, and whoever asks
uses the one on which a mistake does no harm.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from servicetitan_fleet.plugin_runtime.clock import parse_http_date
from servicetitan_fleet.state.timing import REAL_TIMING

if TYPE_CHECKING:
    from servicetitan_fleet.state.timing import Timing

UNKNOWN_SECONDS = 10.0
"""How wrong a machine's clock may be if the storage has not said its time."""

_RESOLUTION = dt.timedelta(seconds=1)


class StorageTime(NamedTuple):
    """The time of the storage (UTC): between these two."""

    earliest: dt.datetime
    latest: dt.datetime


class StorageClock:
    """Reckons the storage's time from its last answer. Several threads may use it."""

    def __init__(self, timing: Timing = REAL_TIMING) -> None:
        """Start without an answer: until the first one, the machine's clock has to do.

        Args:
            timing: The clocks of this machine.
        """
        self._timing = timing
        self._answer: tuple[dt.datetime, float, float] | None = None

    def note(self, header: str | None, seconds: float) -> None:
        """Take note of an answer that has just come.

        Args:
            header: Its `Date` (RFC 9110). Without a usable one, it says nothing.
            seconds: How long ago the request was sent.
        """
        received = self._timing.monotonic()
        if date := parse_http_date(header):
            self._answer = (date, received - seconds, received)

    def time(self) -> StorageTime:
        """Return the time now."""
        answer = self._answer
        if answer is None:
            now, unknown = self._timing.utc_now(), dt.timedelta(seconds=UNKNOWN_SECONDS)
            return StorageTime(now - unknown, now + unknown)
        date, sent, received = answer
        now_seconds = self._timing.monotonic()
        # The server wrote the date, cut to a second, at some moment between the two.
        return StorageTime(
            date + dt.timedelta(seconds=now_seconds - received),
            date + _RESOLUTION + dt.timedelta(seconds=now_seconds - sent),
        )
