"""The SDK stream of a list that can be asked for what changed since a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_servicetitan.concurrency.prefetch import read_ahead
from tap_servicetitan.plugin_runtime.clock import utc_now
from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.replication.bookmark import read_from, text_of
from tap_servicetitan.replication.change_order import read_changes
from tap_servicetitan.streams.incremental import IncrementalStream
from tap_servicetitan.transform.inject import come_in_order

if TYPE_CHECKING:
    from datetime import datetime

    from tap_servicetitan.api.pages import ListPage
    from tap_servicetitan.replication.bookmark import Bookmark


class ChangesStream(IncrementalStream):
    """A list with a filter by time of change.

    It is asked for what changed since a little before the newest change that is known, so it repeats records and misses
    none. A list that comes in the order of change moves the bookmark with every page. The pages of another one are cut
    by row numbers, and only a pass that saw every row moves it.
    """

    @override
    def _everything(self, bookmark: Bookmark, started: datetime, version: int) -> Bookmark | None:
        return self._write_list(bookmark, started, version=version)

    @override
    def _changes(self) -> None:
        time = read_from(self._bookmark, self._pass_settings)
        since = text_of(time) if time else None
        if self.source.order_of_change and self._changes_in_order(since):
            return
        if bookmark := self._write_list(self._bookmark, utc_now(), query=self._filter(since)):
            self._save(bookmark.dump())

    def _changes_in_order(self, since: str | None) -> bool:
        """Write what has changed, page by page. Return whether it came in the order that it was asked for."""
        bookmark = self._bookmark
        for page in read_ahead(read_changes(self._fetch, since)):
            if not come_in_order(page.records, self.source.cursor or ""):
                self.logger.warning("%s: changes do not come in the order that they are asked for in", self.name)
                return False
            self._write_from(page)
            if not self._is_complete:
                break
            bookmark = bookmark.after(page.newest, utc_now())
            self._save(bookmark.dump())
        return True

    def _fetch(self, since: str | None, number: int) -> ListPage:
        return self._list.page(number, {**self._filter(since), **self.source.order_of_change})

    def _filter(self, since: str | None) -> dict[str, str]:
        return {self.source.changed_since or "": since} if since else {}
