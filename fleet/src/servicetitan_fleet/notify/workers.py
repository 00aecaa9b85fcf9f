"""Does jobs in threads that nothing waits for longer than the time that is left."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from servicetitan_fleet.notify.deadline import Deadline

T = TypeVar("T")
WORKERS = 8
POLL_SECONDS = 0.1


def do_each(things: Iterable[T], do: Callable[[T], object], deadline: Deadline) -> bool:
    """Call a function with each of some things, and return whether it was done with all when the time was over.

    Not a pool: Python waits at its end for the threads of a pool, so a storage that hangs would hold the process.

    Args:
        things: The things.
        do: The function, which must not raise.
        deadline: The time that is left.
    """
    waiting = queue.SimpleQueue[T]()
    for thing in things:
        waiting.put(thing)
    threads = [
        threading.Thread(target=_work, args=(waiting, do, deadline), name=f"notify-{number}", daemon=True)
        for number in range(min(WORKERS, waiting.qsize()))
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) and deadline.remaining > 0:
        threads[0].join(POLL_SECONDS)
        threads = [*threads[1:], threads[0]]
    return waiting.empty() and not any(thread.is_alive() for thread in threads)


def _work(waiting: queue.SimpleQueue[T], do: Callable[[T], object], deadline: Deadline) -> None:
    while deadline.remaining > 0:
        try:
            thing = waiting.get_nowait()
        except queue.Empty:
            return
        do(thing)
