"""Reads an export feed from a token or a date."""

from __future__ import annotations

from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING

from tap_servicetitan.errors import RequestRefusedError, StreamError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_servicetitan.api.pages import ExportPage

MAX_IDLE_PAGES = 10
"""How many pages in a row may say that there is more and bring nothing new. Then the feed is considered endless."""

TOKEN_REFUSED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND})
"""How the API answers a `from` that it does not know (any more)."""


class _Progress:
    """Notices when a feed gets stuck. Keeps two numbers per page."""

    def __init__(self, start: str | None) -> None:
        self._positions = {hash(start)}
        self._contents = {hash(((), None))}
        self._idle_pages = 0

    def note_page(self, page: ExportPage) -> bool:
        """Take note of a page that is not the last, and return whether the feed is stuck."""
        # A record can come again, but then with a later time of change.
        new = _add(hash((tuple(page.keys), page.newest)), self._contents)
        self._idle_pages = 0 if new else self._idle_pages + 1
        moved = _add(hash(page.continue_from), self._positions)
        return not moved or self._idle_pages >= MAX_IDLE_PAGES


def _add(number: int, numbers: set[int]) -> bool:
    """Add a number, and return whether it is new."""
    before = len(numbers)
    numbers.add(number)
    return len(numbers) > before


def read_feed(
    fetch: Callable[[str | None], ExportPage], start: str | None, *, is_pass: bool = False
) -> Iterator[ExportPage]:
    """Yield the pages of an export feed until it has no more for now.

    Args:
        fetch: Returns the page after a token or a date; None means the beginning.
        start: The token or date to start with.
        is_pass: Whether every record counts, because those that do not come would look deleted.

    Raises:
        StreamError: If the feed has no end, or one that does not prove that every record came.
    """
    # A pass that goes on from a token has met a page there that said that there is more.
    position, progress, was_more = start, _Progress(start), start is not None
    while True:
        page = fetch(position)
        is_empty = not page.records
        yield page
        if is_pass and was_more and page.continue_from is None and is_empty:
            raise StreamError("the export feed said that there is more, and then had nothing")
        was_more = True
        if not page.has_more:
            return
        if page.continue_from is None:
            raise StreamError("the export feed says that there is more, and does not say where")
        if progress.note_page(page):
            raise StreamError("the export feed says that there is more, but does not move on")
        position = page.continue_from


def resume_feed(
    fetch: Callable[[str | None], ExportPage],
    token: str,
    fallback: str | None,
    on_refusal: Callable[[RequestRefusedError], None],
    *,
    is_pass: bool = False,
) -> Iterator[ExportPage]:
    """Yield the pages of an export feed from a token, or from a date if the API refuses the token.

    Args:
        fetch: Returns the page after a token or a date.
        token: The token of the last run.
        fallback: The date, or None for the beginning.
        on_refusal: Called with the refusal.
        is_pass: As in `read_feed`.

    Raises:
        StreamError: As in `read_feed`.
    """
    pages = read_feed(fetch, token, is_pass=is_pass)
    try:
        first = list(islice(pages, 1))
    except RequestRefusedError as error:
        if error.status not in TOKEN_REFUSED:
            raise
        on_refusal(error)
        first, pages = [], read_feed(fetch, fallback, is_pass=is_pass)
    yield from first
    yield from pages
