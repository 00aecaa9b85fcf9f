"""Fetches the next items in threads while the current one is being used."""

from __future__ import annotations

from concurrent.futures import Future
from contextvars import copy_context
from itertools import islice
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_servicetitan.concurrency.turns import Turns

T = TypeVar("T")

_END: Final = object()


def read_ahead(items: Iterator[T], turns: Turns) -> Iterator[T]:
    """Yield the items in order, and fetch the next one in a thread meanwhile. An error is raised in place of its item.

    A consumer that stops early leaves at most one item unused. The threads never keep the process from ending.

    Args:
        items: The items.
        turns: Where the consumer runs. When its turn is over, it makes room between two items, and none waits unused.

    Raises:
        RunCancelledError: If another task has failed meanwhile.
    """
    upcoming = _next_in_thread(items)
    while (item := upcoming.result()) is not _END:
        stops = turns.is_over
        if not stops:
            upcoming = _next_in_thread(items)
        yield item  # type: ignore[misc]  # _END is not a T
        if stops:
            turns.step_back()
            upcoming = _next_in_thread(items)


def start_side_by_side(iterators: Iterable[Iterator[T]], width: int) -> Iterator[tuple[int, Iterator[T]]]:
    """Fetch the first items of several iterators in threads, and yield each iterator as soon as its first item came.

    A slow one holds up no other.

    Args:
        iterators: The iterators to start.
        width: How many to start at the same time.

    Yields:
        The number of an iterator, from 0 on, and the iterator.
    """
    ready: SimpleQueue[tuple[int, Iterator[T]]] = SimpleQueue()

    def start(number: int, iterator: Iterator[T]) -> None:
        first = _next_in_thread(iterator)
        first.add_done_callback(lambda _: ready.put((number, _resume(first, iterator))))

    waiting = enumerate(iterators)
    under_way = 0
    for number, iterator in islice(waiting, width):
        start(number, iterator)
        under_way += 1
    while under_way:
        done = ready.get()
        under_way -= 1
        for number, iterator in islice(waiting, 1):
            start(number, iterator)
            under_way += 1
        yield done


def _resume(first: Future[T | object], rest: Iterator[T]) -> Iterator[T]:
    if (item := first.result()) is not _END:
        yield item  # type: ignore[misc]  # _END is not a T
        yield from rest


def _next_in_thread(items: Iterator[T]) -> Future[T | object]:
    future: Future[T | object] = Future()

    def work() -> None:
        try:
            future.set_result(next(items, _END))
        except BaseException as error:  # noqa: BLE001 - raised again in the consumer's thread
            future.set_exception(error)

    # In the context of the consumer: the thread works for the same turn.
    Thread(target=copy_context().run, args=(work,), name="read-ahead", daemon=True).start()
    return future
