"""The SDK stream of what can be read from a list, whole."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tap_servicetitan.concurrency.prefetch import read_ahead
from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.replication.list_reader import ListReader
from tap_servicetitan.replication.snapshot import MOST_PASSES, settled
from tap_servicetitan.streams.base import ServiceTitanStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from tap_servicetitan.api.pages import ListPage
    from tap_servicetitan.replication.bookmark import Bookmark


class ListStream(ServiceTitanStream):
    """A stream with a list.

    All passes of a run share one version, so what any of them showed counts as present. A row that is deleted between
    two of them is found by the next run.
    """

    @cached_property
    def _list(self) -> ListReader:
        return ListReader(self._client, self.source, self._settings.page_size)

    @override
    def _pages(self) -> Iterator[ListPage]:
        return self._list.pages()

    def _write_list(
        self,
        bookmark: Bookmark,
        started: datetime,
        *,
        version: int | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Bookmark | None:
        """Write a list, and write it again when it changed meanwhile.

        Args:
            bookmark: How far the stream had been read before.
            started: When reading began. What changes after that may be missed, so the bookmark does not pass it.
            version: The version of the records, when the list is read whole.
            query: What to ask the list for besides what the row says.

        Returns:
            How far the stream has been read then. None if rows may have been missed all the same; the outcome says why.
        """
        problems: list[str] = []

        def note(attempt: int, problem: str) -> None:
            problems.append(problem)
            self.logger.warning("%s: pass %d of %d may have missed rows: %s", self.name, attempt, MOST_PASSES, problem)

        def read() -> Iterator[ListPage]:
            return self._list.pages(query=query)

        for page in read_ahead(settled(read, note, sorted_by_key=self.source.sorted_by_key)):
            self._write_from(page, version)
            bookmark = bookmark.after(page.newest, started)
        if len(problems) == MOST_PASSES:
            self._note_unsettled(problems[-1])
        return bookmark if self._is_complete else None
