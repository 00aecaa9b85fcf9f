"""Runs tasks in threads, a limited number at a time, in turns: a long task makes room for the ones that wait."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from tap_servicetitan.errors import RunCancelledError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TURN_SECONDS = 5.0
"""How long a task runs before another one may go on in its place."""


@dataclass(slots=True, eq=False)
class _Turn:
    """A task that runs or waits for its turn."""

    group: str
    go_on: Callable[[], None]
    turns: int = 0
    """How many it has had. Who has had fewer goes first."""
    began: float = 0.0
    pauses: int = field(default=0)
    """How many of its threads wait for something else than an answer."""


_mine: ContextVar[_Turn | None] = ContextVar("turn", default=None)
"""The turn of the task that this thread works for. Threads that it starts work for the same one."""


class Turns:
    """Runs tasks, each in a thread, and a limited number of them at the same time.

    A task that has had its turn lets the next one that waits go on, and waits itself, behind all others. So each
    task gets its turn, however long some of them take, and whenever the process is ended.

    Tasks come in groups, of which each has a limit of its own. A task whose group is full, or that pauses, keeps no
    task of another group from running.
    """

    def __init__(
        self,
        width: int,
        *,
        limit_of: Callable[[str], int] = lambda _: sys.maxsize,
        turn_seconds: float = TURN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start without tasks.

        Args:
            width: How many tasks to run at the same time. With 1, each task ends before the next one starts.
            limit_of: Returns how many tasks of a group to run at the same time. It may change.
            turn_seconds: How long a turn is.
            clock: Returns seconds that never go backwards.
        """
        self._width = width
        self._limit_of = limit_of
        self._turn_seconds = turn_seconds
        self._clock = clock
        self._waiting: list[_Turn] = []
        self._running: set[_Turn] = set()
        self._lock = threading.Lock()
        self._failed = threading.Event()
        self._results: SimpleQueue[BaseException | None] = SimpleQueue()

    def run(
        self,
        tasks: Sequence[Callable[[], None]],
        groups: Sequence[str] | None = None,
        *,
        until: float | None = None,
    ) -> bool:
        """Run tasks, and return whether all are done. Those of one group start in their order.

        The first error of a task is raised here at once, and no other task goes on. Neither does one after the time is
        up. Running tasks are abandoned: their threads neither keep the process from ending nor delay a signal.

        Args:
            tasks: The tasks.
            groups: The group of each; by default all are in one.
            until: When the time is up, by the clock; None for never.
        """
        names = groups or [""] * len(tasks)
        self._waiting.extend(
            self._start(task, group, number) for number, (task, group) in enumerate(zip(tasks, names, strict=True), 1)
        )
        self.fill()
        for _ in tasks:
            try:
                error = self._results.get(timeout=None if until is None else max(0.0, until - self._clock()))
            except Empty:
                self._end_all()
                return False
            if error:
                self._end_all()
                raise error
        return True

    @property
    def is_over(self) -> bool:
        """Whether the task of this thread has had its turn, and another one waits."""
        mine = _mine.get()
        return bool(mine and self._waiting and self._width > 1 and self._clock() - mine.began >= self._turn_seconds)

    def offer(self) -> None:
        """Make room for a task that waits, if the task of this thread has had its turn. Returns at its next turn.

        Raises:
            RunCancelledError: If another task has failed meanwhile.
        """
        if self.is_over:
            self.step_back()

    def step_back(self) -> None:
        """Let all tasks that wait go on before the task of this thread. Returns when it is its turn again.

        Raises:
            RunCancelledError: If another task has failed meanwhile.
        """
        mine = _mine.get()
        if mine is None or self._width == 1:
            return
        turn = threading.Event()
        with self._lock:
            mine.go_on = turn.set
            mine.turns += 1
            self._running.discard(mine)
            self._waiting.append(mine)
        self.fill()
        turn.wait()
        if self._failed.is_set():
            raise RunCancelledError
        mine.began = self._clock()

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Let another task run while the one of this thread only waits within the block."""
        mine = _mine.get()
        if mine is None or self._width == 1:
            yield
            return
        self._add_pauses(mine, 1)
        self.fill()
        try:
            yield
        finally:
            self._add_pauses(mine, -1)

    def fill(self) -> None:
        """Let as many tasks go on as may."""
        while turn := self._take_next():
            turn.go_on()

    def _add_pauses(self, turn: _Turn, number: int) -> None:
        with self._lock:
            turn.pauses += number

    def _take_next(self) -> _Turn | None:
        """Take the next task from those that wait; None if none may go on."""
        if not self._waiting:
            return None
        with self._lock:
            if self._failed.is_set() or sum(not turn.pauses for turn in self._running) >= self._width:
                return None
            if turn := self._choose():
                self._waiting.remove(turn)
                self._running.add(turn)
            return turn

    def _choose(self) -> _Turn | None:
        """Return the task that has had the fewest turns, and of these one of the group that lags behind most."""
        running = Counter(turn.group for turn in self._running)
        waiting = Counter(turn.group for turn in self._waiting)
        limits = {group: max(1, self._limit_of(group)) for group in waiting}
        free = [turn for turn in self._waiting if running[turn.group] < limits[turn.group]]

        def rank(turn: _Turn) -> tuple[int, float, int]:
            group = turn.group
            return turn.turns, running[group] / limits[group], -waiting[group]

        return min(free, key=rank, default=None)

    def _start(self, task: Callable[[], None], group: str, number: int) -> _Turn:
        def work() -> None:
            _mine.set(turn)
            turn.began = self._clock()
            error: BaseException | None = None
            try:
                task()
            except BaseException as raised:  # noqa: BLE001 - raised again in the caller's thread
                error = raised
                self._failed.set()
            self._results.put(error)
            with self._lock:
                self._running.discard(turn)
            self.fill()

        thread = threading.Thread(target=work, name=f"worker-{number}", daemon=True)
        turn = _Turn(group, lambda: None if self._failed.is_set() else thread.start())
        return turn

    def _end_all(self) -> None:
        """Wake the tasks that wait, so that they end."""
        self._failed.set()
        with self._lock:
            waiting = list(self._waiting)
            self._waiting.clear()
        for turn in waiting:
            turn.go_on()
