"""Reads the changes of a list in windows of time, so that none is missed while others come.

A record that changes leaves the window that it is in: its time of change moves past the end. So the list of a window
only ever shrinks. When each of its pages says the same number of records, and so many different ones came, nothing has
left it, and nothing was missed. A window that does shrink is read again in two halves. Order plays no part.

The same holds for windows of the time of creation: nothing can come into one that is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tap_servicetitan.replication.list_pass import PassWatch, by_content
from tap_servicetitan.times import cut_to_second, parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Hashable, Iterable, Iterator

    from tap_servicetitan.api.pages import ListPage
    from tap_servicetitan.replication.list_pass import PassResult

MAX_WINDOW_PAGES = 10
"""How many pages a window may have before it is halved. More would be more often in vain."""

MAX_SECOND_PASSES = 5
"""How often to read the changes of a single second."""

MAX_VAIN_HALVINGS = 40
"""How often in a row to halve windows without one that is complete. Some 30 lead from all years to a second."""

FIRST_YEAR = datetime(2000, 1, 1, tzinfo=UTC)
"""Where to begin to halve a window without a beginning. ServiceTitan is younger."""

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Window:
    """A range of times of change (UTC, whole seconds)."""

    since: datetime | None
    """The first moment; None for the beginning."""
    until: datetime | None
    """The moment after the last; None for no end."""

    def halves(self) -> tuple[Window, Window] | None:
        """Return the two halves, or None if the window cannot be halved."""
        since = self.since or FIRST_YEAR
        if self.until is None or self.until - since <= _SECOND:
            return None
        middle = cut_to_second(since + (self.until - since) / 2)
        return Window(self.since, middle), Window(middle, self.until)


class ChangeReader:
    """Reads the changes of one list since a time, once."""

    def __init__(
        self,
        read: Callable[[Window], Iterator[ListPage]],
        on_problem: Callable[[str], None],
        *,
        most_pages: int = MAX_WINDOW_PAGES,
        times_of: Callable[[ListPage], tuple[str | None, str | None]] = lambda page: (None, page.newest),
        identify: Callable[[ListPage], Iterable[Hashable]] = by_content,
    ) -> None:
        """Prepare to read.

        Args:
            read: Starts a pass over the records that changed in a window.
            on_problem: Called with the reason for each window in which records may have been missed.
            most_pages: How many pages a window may have before it is halved.
            times_of: Returns the earliest, if it is known, and the latest of the times in a page by which the windows
                are cut.
            identify: Returns what identifies each record of a page, if its time stays the same.
        """
        self._most_pages = most_pages
        self._times_of = times_of
        self._identify = identify
        self._read = read
        self._on_problem = on_problem
        self.missed = False
        """Whether records of a window may have been missed."""
        self._vain_halvings = 0
        self.obeys = True
        """Whether the API has obeyed the bounds of each window. If not, the records must be read in another way."""

    def pages(self, since: datetime | None) -> Iterator[ListPage | datetime]:
        """Yield the pages with changes, oldest window first, and moments: all changes before one have been read by now.

        After a window in which records may have been missed, no moment comes any more. If the API does not obey the end
        of a window, the pages end there.

        Args:
            since: The time to start with (UTC), or None for the beginning.

        Raises:
            StreamError: If a page cannot be read.
        """
        pages = self._read(Window(since, None))
        first = next(pages)
        if not first.has_more and first.total_count in {None, len(first.records)}:
            yield first
            yield first.sent
            return
        first.drop()
        # What changes from now on is left to the next run: a window has to lie in the past.
        yield from self.steps(Window(since, cut_to_second(first.sent)))

    def steps(self, whole: Window) -> Iterator[ListPage | datetime]:
        """Yield the pages of a window that lies in the past, and moments, as `pages` does."""
        windows = [whole]
        while windows and self.obeys:
            yield from self._read_or_halve(windows.pop(), windows)

    def _read_or_halve(self, window: Window, windows: list[Window]) -> Iterator[ListPage | datetime]:
        """Yield the pages of a window. Add its halves to the windows if it is too long, or may not be complete."""
        halves = window.halves()
        if halves is None:
            problem = yield from self._read_until_equal(window)
        else:
            problem = yield from self._read_once(window)
        if not self.obeys:
            return
        if problem is None:
            self._vain_halvings = 0
            if window.until and not self.missed:
                yield window.until
        elif halves and self._vain_halvings < MAX_VAIN_HALVINGS:
            self._vain_halvings += 1
            windows += reversed(halves)
        else:
            self.missed = True
            self._on_problem(f"the changes from {window.since} to {window.until}: {problem}")

    def _read_once(self, window: Window) -> Generator[ListPage, None, str | None]:
        """Yield the pages of one pass over a window, and return why it may have missed records, or None."""
        watch = PassWatch(self._identify)
        for page in self._watch(window, watch):
            if page.has_more and (page.total_count or 0) > self._most_pages * len(page.records):
                page.drop()
                return "it is too long"
            yield page
        result = watch.result()
        return None if result.is_one_read or result.is_consistent else result.problem or "it has several pages"

    def _read_until_equal(self, window: Window) -> Generator[ListPage, None, str | None]:
        """Yield the pages of several passes over a window that is as short as can be. Return as `_read_once` does."""
        before: PassResult | None = None
        for _ in range(MAX_SECOND_PASSES):
            watch = PassWatch(self._identify)
            yield from self._watch(window, watch)
            result = watch.result()
            if result.is_one_read or result.is_consistent or result.equals(before):
                return None
            before = result
        return (before and before.problem) or "each pass brought other records"

    def _watch(self, window: Window, watch: PassWatch) -> Iterator[ListPage]:
        for page in self._read(window):
            earliest, latest = map(parse_time, self._times_of(page))
            is_early = window.since and earliest and earliest < window.since
            if is_early or (window.until and latest and latest >= window.until):
                self.obeys = False
                return
            watch.add(page)
            yield page
