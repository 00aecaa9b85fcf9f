"""A clock that stands still while the emulator is late.

The times of calls and jobs are drawn (:mod:`servicetitan_sandbox.bigquery.rules.traffic`), as if BigQuery did the work.
Here the emulator does it, on some cores that it shares with its client, and a hundred statements at once take it longer
than the time that was drawn. Then the clock stops until it has caught up, so that nothing else goes on either: by this
clock, a client sees what it would see of a server that is always in time.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOK_SECONDS = 0.01
"""Pause between two looks at a clock that stands still."""

_PAUSES = 10_000
"""So many pauses are remembered."""


class SlowClock:
    """The clock of a server."""

    def __init__(self) -> None:
        """Begin with the monotonic clock's time."""
        self._lock = threading.Lock()
        self._real = self._slow = time.monotonic()
        self._due: dict[object, float] = {}
        self._pauses: deque[tuple[float, float]] = deque(maxlen=_PAUSES)

    def now(self) -> float:
        """Return the time in seconds. It never runs faster than the monotonic clock."""
        with self._lock:
            return self._advance()

    @contextmanager
    def work(self, due: float) -> Iterator[None]:
        """Stop the clock if the work in the block takes longer than until a time of this clock."""
        token = object()
        with self._lock:
            self._advance()
            self._due[token] = due
        try:
            yield
        finally:
            with self._lock:
                self._advance()
                del self._due[token]

    def sleep_until(self, moment: float) -> None:
        """Wait until a time of this clock."""
        while (left := moment - self.now()) > 0:
            time.sleep(max(left, _LOOK_SECONDS))

    async def wait_until(self, moment: float) -> None:
        """Do the same without keeping a thread."""
        while (left := moment - self.now()) > 0:  # noqa: ASYNC110 - time passes by itself
            await asyncio.sleep(max(left, _LOOK_SECONDS))

    def pauses(self) -> list[tuple[float, float]]:
        """Return when it stood still: each beginning and end in seconds since 1970."""
        with self._lock:
            self._advance()
            return list(self._pauses)

    def forget_pauses(self) -> None:
        """Forget when it stood still until now."""
        with self._lock:
            self._advance()
            self._pauses.clear()

    def _advance(self) -> float:
        """Let the time since the last look pass, up to the moment at which something was due."""
        now = time.monotonic()
        passed = now - self._real
        limit = min(self._due.values(), default=now)
        run = max(0.0, min(passed, limit - self._slow))
        self._real, self._slow = now, self._slow + run
        if run < passed:
            self._note_pause(passed - run)
        return self._slow

    def _note_pause(self, seconds: float) -> None:
        end = time.time()
        start = end - seconds
        if self._pauses and start - self._pauses[-1][1] < _LOOK_SECONDS:
            start = self._pauses.pop()[0]
        self._pauses.append((start, end))
