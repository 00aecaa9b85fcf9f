"""Reads an export feed, from a token or a date on."""

from __future__ import annotations

from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING

from tap_servicetitan.errors import RequestRefusedError, StreamError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_servicetitan.api.pages import ExportPage

MOST_IDLE_PAGES = 10
"""A feed that says so many times in a row that there is more, and brings nothing new, is taken to have no end."""

TOKEN_REFUSED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND})
"""What the API answers to a `from` that it does not know (any more)."""


class _Progress:
    """Sees whether a feed moves on. What it remembers of a page is one number each."""

    def __init__(self, start: str | None) -> None:
        self._positions = {hash(start)}
        self._contents = {hash(((), None))}
        self._idle_pages = 0

    def stands_still(self, page: ExportPage) -> bool:
        """Take note of a page that is not the last, and return whether going on is of no use."""
        # A record can come again, but then with a later time of change.
        new = _is_added(hash((tuple(page.keys), page.newest)), self._contents)
        self._idle_pages = 0 if new else self._idle_pages + 1
        moved = _is_added(hash(page.continue_from), self._positions)
        return not moved or self._idle_pages >= MOST_IDLE_PAGES


def _is_added(number: int, numbers: set[int]) -> bool:
    before = len(numbers)
    numbers.add(number)
    return len(numbers) > before


def read_feed(fetch: Callable[[str | None], ExportPage], start: str | None) -> Iterator[ExportPage]:
    """Yield the pages of an export feed until it has nothing more for now.

    Args:
        fetch: Returns the page that follows a token or a date; None stands for the beginning.
        start: Where to begin.

    Raises:
        StreamError: If the feed has no end.
    """
    position, progress = start, _Progress(start)
    while True:
        page = fetch(position)
        yield page
        if not page.has_more:
            return
        if progress.stands_still(page):
            raise StreamError("the export feed says that there is more, but does not move on")
        position = page.continue_from


def resume_feed(
    fetch: Callable[[str | None], ExportPage],
    token: str,
    fallback: str | None,
    on_refusal: Callable[[RequestRefusedError], None],
) -> Iterator[ExportPage]:
    """Yield the pages of an export feed from a token on, or from a date when the API refuses the token.

    Args:
        fetch: Returns the page that follows a token or a date.
        token: The token of the last run.
        fallback: The date, None for the beginning.
        on_refusal: Told about the refusal.

    Raises:
        StreamError: If the feed has no end.
    """
    pages = read_feed(fetch, token)
    try:
        first = list(islice(pages, 1))
    except RequestRefusedError as error:
        if error.status not in TOKEN_REFUSED:
            raise
        on_refusal(error)
        first, pages = [], read_feed(fetch, fallback)
    yield from first
    yield from pages
