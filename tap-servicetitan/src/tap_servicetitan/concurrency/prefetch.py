"""Fetches the next items in threads while the current one is being used."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from contextvars import copy_context
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


def start_ahead(iterators: Iterable[Iterator[T]], width: int) -> Iterator[Iterator[T]]:
    """Yield the iterators in order, and fetch the first items of the next ones in threads meanwhile.

    Args:
        iterators: The iterators to start.
        width: How many to start at the same time.
    """
    started: deque[Iterator[T]] = deque()
    for iterator in iterators:
        started.append(_resume(_next_in_thread(iterator), iterator))
        if len(started) >= width:
            yield started.popleft()
    yield from started


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
