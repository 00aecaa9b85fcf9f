"""Streams from an export feed."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from tap_servicetitan.concurrency.prefetch import read_ahead
from tap_servicetitan.plugin_runtime.clock import utc_now
from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.replication.bookmark import read_from
from tap_servicetitan.replication.export_feed import read_feed, resume_feed
from tap_servicetitan.replication.list_reader import page_decoder, page_deletion_marker
from tap_servicetitan.replication.times import format_api_time
from tap_servicetitan.streams.incremental import IncrementalStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from tap_servicetitan.api.pages import ExportPage
    from tap_servicetitan.errors import RequestRefusedError
    from tap_servicetitan.replication.bookmark import Bookmark


class FeedStream(IncrementalStream):
    """An export feed."""

    @override
    def _write_all(self, bookmark: Bookmark, started: datetime, version: int) -> Bookmark | None:
        if self.source.full_pass == "list":  # noqa: S105 - a pass over the records
            # The feed continues from the time when reading the list began, less the look-back.
            return self._write_list(replace(bookmark, newest=format_api_time(started)), started, version=version)
        for page in read_ahead(read_feed(self._fetch, None)):
            self._write_from(page, version)
            bookmark = bookmark_after(bookmark, page, started)
        return bookmark if self._is_complete else None

    @override
    def _write_changes(self) -> None:
        bookmark = self._bookmark
        for page in read_ahead(self._pages()):
            self._write_from(page, None)
            if not self._is_complete:
                return
            bookmark = bookmark_after(bookmark, page, utc_now())
            self._save(bookmark.dump())

    @override
    def _pages(self) -> Iterator[ExportPage]:  # type: ignore[override]
        since = read_from(self._bookmark, self._pass_settings)
        # The API documents dates as days, so the look-back is rounded up to whole days.
        date = str(since.date()) if since else None
        token = self._bookmark.continue_from
        if token is None:
            return read_feed(self._fetch, date)

        def warn(error: RequestRefusedError) -> None:
            self.logger.warning(
                "%s: the API refused the bookmark (%s), continuing from %s", self.name, error, date or "the start"
            )

        return resume_feed(self._fetch, token, date, warn)

    def _fetch(self, position: str | None) -> ExportPage:
        # Without recent changes, the feed omits a record that has just changed: no longer at its old position, not yet
        # at its new one. A full pass would take it for deleted.
        params = {"includeRecentChanges": "true", **self.source.export_query}
        if position is not None:
            params["from"] = position
        return self._client.get(self.source.export_path or "", params, self._decode)

    @cached_property
    def _decode(self) -> Callable[[bytes], ExportPage]:
        decoder, mark = page_decoder(self.source), page_deletion_marker(self.source)
        return lambda body: mark(decoder.export_page(body))


def bookmark_after(bookmark: Bookmark, page: ExportPage, limit: datetime) -> Bookmark:
    """Return the bookmark after a page has been written. See `Bookmark.after`."""
    return replace(bookmark.after(page.newest, limit), continue_from=page.continue_from)
