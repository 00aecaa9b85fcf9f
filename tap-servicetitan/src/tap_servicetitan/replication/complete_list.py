"""Reads a list until it is proven that every record was seen.

The API cuts pages by row number. When a record goes while the list is read, all later ones move up, and one of them
from a page that is still to be read into one that has been read: the pass misses it, and it would look deleted. When
another record comes at the same time, total, counts, keys and order fit all the same. So a pass over several pages is
complete only for one of two reasons:

- The list was frozen: it shows only records from before the pass began, so nothing can come in the place of what goes.
  Then each page has the same total, and so many different records came.
- Two passes in a row brought the same records. A record that went has been in the first of them, and not in the second.

One page that has all records is one consistent read.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

from tap_servicetitan.api.pages import ListPage
from tap_servicetitan.errors import MissingRecordsError
from tap_servicetitan.replication.change_windows import MAX_WINDOW_PAGES, ChangeReader, Window
from tap_servicetitan.replication.list_pass import PassWatch, by_key
from tap_servicetitan.times import second_after

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
    from datetime import datetime

    from tap_servicetitan.replication.list_pass import PassResult

    Steps = Iterator[ListPage | Window]

MAX_PASSES = 5
"""How many times to read a list that changes while it is being read."""

MAX_FROZEN_PASSES = 3
"""How many of these may be frozen ones: if records keep going, two equal passes are as unlikely."""

WHOLE = Window(None, None)
"""All times of creation, until now."""

MAX_STARTS = 5
"""How often to ask for the first page of a frozen list until the server's clock has reached the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassRequest:
    """Which pages a pass asks for."""

    page_size: int
    created_before: datetime | None = None
    """Only records that were created before this moment (UTC): the list is frozen."""


class CompleteListReader:
    """Reads one list once. After that, `problem` says whether every record was seen."""

    def __init__(  # noqa: PLR0913 - what is known of the list, and the way to it
        self,
        read: Callable[[PassRequest], Iterator[ListPage]],
        *,
        page_size: int,
        is_freezable: bool = False,
        identify: Callable[[ListPage], Iterable[Hashable]] = by_key,
        pause: Callable[[float], None],
        on_problem: Callable[[int, str], None],
    ) -> None:
        """Prepare to read.

        Args:
            read: Starts a pass.
            page_size: How many records to ask for per page.
            is_freezable: Whether the list can be asked for records from before a time of creation.
            identify: Returns what identifies each record of a page.
            pause: Waits for some seconds.
            on_problem: Called after each pass that may have missed records: its number, from 1 on, and why.
        """
        self._read = read
        self._page_size = page_size
        self._is_freezable = is_freezable
        self._identify = identify
        self._pause = pause
        self._on_problem = on_problem
        self._passes = 0
        self._last_pass: dict[int, int] = {}
        """A hash of each page of the pass before, by the place of its first record."""
        self.problem: str | None = "it has not been read"
        """Why records may have been missed; None after a complete pass."""
        self.rows = 0
        """How many records the last pass has brought so far, without the page that is being yielded."""
        self.total: int | None = None
        """How many records the list had when `steps` began, if it said so."""
        self._was_frozen = True
        self._windows: ChangeReader | None = None

    def pages(self) -> Iterator[ListPage]:
        """Yield the pages of the list. A page that the pass before brought at the same place does not come again.

        Raises:
            MissingRecordsError: If records are known to be missing, pass after pass.
            StreamError: If the list cannot be read to its end.
        """
        pages = self._read(PassRequest(page_size=self._page_size))
        yield from self._read_whole(next(pages), pages)

    def _read_whole(self, first: ListPage, pages: Iterator[ListPage]) -> Iterator[ListPage]:
        """Read the list, of which a pass has begun: its first page, and the others."""
        if self._is_freezable and first.has_more and first.total_count is not None:
            yield from self._read_frozen(first)
            if self.problem is None:
                return
            pages = self._read(PassRequest(page_size=self._page_size))
            first = next(pages)
        yield from self._read_until_equal(chain([first], pages))

    def steps(self, read_window: Callable[[Window], Iterator[ListPage]], parts: Sequence[Window] = (WHOLE,)) -> Steps:
        """Yield the pages of the list; of a long one in parts, and windows: all records created in one have come.

        A list that can be frozen is read part by part, each of which is complete by itself. So another run can go on
        where the last of the windows ends.

        Args:
            read_window: Starts a pass over the records that were created in a window.
            parts: What to read, by the time of creation. One without an end is read until now, and comes first.

        Raises:
            StreamError: As `pages` does.
        """
        is_whole = tuple(parts) == (WHOLE,)
        pages = self._read(PassRequest(page_size=self._page_size if is_whole else 1))
        first = next(pages)
        self.total = first.total_count
        if is_whole and not (self._is_freezable and _is_long(first)):
            yield from self._read_whole(first, pages)
            return
        sent = first.sent
        first.drop()
        yield from self._read_parts(read_window, parts, second_after(sent), is_whole=is_whole)
        if self.problem and is_whole:
            yield from self.pages()

    def _read_parts(
        self,
        read_window: Callable[[Window], Iterator[ListPage]],
        parts: Sequence[Window],
        moment: datetime,
        *,
        is_whole: bool,
    ) -> Steps:
        watch, total = PassWatch(self._identify), self.total or 0
        for page in islice(self._frozen_pages(moment, page_size=1), 1):
            watch.add(page)
        self._was_frozen = not total or _was_frozen(watch, watch.result(), moment, total)
        if is_whole and not self._was_frozen:
            self.problem = "it could not be read as of one moment"
            return
        problems: list[str] = []
        reader = self._windows = ChangeReader(
            read_window,
            problems.append,
            times_of=lambda page: (page.earliest_created, page.latest_created),
            identify=self._identify,
        )
        for part in parts:
            if reader.obeys and not reader.missed:
                yield from _as_windows(reader.steps(Window(part.since, part.until or moment)), part.since)
        self.problem = None if reader.obeys else "the API does not filter by the time of creation"
        if problems:
            self._note_problem(problems[0])

    @property
    def are_windows_true(self) -> bool:
        """Whether the windows that have come had all records of their times, as far as the answers tell.

        Not if an answer had one of another time, or if the filter hides records.
        """
        return self._was_frozen and (self._windows is None or self._windows.obeys)

    def _read_frozen(self, first: ListPage) -> Iterator[ListPage]:
        """Read the list as it was when its first page was sent, up to MAX_FROZEN_PASSES times."""
        sent, total = first.sent, first.total_count
        first.drop()
        for _ in range(MAX_FROZEN_PASSES):
            moment = second_after(sent)
            watch = PassWatch(self._identify)
            yield from self._watch(self._frozen_pages(moment), watch)
            result, sent = watch.result(), watch.last_sent or sent
            if not _was_frozen(watch, result, moment, total or 0):
                self.problem = "it could not be read as of one moment"
                return
            if result.is_consistent:
                self.problem = None
                return
            self._note_problem(result.problem or "its number of records changed")
            self._ask_for_less(result, watch)
            total = None

    def _frozen_pages(self, moment: datetime, page_size: int | None = None) -> Iterator[ListPage]:
        """Yield the pages of a pass that began after the moment, by the server's clock."""
        for _ in range(MAX_STARTS):
            pages = self._read(PassRequest(page_size=page_size or self._page_size, created_before=moment))
            first = next(pages)
            if first.sent >= moment:
                break
            first.drop()
            self._pause((moment - first.sent).total_seconds())
        yield first
        yield from pages

    def _read_until_equal(self, pages: Iterator[ListPage]) -> Iterator[ListPage]:
        """Read the list until two passes in a row have brought the same records, up to MAX_PASSES times."""
        before: PassResult | None = None
        while True:
            watch = PassWatch(self._identify)
            yield from self._watch(pages, watch)
            result = watch.result()
            if result.is_one_read or result.equals(before):
                self.problem = None
                return
            if before is not None or result.problem:
                self._note_problem(result.problem or "another pass brought other records")
            if self._passes >= MAX_PASSES:
                break
            self._ask_for_less(result, watch)
            before = result
            pages = self._read(PassRequest(page_size=self._page_size))
        if result.missing:
            raise MissingRecordsError(f"{self.problem}, on each of {self._passes} passes, also with smaller pages")

    def _watch(self, pages: Iterator[ListPage], watch: PassWatch) -> Iterator[ListPage]:
        self._passes += 1
        before, self._last_pass = self._last_pass, {}
        self.rows = 0
        for page in pages:
            # The place counts, too: it is the key of records without another one. So only the pass before counts, not
            # an earlier one, whose records may have been written over.
            digest = self._last_pass[self.rows] = hash(tuple(self._identify(page)))
            watch.add(page)  # before anybody drops its records
            if before.get(self.rows) != digest:
                yield page
            else:
                page.drop()
            self.rows = watch.rows

    def _note_problem(self, problem: str) -> None:
        self.problem = problem
        self._on_problem(self._passes, problem)

    def _ask_for_less(self, result: PassResult, watch: PassWatch) -> None:
        """Ask for smaller pages from now on if records are missing: the server may cap its pages and not say so."""
        if result.missing:
            capped = watch.first_page_rows if watch.first_page_rows < self._page_size else self._page_size // 2
            self._page_size = max(1, capped)


def _as_windows(steps: Iterator[ListPage | datetime], since: datetime | None) -> Steps:
    """Yield the pages of a window, and instead of moments the windows from its beginning until then."""
    for step in steps:
        yield step if isinstance(step, ListPage) else Window(since, step)


def _is_long(first: ListPage) -> bool:
    """Return whether a list is worth reading in parts, from its first page."""
    return first.has_more and (first.total_count or 0) > MAX_WINDOW_PAGES * max(len(first.records), 1)


def _was_frozen(watch: PassWatch, result: PassResult, moment: datetime, total: int) -> bool:
    """Return whether a pass showed all records from before a moment, and only these.

    A server may ignore the filter. It may also hide more than it should, such as records without a time of creation:
    then it has fewer records than without the filter.

    Args:
        watch: What watched the pass.
        result: Its result.
        moment: The moment.
        total: How many records the list had before it was frozen.
    """
    began_late = watch.first_sent is not None and watch.first_sent >= moment
    obeyed = watch.latest_created is not None and watch.latest_created < moment
    totals = [-1 if count is None else count for count in result.totals]
    return began_late and obeyed and max(totals) >= total
