"""Reads a list in the order of change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_servicetitan.errors import StreamError
from tap_servicetitan.replication.bookmark import second

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_servicetitan.api.pages import ListPage


def read_changes(fetch: Callable[[str | None, int], ListPage], since: str | None) -> Iterator[ListPage]:
    """Yield the pages of a list that comes in the order of change.

    A row that changes moves to the end, and the rows behind it move up: one of them over the edge of a page that has
    been read already. So a page is not asked for by its number but by the second with which the last one ended, and
    some rows come again. The number only counts the pages that begin in one second.

    Args:
        fetch: Returns the page with a number, from 1 on, of what changed since a time; None stands for all.
        since: The time to begin with.

    Raises:
        StreamError: If the list has no end.
    """
    before: ListPage | None = None
    number = 1
    while True:
        page = fetch(since, number)
        yield page
        if not page.has_more:
            return
        if not page.keys or (before and page.keys == before.keys):
            raise StreamError("the list of changes says that there is more, but brings nothing new")
        before = page
        last = f"{second(page.newest)}Z" if page.newest else since
        since, number = (since, number + 1) if last == since else (last, 1)
