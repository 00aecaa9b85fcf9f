"""One pass over a list, page by page, and what it proves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tap_servicetitan.errors import PageSizeRefusedError, PageTooHeavyError, ResponseTooLargeError, StreamError
from tap_servicetitan.replication.key_set import HashSet, SetSummary
from tap_servicetitan.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator
    from datetime import datetime

    from tap_servicetitan.api.pages import ListPage

MAX_IDLE_PAGES = 10
"""How many pages in a row may say that there is more and bring what came before. More mean that the list has no end."""

MAX_EXCESS_PAGES = 20
"""How many pages more than the total says a list may bring, as records may go while it is read. Then it is considered
endless."""


LEAST_HEAVY_PAGE = 50
"""Pages of so many records are small enough for any server: it must be in trouble if it does not bring one."""


class Fetch(Protocol):
    """Asks for one page of a list."""

    def __call__(self, number: int, size: int, /, *, may_ask_for_less: bool) -> ListPage:
        """Return a page.

        Args:
            number: Its number, from 1 on.
            size: The size of pages.
            may_ask_for_less: Whether a smaller page can be asked for when this one does not come.
        """


def read_pages(
    fetch: Fetch, size: int = 1, on_smaller: Callable[[int, StreamError], None] = lambda *_: None
) -> Iterator[ListPage]:
    """Yield the pages of a list. When one is too large, the rest comes in smaller pages.

    Args:
        fetch: Asks for a page.
        size: How many records to ask for per page. 1 if the list does not let anybody ask.
        on_smaller: Called with the new size, and why, when pages are smaller from now on.

    Raises:
        ResponseTooLargeError: If a page is too large, and a smaller one cannot be asked for.
        StreamError: If the list has no end.
    """
    before: set[int] = set()
    idle_pages = rows = largest_total = 0
    number = 1
    while True:
        page, number, size = _fetch_fitting(fetch, number, size, rows, on_smaller)
        yield page
        if not page.has_more:
            return
        rows += len(page.keys)
        largest_total = max(largest_total, page.total_count or 0)
        contents = hash(tuple(page.keys))
        idle_pages = idle_pages + 1 if not page.keys or contents in before else 0
        before.add(contents)
        if idle_pages >= MAX_IDLE_PAGES:
            raise StreamError(
                f"page {number} of the list says that there is more, but {idle_pages} pages brought nothing new"
            )
        if page.total_count is not None and rows > largest_total + MAX_EXCESS_PAGES * max(len(page.keys), 1):
            raise StreamError(
                f"the list has no end: it says that it has {largest_total} records, and {rows} came until page {number}"
            )
        number += 1


def _fetch_fitting(
    fetch: Fetch, number: int, size: int, rows: int, on_smaller: Callable[[int, StreamError], None]
) -> tuple[ListPage, int, int]:
    """Return the page that begins after so many rows, smaller if it does not come, with its number and its size."""
    reason: StreamError | None = None
    while True:
        # Only if the pages so far were as long as they should be is it known where a smaller one begins.
        can_shrink = size > 1 and rows == (number - 1) * size
        try:
            page = fetch(number, size, may_ask_for_less=can_shrink and size > LEAST_HEAVY_PAGE)
        except (ResponseTooLargeError, PageSizeRefusedError, PageTooHeavyError) as error:
            if not can_shrink:
                raise
            reason = error
            size = next(smaller for smaller in range(size // 2, 0, -1) if rows % smaller == 0)
            number = rows // size + 1
        else:
            if reason:
                on_smaller(size, reason)
            return page, number, size


def by_key(page: ListPage) -> Iterable[Hashable]:
    """Return what identifies the records of a page: their keys."""
    return page.keys


def by_content(page: ListPage) -> Iterable[Hashable]:
    """Return what identifies the records of a page that have no key, or whose changes matter: all of each."""
    return map(bytes, page.records)


@dataclass(frozen=True, slots=True, kw_only=True)
class PassResult:
    """What one pass over a list has shown."""

    pages: int
    rows: int
    """How many records came, repeats included."""
    found: SetSummary
    """The different records."""
    totals: frozenset[int | None]
    """The numbers of records that the pages said the list has."""

    @property
    def is_consistent(self) -> bool:
        """Whether every page said the same number of records, and so many different ones came."""
        return self.totals == {self.found.size}

    @property
    def is_one_read(self) -> bool:
        """Whether the list came on one page, with all of its records: the API read it at one moment."""
        return self.pages == 1 and self.totals <= {None, self.rows}

    @property
    def missing(self) -> int:
        """How many records are known to be missing: the list has so many more than came, whatever else changed."""
        came = self.rows if self.pages == 1 else self.found.size
        totals = [total for total in self.totals if total is not None]
        return max(0, min(totals, default=0) - came)

    def equals(self, before: PassResult | None) -> bool:
        """Return whether the pass before brought the same records, and none of them is known to be missing."""
        return before is not None and before.found == self.found and not self.missing

    @property
    def problem(self) -> str | None:
        """Why the pass may have missed records, in words, or None if nothing suggests that."""
        if len(self.totals) > 1:
            return "its number of records changed between two pages"
        total = next(iter(self.totals), None)
        if total is not None and self.found.size != total and not self.is_one_read:
            return f"it has {total} records, and {self.found.size} came"
        if self.found.size != self.rows and self.pages > 1:
            return "a record came twice"
        return None


class PassWatch:
    """Watches one pass over a list."""

    def __init__(self, identify: Callable[[ListPage], Iterable[Hashable]]) -> None:
        """Start a pass.

        Args:
            identify: Returns what identifies each record of a page.
        """
        self._identify = identify
        self._pages = 0
        self._totals: set[int | None] = set()
        self._found = HashSet()
        self.first_page_rows = 0
        """How many records the first page had."""
        self.latest_created: datetime | None = None
        """The latest time of creation among the records, if their pages tell."""
        self.first_sent: datetime | None = None
        """When the server sent the first page, by its own clock."""
        self.last_sent: datetime | None = None
        """When the server sent the last page, by its own clock."""

    @property
    def rows(self) -> int:
        """How many records came so far, repeats included."""
        return self._found.additions

    def add(self, page: ListPage) -> None:
        """Take note of the next page."""
        self._pages += 1
        if self._pages == 1:
            self.first_page_rows, self.first_sent = len(page.records), page.sent
        self._totals.add(page.total_count)
        self._found.add(self._identify(page))
        created = parse_time(page.latest_created)
        if created and (self.latest_created is None or created > self.latest_created):
            self.latest_created = created
        self.last_sent = page.sent

    def result(self) -> PassResult:
        """Return what the pass has shown."""
        return PassResult(
            pages=self._pages,
            rows=self._found.additions,
            found=self._found.summarize(),
            totals=frozenset(self._totals),
        )
