"""Streams from a list with a filter by time of change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_servicetitan.concurrency.prefetch import read_ahead
from tap_servicetitan.plugin_runtime.clock import utc_now
from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.replication.bookmark import read_from
from tap_servicetitan.replication.change_order import is_in_change_order, read_changes
from tap_servicetitan.replication.times import format_api_time
from tap_servicetitan.streams.incremental import IncrementalStream

if TYPE_CHECKING:
    from datetime import datetime

    from tap_servicetitan.api.pages import ListPage
    from tap_servicetitan.replication.bookmark import Bookmark


class ChangesStream(IncrementalStream):
    """A list with a filter by time of change.

    The filter starts a little before the newest known change, so records repeat and none is missed. If the list can be
    sorted by time of change, every page moves the bookmark. If not, the API cuts the pages by record number, and only a
    pass that has seen every record moves it.
    """

    @override
    def _write_all(self, bookmark: Bookmark, started: datetime, version: int) -> Bookmark | None:
        return self._write_list(bookmark, started, version=version)

    @override
    def _write_changes(self) -> None:
        time = read_from(self._bookmark, self._pass_settings)
        since = format_api_time(time) if time else None
        if self.source.change_order_query and self._write_in_order(since):
            return
        if bookmark := self._write_list(self._bookmark, utc_now(), query=self._filter(since)):
            self._save(bookmark.dump())

    def _write_in_order(self, since: str | None) -> bool:
        """Write the changes, page by page. Return whether the API sorted them as requested."""
        bookmark = self._bookmark
        for page in read_ahead(read_changes(self._fetch, since)):
            if not is_in_change_order(page.records, self.source.cursor or ""):
                self.logger.warning("%s: the API does not sort changes as requested", self.name)
                return False
            self._write_from(page)
            if not self._is_complete:
                break
            bookmark = bookmark.after(page.newest, utc_now())
            self._save(bookmark.dump())
        return True

    def _fetch(self, since: str | None, number: int) -> ListPage:
        return self._list.read_page(number, {**self._filter(since), **self.source.change_order_query})

    def _filter(self, since: str | None) -> dict[str, str]:
        return {self.source.changed_since or "": since} if since else {}
