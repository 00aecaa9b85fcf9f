"""Reads the lists of several parents at the same time."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from tap_servicetitan.concurrency.prefetch import start_ahead
from tap_servicetitan.errors import RequestRefusedError
from tap_servicetitan.replication.snapshot import read_until_stable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_servicetitan.api.pages import Key, ListPage
    from tap_servicetitan.replication.list_reader import ListReader

PARENTS_AT_ONCE = 8
"""For how many parents of a stream to read the lists at the same time."""


class ChildLists:
    """The lists of a child stream, one per record of the parent."""

    def __init__(self, lists: ListReader, *, sorted_by_key: bool, on_problem: Callable[[int, str], None]) -> None:
        """Prepare to read.

        Args:
            lists: Reads the list of a parent.
            sorted_by_key: Whether the lists are sorted by key.
            on_problem: Called after each pass over a list that may have missed records: its number, and why.
        """
        self._lists = lists
        self._sorted_by_key = sorted_by_key
        self._on_problem = on_problem
        self._found = False
        self._refusal: RequestRefusedError | None = None

    def of(self, parents: Sequence[Key]) -> Iterator[ListPage]:
        """Yield the pages of the parents' lists, parent by parent, without empty pages.

        Raises:
            StreamError: If one of the lists cannot be read to its end.
        """
        for pages in start_ahead(map(self._pages, parents), PARENTS_AT_ONCE):
            for page in pages:
                if page.records:
                    yield page

    def raise_if_missing(self) -> None:
        """Check that a list was found, if there were parents. Otherwise the endpoint is missing, not a parent.

        Raises:
            RequestRefusedError: If the API answered 404 for every parent.
        """
        if self._refusal and not self._found:
            raise self._refusal

    def _pages(self, parent: Key) -> Iterator[ListPage]:
        def note(attempt: int, problem: str) -> None:
            self._on_problem(attempt, f"the list of {parent}: {problem}")

        try:
            for page in read_until_stable(
                lambda: self._lists.read_pages(parent=parent), note, sorted_by_key=self._sorted_by_key
            ):
                self._found = True
                yield page
        except RequestRefusedError as error:
            # The parent has been deleted since it was listed.
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            self._refusal = error
