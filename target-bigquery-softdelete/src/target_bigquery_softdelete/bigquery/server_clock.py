"""BigQuery's clock, as the `Date` of its answers shows it.

A machine's own clock may be minutes wrong, and may jump. What two runs on two machines decide by time, such as the end
of a lease, they decide by one clock.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from typing import TYPE_CHECKING, Any

from target_bigquery_softdelete.plugin_runtime.clock import parse_http_date, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests
    from google.cloud import bigquery

LONGEST_AGE = dt.timedelta(seconds=3)
"""How much older than its answer a `Date` may be: it is cut to a second, and a server may renew it late."""

RIGHT = dt.timedelta(seconds=1)
"""A machine that is no further off counts as right. All machines are a little off."""

QUICK_SECONDS = 5.0
"""An answer that took longer says little about when it was sent. What a quick one says counts more."""

_MICROSECOND = dt.timedelta(microseconds=1)


def steady_seconds() -> float:
    """Return seconds that never go backwards and, where the system can tell, go on while it is suspended."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class ServerClock:
    """Reckons with this machine's clock, corrected where the answers contradict it.

    Each answer says between which limits the correction lies. Where none at all lies between or near them, the machine
    is right and its times are exact to the microsecond. Otherwise three seconds remain open, and whoever asks for a
    time says on which side a mistake is harmless.
    """

    def __init__(
        self,
        *,
        began: float | None = None,
        seconds: Callable[[], float] = steady_seconds,
        local: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        """Read this machine's clock once. From then on its jumps have no effect.

        Args:
            began: When the run began, in the seconds of this clock. By default now.
            seconds: Returns seconds that never go backwards.
            local: Returns the time of this machine (UTC).
        """
        self._seconds = seconds
        self._began = seconds() if began is None else began
        self._zero = local() - dt.timedelta(seconds=seconds())
        self._least: dt.timedelta | None = None
        self._most: dt.timedelta | None = None
        """What the quick answers say."""
        self._most_of_slow: dt.timedelta | None = None
        self._last = dt.datetime.min.replace(tzinfo=dt.UTC)
        self._lock = threading.Lock()

    def follow(self, client: bigquery.Client) -> None:
        """Note the time of every answer that this client gets."""
        client._http.hooks["response"].append(self._note_response)  # noqa: SLF001 - the client shows its session nowhere

    def _note_response(self, response: requests.Response, *_: Any, **__: Any) -> None:  # noqa: ANN401 - as hooks are
        received = self._seconds()
        self.note(response.headers.get("Date"), sent=received - response.elapsed.total_seconds(), received=received)

    def note(self, header: str | None, *, sent: float, received: float) -> None:
        """Take note of an answer.

        Args:
            header: Its `Date` (RFC 9110). Without a usable one, it says nothing.
            sent: When the request was sent, in the seconds of this clock.
            received: When the answer came.
        """
        date = parse_http_date(header)
        if date is None:
            return
        least, most = date - self._reckon(received), date + LONGEST_AGE - self._reckon(sent)
        with self._lock:
            self._least = _later(least, self._least)
            # Of a server that was late once, the answer that was not counts.
            if received - sent < QUICK_SECONDS:
                self._most = _later(most, self._most)
            else:
                self._most_of_slow = _later(most, self._most_of_slow)

    def now(self) -> dt.datetime:
        """Return the time (UTC). It is not later than BigQuery's."""
        return self._reckon(self._seconds()) + self._correction(at_least=True)

    def now_at_most(self) -> dt.datetime:
        """Return the time (UTC). It is not earlier than BigQuery's."""
        return self._reckon(self._seconds()) + self._correction(at_least=False)

    @property
    def began(self) -> dt.datetime:
        """When the run began (UTC), at the earliest. The answers that come later make it more exact."""
        return self._reckon(self._began) + self._correction(at_least=True)

    @property
    def seconds_since_began(self) -> float:
        """How long the run has lasted."""
        return self._seconds() - self._began

    def next_time(self) -> dt.datetime:
        """Return the time (UTC), not earlier than BigQuery's and later than any that this method has returned."""
        now = self.now_at_most()
        with self._lock:
            self._last = max(now, self._last + _MICROSECOND)
            return self._last

    def _correction(self, *, at_least: bool) -> dt.timedelta:
        none = dt.timedelta()
        with self._lock:
            least, most = self._least, self._most if self._most is not None else self._most_of_slow
        if least is None or most is None:
            return none
        most = max(least, most)
        # While only slow answers have come, the limits are far apart: that the machine is right is then no more than
        # possible.
        if least - RIGHT <= none <= most + RIGHT and most - least <= LONGEST_AGE + dt.timedelta(seconds=QUICK_SECONDS):
            return none
        return least if at_least else most

    def _reckon(self, seconds: float) -> dt.datetime:
        return self._zero + dt.timedelta(seconds=seconds)


def _later(time: dt.timedelta, known: dt.timedelta | None) -> dt.timedelta:
    return time if known is None else max(time, known)
