"""Keeps the tap under the API's request limit, which ServiceTitan counts per app and tenant."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class RateLimiter:
    """Spaces requests evenly. Safe to share between threads."""

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

    def wait(self) -> None:
        """Return when the next request may be sent."""
        with self._lock:
            now = self._clock()
            slot = max(self._next_slot, now)
            self._next_slot = slot + self._interval_seconds
        if slot > now:
            self._sleep(slot - now)
