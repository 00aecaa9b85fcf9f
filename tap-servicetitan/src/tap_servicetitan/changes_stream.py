"""The SDK stream of a list that can be asked for what changed since a time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from plugin_runtime.compat import override
from tap_servicetitan.bookmark import read_from, text_of
from tap_servicetitan.incremental_stream import IncrementalStream

if TYPE_CHECKING:
    from tap_servicetitan.bookmark import Bookmark


class ChangesStream(IncrementalStream):
    """A list with a filter by time of change.

    Its pages are cut by row numbers and do not come in the order of change, so only a pass that saw every row moves the
    bookmark. It goes back a little from the newest change that it knows, so it repeats records and misses none.
    """

    @override
    def _everything(self, bookmark: Bookmark, started: datetime, version: int) -> Bookmark | None:
        return self._write_list(bookmark, started, version=version)

    @override
    def _changes(self) -> None:
        since = read_from(self._bookmark, self._pass_settings)
        query = {self.source.changed_since or "": text_of(since)} if since else {}
        if bookmark := self._write_list(self._bookmark, datetime.now(UTC), query=query):
            self._save(bookmark.dump())
