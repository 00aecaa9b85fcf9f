"""Keeps the tap under the API's request limit, which ServiceTitan counts per app and tenant."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


LONGEST_HOLD_SECONDS = 5.0
"""For how long a refusal holds back all modules: the limit of a tenant is one of requests a second, so a longer pause
is the module's own."""


class RateLimiter:
    """Spaces the requests of a tenant evenly, and holds all of them back together. Safe to share between threads."""

    def __init__(
        self,
        requests_per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Start with a free slot.

        Args:
            requests_per_second: The limit, more than 0.
            clock: Returns seconds that never go backwards.
            sleep: Waits for a number of seconds.
        """
        self._interval_seconds = 1 / requests_per_second
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next_slot = clock()
        self._held_until = self._next_slot

    def wait(self) -> None:
        """Wait until the next request may be sent."""
        slot = self._take_slot()
        while (pause := slot - self._clock()) > 0:
            self._sleep(pause)
            if slot < self._held_until:
                slot = self._take_slot()

    def hold(self, seconds: float) -> None:
        """Hold back all requests, including those that wait for their slot.

        Args:
            seconds: How long, up to LONGEST_HOLD_SECONDS.
        """
        with self._lock:
            self._held_until = max(self._held_until, self._clock() + min(seconds, LONGEST_HOLD_SECONDS))
            self._next_slot = max(self._next_slot, self._held_until)

    def _take_slot(self) -> float:
        with self._lock:
            slot = max(self._next_slot, self._clock())
            self._next_slot = slot + self._interval_seconds
            return slot
