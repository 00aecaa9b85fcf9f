"""Reads a whole list, page by page, and checks whether every record was seen."""

from __future__ import annotations

from array import array
from itertools import count
from typing import TYPE_CHECKING

from tap_servicetitan.errors import StreamError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from tap_servicetitan.api.pages import Key, ListPage

MAX_PASSES = 3
"""How many times to read a list that changes while it is being read."""

COMPARED_AT_ONCE = 250_000
"""About how many numbers to compare with each other at a time. Each takes some 80 bytes meanwhile."""


def read_list(fetch: Callable[[int], ListPage]) -> Iterator[ListPage]:
    """Yield the pages of a list.

    Args:
        fetch: Returns the page with a number, from 1 on.

    Raises:
        StreamError: If the list has no end.
    """
    before: Sequence[Key] | None = None
    for number in count(1):
        page = fetch(number)
        yield page
        if not page.has_more:
            return
        if page.keys == before or not page.keys:
            raise StreamError(f"page {number} of the list says that there is more, but brings nothing new")
        before = page.keys


def read_until_stable(
    read: Callable[[], Iterator[ListPage]],
    on_problem: Callable[[int, str], None],
    *,
    sorted_by_key: bool,
) -> Iterator[ListPage]:
    """Yield the pages of a list, and read it again until a pass has seen every record, up to MAX_PASSES times.

    Args:
        read: Starts a pass.
        on_problem: Called after a pass that may have missed records: its number, from 1 on, and why.
        sorted_by_key: Whether the list is sorted by key.
    """
    for attempt in range(1, MAX_PASSES + 1):
        check = PassCheck(sorted_by_key=sorted_by_key)
        for page in read():
            check.add(page)
            yield page
        problem = check.problem()
        if problem is None:
            return
        on_problem(attempt, problem)


class PassCheck:
    """Watches one pass over a list.

    The API cuts pages by record number. A record that is removed meanwhile moves all later ones up, and one of them
    from a page that is still to be read into one that has been read: the pass misses it, and it would look deleted.
    """

    def __init__(self, *, sorted_by_key: bool) -> None:
        """Start a pass.

        Args:
            sorted_by_key: Whether the list is sorted by key.
        """
        self._sorted_by_key = sorted_by_key
        self._pages = 0
        self._totals: set[int | None] = set()
        self._ascending = True
        self._last: Key | None = None
        # Hashes take 8 bytes each. Two that are equal by chance would only cost another pass.
        self._hashes = array("q")

    def add(self, page: ListPage) -> None:
        """Take note of the next page."""
        self._pages += 1
        self._totals.add(page.total_count)
        self._hashes.extend(map(hash, page.keys))
        self._ascending = self._ascending and is_ascending(self._last, page.keys)
        if page.keys:
            self._last = page.keys[-1]

    def problem(self) -> str | None:
        """Return why the pass may have missed a record, or None if it saw every one."""
        total, seen = next(iter(self._totals)), len(self._hashes)
        if len(self._totals) > 1:
            return "its number of records changed between two pages"
        if total is None and self._pages > 1:
            return "it has several pages and does not say its number of records"
        if total not in {None, seen}:
            return f"it has {total} records, and {seen} came"
        return self._order_problem()

    def _order_problem(self) -> str | None:
        if self._ascending:
            return None
        if has_repeats(self._hashes):
            return "a record came twice"
        # One page is one consistent read, whatever its order.
        if self._sorted_by_key and self._pages > 1:
            return "its records came out of order"
        return None


def has_repeats(numbers: Collection[int]) -> bool:
    """Return whether a number comes twice. Compares only a part at a time, which bounds the memory."""
    parts = 1 + len(numbers) // COMPARED_AT_ONCE
    return any(_repeats([number for number in numbers if number % parts == part]) for part in range(parts))


def _repeats(numbers: Collection[int]) -> bool:
    return len(set(numbers)) < len(numbers)


def is_ascending(last: Key | None, keys: Sequence[Key]) -> bool:
    """Return whether the keys are strictly ascending, also after the last key of the previous page."""
    try:
        ordered = list(keys) == sorted(set(keys))
        return ordered and (last is None or not keys or last < keys[0])  # type: ignore[operator]
    except TypeError:  # keys of mixed types have no order
        return False
