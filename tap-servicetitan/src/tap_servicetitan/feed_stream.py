"""The SDK stream of an export feed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from plugin_runtime.compat import override
from tap_servicetitan.ahead import read_ahead
from tap_servicetitan.feed import FeedSettings, FeedState, date_to_start_from, full_pass_is_due, read_feed, resume_feed
from tap_servicetitan.stream import ServiceTitanStream, utc_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_servicetitan.errors import RequestRefusedError
    from tap_servicetitan.pages import ExportPage


class FeedStream(ServiceTitanStream):
    """An export feed: changes since the last run, or every record when a full pass is due."""

    @override
    def _read(self) -> None:
        if self._full_pass_is_due():
            self._full_pass()
        else:
            self._changes()

    def _full_pass(self) -> None:
        started = datetime.now(UTC)
        version = int(started.timestamp() * 1000)
        state = FeedState(full_pass_at=utc_text(started.timestamp()))
        for page in read_ahead(read_feed(self._fetch, None)):
            self._write_page(page, version)
            state = state.after(page, started)
        self._write_activate_version_message(version)
        self._save(state.dump())

    def _changes(self) -> None:
        state = self._state
        if self._settings.start_date:
            self.logger.info("%s: deleted records are not looked for, because start_date is set", self.name)
        for page in read_ahead(self._pages()):
            self._write_page(page)
            state = state.after(page, datetime.now(UTC))
            self._save(state.dump())

    @override
    def _pages(self) -> Iterator[ExportPage]:
        date = date_to_start_from(self._state, self._feed_settings)
        token = self._state.continue_from
        if token is None:
            return read_feed(self._fetch, date)

        def warn(error: RequestRefusedError) -> None:
            self.logger.warning(
                "%s: the bookmark was refused (%s), going on from %s", self.name, error, date or "the start"
            )

        return resume_feed(self._fetch, token, date, warn)

    def _fetch(self, position: str | None) -> ExportPage:
        # Without recent changes the feed leaves out a record that has just changed: not in its old place any more, not
        # yet in its new one. A full pass would take it for deleted.
        params = {"includeRecentChanges": "true"} | ({} if position is None else {"from": position})
        return self._client.get(self.spec.export_path or "", params, self._decoder.export_page)

    def _full_pass_is_due(self) -> bool:
        if self.forced_replication_method == REPLICATION_FULL_TABLE and not self._settings.start_date:
            return True
        return full_pass_is_due(self._state, self._feed_settings, datetime.now(UTC))

    @property
    def _state(self) -> FeedState:
        # Not `stream_state`, which would add an empty bookmark.
        return FeedState.parse(self.tap_state.get("bookmarks", {}).get(self.name, {}))

    @property
    def _feed_settings(self) -> FeedSettings:
        settings = self._settings
        return FeedSettings(
            start_date=settings.start_date,
            reconcile_interval=settings.reconcile_interval,
            lookback=settings.lookback,
        )
