"""Runs tasks in threads, a few at a time, in turns: a long task makes room for the ones that wait."""

from __future__ import annotations

import threading
import time
from collections import deque
from queue import SimpleQueue
from typing import TYPE_CHECKING

from tap_servicetitan.errors import RunCancelledError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TURN_SECONDS = 5.0
"""How long a task runs before another one may go on in its place."""


class Turns:
    """Runs tasks, each in a thread, and a limited number of them at the same time.

    A task that has had its turn lets the next one that waits go on, and waits itself, behind all others. So each
    task gets its turn, however long some of them take, and whenever the process is ended.
    """

    def __init__(
        self, width: int, *, turn_seconds: float = TURN_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start without tasks.

        Args:
            width: How many tasks to run at the same time. With 1, each task ends before the next one starts.
            turn_seconds: How long a turn is.
            clock: Returns seconds that never go backwards.
        """
        self._width = width
        self._turn_seconds = turn_seconds
        self._clock = clock
        self._waiting: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()
        self._failed = threading.Event()
        self._results: SimpleQueue[BaseException | None] = SimpleQueue()
        self._mine = threading.local()

    def run(self, tasks: Sequence[Callable[[], None]]) -> None:
        """Run tasks, started in their order, and return when all are done.

        The first error of a task is raised here at once, and no other task goes on. Running tasks are abandoned: their
        threads neither keep the process from ending nor delay a signal.

        Args:
            tasks: The tasks.
        """
        starts = (self._starter(task, number) for number, task in enumerate(tasks, 1))
        self._waiting.extend(starts)
        for _ in range(min(self._width, len(tasks))):
            self._let_next_go_on()
        for _ in tasks:
            if error := self._results.get():
                self._end_all()
                raise error

    def offer(self) -> None:
        """Make room for a task that waits, if the task of this thread has had its turn. Returns at its next turn.

        Raises:
            RunCancelledError: If another task has failed meanwhile.
        """
        began = getattr(self._mine, "began", None)
        if began is not None and self._clock() - began >= self._turn_seconds:
            self.step_back()

    def step_back(self) -> None:
        """Let all tasks that wait go on before the task of this thread. Returns when it is its turn again.

        Raises:
            RunCancelledError: If another task has failed meanwhile.
        """
        if self._width == 1:
            return
        turn = threading.Event()
        with self._lock:
            if not self._waiting:
                self._mine.began = self._clock()
                return
            self._waiting.append(turn.set)
        self._let_next_go_on()
        turn.wait()
        if self._failed.is_set():
            raise RunCancelledError
        self._mine.began = self._clock()

    def _let_next_go_on(self) -> None:
        with self._lock:
            go_on = self._waiting.popleft() if self._waiting else None
        if go_on:
            go_on()

    def _starter(self, task: Callable[[], None], number: int) -> Callable[[], None]:
        def work() -> None:
            self._mine.began = self._clock()
            error: BaseException | None = None
            try:
                task()
            except BaseException as raised:  # noqa: BLE001 - raised again in the caller's thread
                error = raised
                self._failed.set()
            self._results.put(error)
            if not self._failed.is_set():
                self._let_next_go_on()

        thread = threading.Thread(target=work, name=f"worker-{number}", daemon=True)
        return lambda: None if self._failed.is_set() else thread.start()

    def _end_all(self) -> None:
        """Wake the tasks that wait, so that they end."""
        self._failed.set()
        with self._lock:
            waiting = list(self._waiting)
            self._waiting.clear()
        for go_on in waiting:
            go_on()
