"""Reads a list in the order in which its records changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tap_servicetitan.errors import StreamError
from tap_servicetitan.replication.times import truncate_to_second

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_servicetitan.api.pages import ListPage


def read_changes(fetch: Callable[[str | None, int], ListPage], since: str | None) -> Iterator[ListPage]:
    """Yield the pages of a list that is sorted by time of change.

    A record that changes moves to the end, and the records behind it move up: one of them into a page that has been
    read already. So each page starts at the second in which the last one ended, and some records come again. The page
    number only counts the pages that start in the same second.

    Args:
        fetch: Returns the page with a number, from 1 on, of the records changed since a time; None means all.
        since: The time to start with.

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
        last = f"{truncate_to_second(page.newest)}Z" if page.newest else since
        since, number = (since, number + 1) if last == since else (last, 1)


def is_in_change_order(records: Iterable[msgspec.Raw], cursor: str) -> bool:
    """Return whether records are sorted by time of change, to the second. Records without a time are ignored.

    Args:
        records: The records.
        cursor: Name of the field with the time of the last change.
    """
    head: Any = msgspec.defstruct("Change", [("at", str | None, None)], rename={"at": cursor})
    decoder = msgspec.json.Decoder(head)
    seconds = [at[:19] for record in records if (at := decoder.decode(record).at)]
    return seconds == sorted(seconds)
