"""Keeps the tap under the API's request limit, which ServiceTitan counts per app and tenant."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


LONGEST_HOLD_OF_ALL_SECONDS = 5.0
"""For how long the refusal of one module holds back the others, too: the limit of a tenant is one of requests a second,
so a longer pause is the module's own."""


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
        self._modules_held_until: dict[str, float] = {}

    def wait(self, module: str = "") -> None:
        """Wait until the next request may be sent.

        Args:
            module: The module that it goes to, if modules are held back one by one.
        """
        while (pause := self._modules_held_until.get(module, 0.0) - self._clock()) > 0:
            self._sleep(pause)
        slot = self._take_slot()
        while (pause := slot - self._clock()) > 0:
            self._sleep(pause)
            if slot < self._held_until:
                slot = self._take_slot()

    def hold(self, seconds: float, module: str = "") -> None:
        """Hold back all requests for some seconds, including those that wait for their slot.

        Args:
            seconds: How long.
            module: The module that asks for it. The others are held back for LONGEST_HOLD_OF_ALL_SECONDS at most.
        """
        with self._lock:
            now = self._clock()
            if module:
                self._modules_held_until[module] = max(self._modules_held_until.get(module, 0.0), now + seconds)
                seconds = min(seconds, LONGEST_HOLD_OF_ALL_SECONDS)
            self._held_until = max(self._held_until, now + seconds)
            self._next_slot = max(self._next_slot, self._held_until)

    def _take_slot(self) -> float:
        with self._lock:
            slot = max(self._next_slot, self._clock())
            self._next_slot = slot + self._interval_seconds
            return slot
