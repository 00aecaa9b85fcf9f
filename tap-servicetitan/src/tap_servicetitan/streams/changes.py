"""Streams from a list with a filter by time of change."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tap_servicetitan.api.pages import KeyField, Page, newest
from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.replication.bookmark import read_from
from tap_servicetitan.replication.change_windows import MAX_WINDOW_PAGES, ChangeReader, Window
from tap_servicetitan.replication.complete_list import PassRequest
from tap_servicetitan.streams.incremental import IncrementalStream
from tap_servicetitan.times import format_api_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tap_servicetitan.api.pages import ListPage
    from tap_servicetitan.replication.bookmark import Bookmark, OpenPass
    from tap_servicetitan.replication.ranges import Range


class ChangesStream(IncrementalStream):
    """A list with a filter by time of change.

    The filter starts a little before the newest known change, so records repeat and none is missed.
    """

    @override
    def _first_load(self) -> None:
        if self._settings.first_day:
            self._write_changes()
        else:
            self._full_pass()

    @override
    def _all_pages(self) -> Iterator[ListPage]:
        return self._list_pages()

    @override
    def _all_steps(self, begun: OpenPass) -> Iterator[Page | OpenPass | Range]:
        return self._list_parts(begun)

    @override
    def _pages_since(self, since: datetime) -> Iterator[Page]:
        reader = ChangeReader(self._read_window, self._note_incomplete)
        for step in self._ahead(reader.pages(since)):
            if isinstance(step, Page):
                yield step
        if not reader.obeys:
            yield from self._list_pages(query=self._filter(Window(since, None)), tells_changes=True)

    @override
    def _write_changes(self) -> None:
        since = self._go_on() if self._continues else read_from(self._bookmark, self._pass_settings)
        if not self._write_windows(since):
            self.logger.warning("%s: the API does not filter by %s", self.name, self.source.changed_before)
            self._write_until_equal(since)

    def _go_on(self) -> datetime | None:
        """Return where the last run has stopped, and save that it was not looked back from there.

        The last run has begun with the look-back. With it, the parents that changed in a day would be read from the
        first one on again, and if they are too many for a run, the last ones never. So the next run makes up for it: a
        change may be seen later than its time.
        """
        bookmark = self._bookmark
        since = read_from(replace(bookmark, look_back_from=None), replace(self._pass_settings, lookback=timedelta()))
        self._save_bookmark(replace(bookmark, look_back_from=bookmark.look_back_from or bookmark.newest))
        return since

    def _looked_back(self, bookmark: Bookmark) -> Bookmark:
        """Return the bookmark after all changes were read."""
        return bookmark if self._continues else replace(bookmark, look_back_from=None)

    def _write_windows(self, since: datetime | None) -> bool:
        """Write the changes, window by window. Return whether the API filters as asked."""
        # The children of a window are read before the next one: so few windows are read again if the run ends early.
        most_pages = 1 if self._child_lists else MAX_WINDOW_PAGES
        reader = ChangeReader(self._read_window, self._note_incomplete, most_pages=most_pages)
        bookmark, latest, parents = self._bookmark, None, list[KeyField]()
        for step in self._ahead(reader.pages(since)):
            if not isinstance(step, Page):
                bookmark = bookmark.after(latest, step)
                self._write_children_of(parents, bookmark)
                parents.clear()
                self._save_bookmark(bookmark)
                continue
            latest = newest((latest, step.newest))
            if self._child_lists:
                parents += self._parents_in(step)
            else:
                self._write_from(step)
        self._write_children_of(parents, bookmark)  # those that no moment covers
        if reader.obeys:
            self._settle_and_save(bookmark if reader.missed else self._looked_back(bookmark))
        return reader.obeys

    def _write_until_equal(self, since: datetime | None) -> None:
        """Write the changes as one list, until two passes in a row have brought the same."""
        began = self._now
        latest = self._write_list(query=self._filter(Window(since, None)), tells_changes=True)
        bookmark = self._bookmark
        if self._is_complete:
            bookmark = self._looked_back(bookmark.after(latest, began))
            self._save_bookmark(bookmark)
        self._settle_and_save(bookmark)

    def _read_window(self, window: Window) -> Iterator[ListPage]:
        return self._list.read_pages(PassRequest(page_size=self._settings.page_size), query=self._filter(window))

    def _filter(self, window: Window) -> dict[str, str]:
        bounds = {self.source.changed_since: window.since, self.source.changed_before: window.until}
        return {name: format_api_time(moment) for name, moment in bounds.items() if name and moment}
