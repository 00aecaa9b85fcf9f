"""Runs tasks in threads that the caller can abandon."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


def run_concurrently(tasks: Sequence[Callable[[], None]], workers: int) -> None:
    """Run tasks in threads, started in their order, and return when all are done.

    The first error of a task is raised here at once, and no other task is started. Running tasks are abandoned: their
    threads neither keep the process from ending nor delay a signal.

    Args:
        tasks: The tasks.
        workers: How many to run at the same time. With 1, each task ends before the next one starts.
    """
    upcoming, failed = iter(tasks), Event()
    results: SimpleQueue[BaseException | None] = SimpleQueue()

    def work() -> None:
        results.put(_run_tasks(upcoming, failed))

    count = min(workers, len(tasks))
    for number in range(count):
        Thread(target=work, name=f"worker-{number + 1}", daemon=True).start()
    for _ in range(count):
        if error := results.get():
            raise error


def _run_tasks(tasks: Iterator[Callable[[], None]], failed: Event) -> BaseException | None:
    """Run tasks until there are none left or one has failed, in any thread. Return the error if it was raised here."""
    try:
        while not failed.is_set() and (task := next(tasks, None)):
            task()
    except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
        failed.set()
        return error
    return None
