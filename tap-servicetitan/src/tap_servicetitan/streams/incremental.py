"""The SDK stream of what can be asked for changes: those, or every record when it is time for that."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from tap_servicetitan.plugin_runtime.clock import utc_now
from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.replication.bookmark import Bookmark, PassSettings, full_pass_is_due
from tap_servicetitan.streams.base import milliseconds, utc_text
from tap_servicetitan.streams.list import ListStream

if TYPE_CHECKING:
    from datetime import datetime


class IncrementalStream(ListStream, abc.ABC):
    """Changes since the last run, or every record when a full pass is due."""

    @override
    def _read(self) -> None:
        if self._full_pass_is_due():
            self._full_pass()
            return
        if self._settings.start_date:
            self.logger.info("%s: deleted records are not looked for, because start_date is set", self.name)
        self._changes()

    def _full_pass(self) -> None:
        started = utc_now()
        version = milliseconds(started)
        bookmark = self._everything(Bookmark(full_pass_at=utc_text(started)), started, version)
        if bookmark:
            self._activate(version)
            self._save(bookmark.dump())

    @abc.abstractmethod
    def _everything(self, bookmark: Bookmark, started: datetime, version: int) -> Bookmark | None:
        """Write every record, and return how far the stream has been read then; None when some may be missing."""

    @abc.abstractmethod
    def _changes(self) -> None:
        """Write what has changed since the bookmark, and save how far the stream has been read."""

    def _full_pass_is_due(self) -> bool:
        if self._is_asked_for_everything() and not self._settings.start_date:
            return True
        return full_pass_is_due(self._bookmark, self._pass_settings, utc_now())

    def _is_asked_for_everything(self) -> bool:
        # To the catalog a stream that has no cursor is a full table, whatever it does. It says nothing then.
        return self.forced_replication_method == REPLICATION_FULL_TABLE and self.replication_key is not None

    @property
    def _bookmark(self) -> Bookmark:
        # Not `stream_state`, which would add an empty bookmark.
        return Bookmark.parse(self.tap_state.get("bookmarks", {}).get(self.name, {}))

    @property
    def _pass_settings(self) -> PassSettings:
        settings = self._settings
        return PassSettings(
            start_date=settings.first_day,
            reconcile_interval=settings.reconcile_interval,
            lookback=settings.lookback,
        )
