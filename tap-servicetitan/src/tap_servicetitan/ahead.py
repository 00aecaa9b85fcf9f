"""Fetches the next page while the last one is being written."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

_END: Final = object()


def read_ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield the items in order, the next one always being made in a thread. Errors arise where their item would.

    A consumer that stops early leaves at most one item unused; the threads never keep the process from ending.
    """
    upcoming = _next_in_thread(items)
    while (item := upcoming.result()) is not _END:
        upcoming = _next_in_thread(items)
        yield item  # type: ignore[misc]  # _END is not a T


def _next_in_thread(items: Iterator[T]) -> Future[T | object]:
    future: Future[T | object] = Future()

    def work() -> None:
        try:
            future.set_result(next(items, _END))
        except BaseException as error:  # noqa: BLE001 - raised again in the consumer's thread
            future.set_exception(error)

    Thread(target=work, name="read-ahead", daemon=True).start()
    return future
