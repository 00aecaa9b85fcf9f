"""How many requests to one module of the API are on their way at the same time: fewer from when it throttled one on."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_AT_ONCE = 64
"""More than the streams of a run ask for at the same time: a module that throttles nothing waits for nothing."""

SUCCESSES_PER_STEP = 10
"""After so many answers, times the limit, one more request is let through: some modules throttle at two at a time."""


class Ticket:
    """One request that was let through."""

    def __init__(self, cuts: int) -> None:
        self.cuts = cuts
        """How often the limit had been cut when it was."""
        self.is_refused = False


class Gate:
    """Lets the requests to one module through. Safe to share between threads."""

    def __init__(self) -> None:
        self.limit = MOST_AT_ONCE
        """How many requests may be on their way."""
        self._under_way = 0
        self._cuts = 0
        self._successes = 0
        self._changed = threading.Condition()

    @contextmanager
    def pass_through(self) -> Iterator[Ticket]:
        """Wait for a place, and hold it within the block.

        The block sets `is_refused` of its ticket when the module had too much to do. Then about half as many get
        through as were on their way. Refusals of requests that were on their way by then say nothing new.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._under_way < self.limit)
            self._under_way += 1
            ticket = Ticket(self._cuts)
        try:
            yield ticket
        finally:
            with self._changed:
                self._note(ticket)
                self._under_way -= 1
                self._changed.notify_all()

    def _note(self, ticket: Ticket) -> None:
        if not ticket.is_refused:
            self._successes += 1
            if self.limit < MOST_AT_ONCE and self._successes >= SUCCESSES_PER_STEP * self.limit:
                self.limit, self._successes = self.limit + 1, 0
        elif ticket.cuts == self._cuts:
            self.limit = max(1, min(self.limit, self._under_way) // 2)
            self._cuts, self._successes = self._cuts + 1, 0


class Gates:
    """The gates of the modules of one tenant."""

    def __init__(self) -> None:
        self._by_module: dict[str, Gate] = {}
        self._lock = threading.Lock()

    def of(self, module: str) -> Gate:
        """Return the gate of a module."""
        with self._lock:
            return self._by_module.setdefault(module, Gate())
