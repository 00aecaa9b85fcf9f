"""The server's clock, as the `Date` of its responses shows it.

Bookmarks and filters hold times of the server. A machine whose own clock is ahead would skip changes with them.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from tap_servicetitan.plugin_runtime.clock import parse_http_date, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


class ServerClock:
    """Reckons with the time of the last response. Until one with a time has come, it is this machine's."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Start without a response.

        Args:
            monotonic: Returns seconds that never go backwards.
        """
        self._monotonic = monotonic
        self._last: tuple[datetime, float] | None = None

    def note(self, header: str | None) -> datetime:
        """Take note of a response, and return when it was sent (UTC), by the server's clock and cut to a second.

        Args:
            header: The response's `Date` (RFC 9110). Without a usable one, the time is reckoned.
        """
        sent = parse_http_date(header)
        if sent is None:
            return self.now().replace(microsecond=0)
        self._last = sent, self._monotonic()
        return sent

    def now(self) -> datetime:
        """Return the time (UTC). It is up to a second behind the server's, and never ahead of it."""
        if self._last is None:
            return utc_now()
        sent, at = self._last
        return sent + timedelta(seconds=self._monotonic() - at)
