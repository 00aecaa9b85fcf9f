"""The base of streams that can be read from a list."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tap_servicetitan.api.pages import newest
from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.replication.complete_list import PassRequest
from tap_servicetitan.specs.spec import CREATED_SINCE
from tap_servicetitan.streams.base import ServiceTitanStream
from tap_servicetitan.times import format_api_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_servicetitan.api.pages import ListPage
    from tap_servicetitan.replication.change_windows import Window
    from tap_servicetitan.replication.complete_list import CompleteListReader
    from tap_servicetitan.replication.list_reader import ListReader


class ListStream(ServiceTitanStream):
    """A stream with a list.

    All passes of a run share one version: a record that any of them has seen counts as present. If it is deleted
    between two passes, the next run finds that.
    """

    @cached_property
    def _list(self) -> ListReader:
        return self._list_reader(self.source)

    @override
    def _pages(self) -> Iterator[ListPage]:
        return self._list.read_pages(PassRequest(page_size=self._settings.page_size))

    _list_problem: str | None = None
    """Why the last list that was read in full may lack records."""

    _list_total: int | None = None
    """How many records the list has that is read in full, as far as is known."""

    def _list_pages(self, *, query: Mapping[str, str] | None = None, tells_changes: bool = False) -> Iterator[ListPage]:
        """Yield the pages of a list, as often as it takes to see every record. If that fails, the outcome says why.

        Args:
            query: Query parameters in addition to those of the spec.
            tells_changes: Whether a record that changes between two passes is another one.

        Raises:
            StreamError: If the list cannot be read, or is known to lack records.
        """
        reader = self._list.open(self._warn_of_problem, query=query, tells_changes=tells_changes)
        yield from self._ahead(reader.pages())
        self._note_list_end(reader)

    _parts_reader: CompleteListReader | None = None
    """What reads a list in parts."""

    def _list_steps(self, parts: Sequence[Window]) -> Iterator[ListPage | Window]:
        """Yield the pages of a list, and windows: all records created in one have been read by then.

        Args:
            parts: What to read of it, by the time of creation.

        Raises:
            StreamError: As `_list_pages` does.
        """
        reader = self._parts_reader = self._list.open(self._warn_of_problem)
        for step in self._ahead(reader.steps(self._read_created, parts)):
            self._list_total = reader.total
            yield step
        self._note_list_end(reader, is_doubtful=not reader.are_windows_true)

    def _read_created(self, window: Window) -> Iterator[ListPage]:
        request = PassRequest(page_size=self._settings.page_size, created_before=window.until)
        return self._list.read_pages(
            request, query={CREATED_SINCE: format_api_time(window.since)} if window.since else {}
        )

    def _note_list_end(self, reader: CompleteListReader, *, is_doubtful: bool = True) -> None:
        self._list_problem = reader.problem
        if reader.problem:
            self._note_incomplete(f"the list kept changing: {reader.problem}", is_doubtful=is_doubtful)

    def _write_list(
        self, version: int | None = None, *, query: Mapping[str, str] | None = None, tells_changes: bool = False
    ) -> str | None:
        """Write a list, as `_list_pages` yields it.

        Args:
            version: The version of the records, for a full pass.
            query: Query parameters in addition to those of the spec.
            tells_changes: Whether a record that changes between two passes is another one.

        Returns:
            The latest time of change among the records, if there is one.

        Raises:
            StreamError: If the list cannot be read, or is known to lack records.
        """
        latest: str | None = None
        for page in self._list_pages(query=query, tells_changes=tells_changes):
            self._write_from(page, version)
            latest = newest((latest, page.newest))
        return latest
