"""How many requests to one module of the API are on their way at the same time.

It begins with some, and adapts like the congestion control of TCP: it grows with each answer until the module refuses
one as too many, or answers more and more slowly. Then it falls to what the module has shown that it can do, and grows
slowly from there on. What one module says changes nothing for the others.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from tap_servicetitan.api.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

FIRST_LIMIT = 8
"""How many a module gets at once before it has answered anything."""

MOST_AT_ONCE = 64
"""More than a run asks of one module at the same time."""

SUCCESSES_PER_STEP = 10
"""After a refusal, and so many answers, times the limit, one more is tried: some modules refuse all but two."""

SUCCESSES_PER_STEP_WHEN_SLOW = 2
"""The same after slow answers. Nothing is lost when these come once more."""

LEAST_WHEN_SLOW = 2
"""Slow answers do not take the limit below this: they may be slow for another reason."""


class Ticket:
    """One request that was let through."""

    def __init__(self, path: str, cuts: int) -> None:
        self.path = path
        self.cuts = cuts
        """How often the limit had been cut when it was."""
        self.is_refused = False
        self.answer: tuple[float, int] | None = None
        """How many seconds the answer took, and its bytes; None if none came."""


class Gate:
    """Lets the requests to one module through. Safe to share between threads."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Start with FIRST_LIMIT places.

        Args:
            clock: Returns seconds that never go backwards.
            sleep: Waits for a number of seconds.
        """
        self.limit = FIRST_LIMIT
        """How many requests may be on their way."""
        self._clock = clock
        self._sleep = sleep
        self._under_way = 0
        self._cuts = 0
        self._successes = 0
        self._successes_per_step = SUCCESSES_PER_STEP
        self._known = MOST_AT_ONCE
        """Up to here the limit grows with each answer."""
        self._half = MOST_AT_ONCE
        """Half of what was on its way before the last refusals."""
        self._held_until = clock()
        self._pace = Pace()
        self._changed = threading.Condition()

    @contextmanager
    def pass_through(
        self, path: str = "", waiting: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> Iterator[Ticket]:
        """Wait for a place, and hold it within the block.

        The block sets `is_refused` of its ticket when the module had too much to do, and otherwise `answer`.

        Args:
            path: The path that is asked for.
            waiting: Is entered while there is no place.
        """
        if not self._try_to_enter():
            with waiting():
                self._wait_to_enter()
        ticket = Ticket(path, self._cuts)
        try:
            yield ticket
        finally:
            with self._changed:
                self._under_way -= 1
                self._note(ticket)
                self._changed.notify_all()

    @property
    def is_idle(self) -> bool:
        """Whether no request is on its way."""
        return self._under_way == 0

    def hold(self, seconds: float) -> None:
        """Let no request through for some seconds."""
        with self._changed:
            self._held_until = max(self._held_until, self._clock() + seconds)

    def _try_to_enter(self) -> bool:
        with self._changed:
            if self._under_way >= self.limit or self._held_until > self._clock():
                return False
            self._under_way += 1
            return True

    def _wait_to_enter(self) -> None:
        while not self._try_to_enter():
            if (pause := self._held_until - self._clock()) > 0:
                self._sleep(pause)
            with self._changed:
                self._changed.wait_for(lambda: self._under_way < self.limit)

    def _note(self, ticket: Ticket) -> None:
        if ticket.is_refused:
            self._fall(ticket)
            return
        self._grow()
        if ticket.answer and self._pace.has_slowed(ticket.path, *ticket.answer):
            self._slow_down()

    def _fall(self, ticket: Ticket) -> None:
        if ticket.cuts == self._cuts:
            # The first refusal of those that were on their way together.
            self._half = self._known = self.limit = -(-min(self.limit, self._under_way + 1) // 2)
            self._cuts, self._successes, self._successes_per_step = self._cuts + 1, 0, SUCCESSES_PER_STEP
        # The others that are on their way have not been refused: the module can do so many, or fewer. If all are
        # refused in the end, it is not about their number: then one tries, and the way back is short.
        self._known = min(self._known, self._under_way) or self._half
        self.limit = max(1, min(self.limit, self._under_way))

    def _slow_down(self) -> None:
        under_way = min(self.limit, self._under_way + 1)
        self.limit = self._known = max(min(LEAST_WHEN_SLOW, self.limit), under_way * 2 // 3)
        self._successes, self._successes_per_step = 0, SUCCESSES_PER_STEP_WHEN_SLOW

    def _grow(self) -> None:
        self._successes += 1
        if self.limit < self._known:
            self.limit, self._successes = self.limit + 1, 0
        elif self.limit < MOST_AT_ONCE and self._successes >= self._successes_per_step * self.limit:
            self.limit = self._known = self.limit + 1
            self._successes = 0


class Gates:
    """The gates of the modules of one tenant."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Start without any.

        Args:
            clock: Returns seconds that never go backwards.
            sleep: Waits for a number of seconds.
        """
        self._clock = clock
        self._sleep = sleep
        self._by_module: dict[str, Gate] = {}
        self._lock = threading.Lock()

    def of(self, module: str) -> Gate:
        """Return the gate of a module."""
        with self._lock:
            return self._by_module.setdefault(module, Gate(clock=self._clock, sleep=self._sleep))

    def limit_of(self, module: str) -> int:
        """Return how many requests to a module may be on their way."""
        return self.of(module).limit
