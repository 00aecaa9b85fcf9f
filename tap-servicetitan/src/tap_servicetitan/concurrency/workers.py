"""Runs tasks in threads that can be left behind."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


def run_side_by_side(tasks: Sequence[Callable[[], None]], workers: int) -> None:
    """Run tasks, begun in their order, and return when all are done.

    The first error that a task raises is raised here at once, and no other task is begun. The tasks that are running
    then are not waited for: their threads do not keep the process from ending. A signal is not held up by them either.

    Args:
        tasks: What to run.
        workers: How many run at the same time. With 1 each is done before the next one begins.
    """
    upcoming, failed = iter(tasks), Event()
    endings: SimpleQueue[BaseException | None] = SimpleQueue()

    def work() -> None:
        endings.put(_end_of(upcoming, failed))

    count = min(workers, len(tasks))
    for number in range(count):
        Thread(target=work, name=f"worker-{number + 1}", daemon=True).start()
    for _ in range(count):
        if error := endings.get():
            raise error


def _end_of(tasks: Iterator[Callable[[], None]], failed: Event) -> BaseException | None:
    """Run tasks until there are none, or until one failed. Return the error if it was one of these."""
    try:
        while not failed.is_set() and (task := next(tasks, None)):
            task()
    except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
        failed.set()
        return error
    return None
