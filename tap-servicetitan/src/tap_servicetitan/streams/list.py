"""The base of streams that can be read from a list."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tap_servicetitan.concurrency.prefetch import read_ahead
from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.replication.list_reader import ListReader
from tap_servicetitan.replication.snapshot import MAX_PASSES, read_until_stable
from tap_servicetitan.streams.base import ServiceTitanStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from tap_servicetitan.api.pages import ListPage
    from tap_servicetitan.replication.bookmark import Bookmark


class ListStream(ServiceTitanStream):
    """A stream with a list.

    All passes of a run share one version: a record that any of them has seen counts as present. If it is deleted
    between two passes, the next run finds that.
    """

    @cached_property
    def _list(self) -> ListReader:
        return ListReader(self._client, self.source, self._settings.page_size)

    @override
    def _pages(self) -> Iterator[ListPage]:
        return self._list.read_pages()

    def _write_list(
        self,
        bookmark: Bookmark,
        started: datetime,
        *,
        version: int | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Bookmark | None:
        """Write a list, and write it again if it has changed meanwhile.

        Args:
            bookmark: The bookmark before.
            started: When reading began. Later changes may be missed, so the bookmark does not pass it.
            version: The version of the records, for a full pass.
            query: Query parameters in addition to those of the spec.

        Returns:
            The new bookmark. None if even the last pass may have missed records; the outcome says why.
        """
        problems: list[str] = []

        def note(attempt: int, problem: str) -> None:
            problems.append(problem)
            self._warn_of_problem(attempt, problem)

        def read() -> Iterator[ListPage]:
            return self._list.read_pages(query=query)

        for page in read_ahead(read_until_stable(read, note, sorted_by_key=self.source.sorted_by_key)):
            self._write_from(page, version)
            bookmark = bookmark.after(page.newest, started)
        if len(problems) == MAX_PASSES:
            self._note_unsettled(problems[-1])
        return bookmark if self._is_complete else None
