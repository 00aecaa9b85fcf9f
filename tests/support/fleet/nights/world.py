"""Virtual time for code that runs in threads: one thread moves at a time, until it sleeps, so a night is repeatable."""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING

from servicetitan_fleet.plugin_runtime.compat import override
from servicetitan_fleet.state.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Callable

MIDNIGHT = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


class Killed(BaseException):
    """Ends the threads of a machine that was killed."""


class _Actor:
    """A thread of the night."""

    def __init__(self, machine: Machine | None, wake: float) -> None:
        self.machine = machine
        self.wake = wake
        self.event: threading.Event | None = None
        self.go = threading.Semaphore(0)

    def wakes_at(self, now: float) -> float:
        is_awaited = self.event is not None and self.event.is_set()
        return now if is_awaited or (self.machine and self.machine.is_dead) else self.wake


class World:
    """The time, and the threads that live in it."""

    def __init__(self) -> None:
        """Begin at second 0, without any thread."""
        self.now = 0.0
        self._actors: list[_Actor] = []
        self._current: _Actor | None = None
        self._back = threading.Semaphore(0)
        self._errors: list[BaseException] = []

    def start(self, work: Callable[[], None], machine: Machine | None = None, after: float = 0.0) -> None:
        """Start a thread, which dies with its machine.

        Args:
            work: What it does.
            machine: The machine that it runs on, if any.
            after: In how many seconds it begins.
        """
        actor = _Actor(machine, self.now + after)
        self._actors.append(actor)

        def live() -> None:
            actor.go.acquire()
            try:
                if not (machine and machine.is_dead):
                    work()
            except Killed:
                pass
            except BaseException as error:  # noqa: BLE001 - `run` raises it
                self._errors.append(error)
            self._actors.remove(actor)
            self._back.release()

        threading.Thread(target=live, daemon=True).start()

    def sleep(self, seconds: float, event: threading.Event | None = None) -> bool:
        """Sleep, or until an event is set. Return whether it is set.

        Raises:
            Killed: If the machine of this thread is killed.
        """
        actor = self._current
        assert actor is not None
        self._check_alive(actor)
        actor.wake, actor.event = self.now + seconds, event
        self._back.release()
        actor.go.acquire()
        actor.event = None
        self._check_alive(actor)
        return event is not None and event.is_set()

    def run(self) -> None:
        """Let the time pass until all threads have ended."""
        while self._actors:
            actor = min(self._actors, key=lambda actor: actor.wakes_at(self.now))
            self.now = max(self.now, actor.wakes_at(self.now))
            self._current = actor
            actor.go.release()
            self._back.acquire()
        if self._errors:
            raise self._errors[0]

    @staticmethod
    def _check_alive(actor: _Actor) -> None:
        if actor.machine and actor.machine.is_dead:
            raise Killed


class Machine(Timing):
    """A machine with a clock of its own. All that runs on it dies with it."""

    def __init__(self, world: World, skew_seconds: float) -> None:
        """Set its clock wrong by so much."""
        self.world = world
        self.is_dead = False
        self._skew = skew_seconds

    @override
    def utc_now(self) -> dt.datetime:
        return MIDNIGHT + dt.timedelta(seconds=self.world.now + self._skew)

    @override
    def monotonic(self) -> float:
        return self.world.now

    @override
    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.is_set() or self.world.sleep(seconds, event)

    @override
    def start(self, name: str, work: Callable[[], None]) -> None:
        self.world.start(work, self)
