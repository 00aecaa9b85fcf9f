"""Reads the lists of many parents side by side."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from tap_servicetitan.concurrency.prefetch import start_ahead
from tap_servicetitan.errors import RequestRefusedError
from tap_servicetitan.replication.snapshot import settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_servicetitan.api.pages import Key, ListPage
    from tap_servicetitan.replication.list_reader import ListReader

PARENTS_AT_ONCE = 8
"""For how many parents of one stream lists are asked for at the same time."""


class Children:
    """The lists of one stream's parents."""

    def __init__(self, lists: ListReader, *, sorted_by_key: bool, on_problem: Callable[[int, str], None]) -> None:
        """Prepare to read.

        Args:
            lists: Reads the list of a parent.
            sorted_by_key: Whether the lists come in the order of their keys.
            on_problem: Told of each pass over a parent's list that may have missed rows: its number, and why.
        """
        self._lists = lists
        self._sorted_by_key = sorted_by_key
        self._on_problem = on_problem
        self._found = False
        self._refusal: RequestRefusedError | None = None

    def of(self, parents: Sequence[Key]) -> Iterator[ListPage]:
        """Yield the pages of the parents' lists that have records, parent by parent.

        Raises:
            StreamError: If one of the lists cannot be read to its end.
        """
        for pages in start_ahead(map(self._pages, parents), PARENTS_AT_ONCE):
            for page in pages:
                if page.records:
                    yield page

    def raise_when_missing(self) -> None:
        """Make sure that lists were found, if there were parents: else it is the endpoint that is missing.

        Raises:
            RequestRefusedError: If every parent's list was refused as not found.
        """
        if self._refusal and not self._found:
            raise self._refusal

    def _pages(self, parent: Key) -> Iterator[ListPage]:
        def note(attempt: int, problem: str) -> None:
            self._on_problem(attempt, f"the list of {parent}: {problem}")

        try:
            for page in settled(lambda: self._lists.pages(parent=parent), note, sorted_by_key=self._sorted_by_key):
                self._found = True
                yield page
        except RequestRefusedError as error:
            # The parent has gone since it was listed.
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            self._refusal = error
