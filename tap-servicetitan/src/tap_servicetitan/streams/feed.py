"""Streams from an export feed."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.replication.bookmark import Bookmark, OpenPass, read_from
from tap_servicetitan.replication.export_feed import read_feed, resume_feed
from tap_servicetitan.replication.list_reader import page_decoder, page_deletion_marker
from tap_servicetitan.streams.base import new_version
from tap_servicetitan.streams.incremental import IncrementalStream
from tap_servicetitan.times import format_state_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from tap_servicetitan.api.pages import ExportPage, Page
    from tap_servicetitan.errors import RequestRefusedError
    from tap_servicetitan.replication.ranges import Range


class FeedStream(IncrementalStream):
    """An export feed. Each page moves the bookmark, also in the first load, so that a run goes on where one stopped."""

    _follows_times: ClassVar[bool] = False  # the feed goes on from its own token

    @override
    def _first_load(self) -> None:
        began = self._now
        # With a start date older records do not come, and must not look deleted.
        version = None if self._settings.first_day else new_version()
        begun = Bookmark(first_load_at=format_state_time(began) if version else None)
        self._follow(begun, version)
        if version and self._is_complete:
            self._activate(version, self._end_first_load)

    @override
    def _write_changes(self) -> None:
        self._follow(self._bookmark, None)
        # A first load that took several runs is no complete pass: what went meanwhile is found by the next one.
        if self._bookmark.first_load_at and self._is_complete:
            self._end_first_load()

    def _follow(self, bookmark: Bookmark, version: int | None) -> None:
        """Write the feed's pages from the bookmark on, and save it after each."""
        for page in self._ahead(self._pages()):
            bookmark = bookmark_after(bookmark, page)
            if self._child_lists:
                # One that the feed brings again has changed again, perhaps after its list was read.
                self._child_lists.forget(parents := self._parents_in(page))
                self._write_children_of(parents, bookmark, version)
            else:
                self._write_from(page, version)
            self._save_bookmark(bookmark)
        self._settle_and_save(bookmark, version)

    def _end_first_load(self) -> None:
        bookmark = self._bookmark
        self._save_bookmark(replace(bookmark, full_pass_at=bookmark.first_load_at, first_load_at=None))

    @override
    def _pages_since(self, since: datetime) -> Iterator[Page]:
        return self._ahead(read_feed(self._fetch, str(since.date())))

    @override
    def _all_pages(self) -> Iterator[Page]:
        if self.source.full_pass == "list":  # noqa: S105 - a pass over the records
            return self._list_pages()
        return self._ahead(read_feed(self._fetch, None, is_pass=True))

    @property
    @override
    def _cuts_by_creation(self) -> bool:
        return super()._cuts_by_creation and self.source.full_pass == "list"  # noqa: S105 - a pass over the records

    @override
    def _all_steps(self, begun: OpenPass) -> Iterator[Page | OpenPass | Range]:
        if self.source.full_pass == "list":  # noqa: S105 - a pass over the records
            yield from self._list_parts(begun)
            return
        token = begun.continue_from
        pages = (
            resume_feed(self._fetch, token, None, self._warn_of_token, is_pass=True)
            if token
            else read_feed(self._fetch, None, is_pass=True)
        )
        for page in self._ahead(pages):
            yield page
            if page.has_more and page.continue_from is not None:
                yield replace(begun, continue_from=page.continue_from)

    @override
    def _pages(self) -> Iterator[ExportPage]:  # type: ignore[override]
        since = read_from(self._bookmark, self._pass_settings)
        # The API documents dates as days, so the look-back is rounded up to whole days.
        date = str(since.date()) if since else None
        token = self._bookmark.continue_from
        if token is None:
            return read_feed(self._fetch, date, is_pass=date is None)

        return resume_feed(self._fetch, token, date, lambda error: self._warn_of_token(error, date))

    def _warn_of_token(self, error: RequestRefusedError, date: str | None = None) -> None:
        self.logger.warning(
            "%s: the API refused the bookmark (%s), continuing from %s", self.name, error, date or "the start"
        )

    def _fetch(self, position: str | None) -> ExportPage:
        # Without recent changes, the feed omits a record that has just changed: no longer at its old position, not yet
        # at its new one. A full pass would take it for deleted.
        params = {"includeRecentChanges": "true", **self.source.export_query}
        if position is not None:
            params["from"] = position
        return self._client.get_page(self.source.export_path or "", params, self._decode)

    @cached_property
    def _decode(self) -> Callable[[bytes], ExportPage]:
        decoder, mark = page_decoder(self.source), page_deletion_marker(self.source)
        return lambda body: mark(decoder.export_page(body))


def bookmark_after(bookmark: Bookmark, page: ExportPage) -> Bookmark:
    """Return the bookmark after a page has been written. See `Bookmark.after`."""
    token = page.continue_from if page.continue_from is not None else bookmark.continue_from
    return replace(bookmark.after(page.newest, page.sent), continue_from=token)
