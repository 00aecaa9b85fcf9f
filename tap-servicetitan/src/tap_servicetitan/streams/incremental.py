"""The base of streams that can be read by changes."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from tap_servicetitan.plugin_runtime.clock import utc_now
from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.replication.bookmark import Bookmark, PassSettings, full_pass_is_due
from tap_servicetitan.replication.times import epoch_milliseconds, format_state_time
from tap_servicetitan.streams.list import ListStream

if TYPE_CHECKING:
    from datetime import datetime


class IncrementalStream(ListStream, abc.ABC):
    """Reads the changes since the last run, or every record when a full pass is due."""

    @override
    def _read(self) -> None:
        if self._full_pass_is_due():
            self._full_pass()
            return
        if self._settings.start_date:
            self.logger.info("%s: not looking for deleted records, because start_date is set", self.name)
        self._write_changes()

    def _full_pass(self) -> None:
        started = utc_now()
        version = epoch_milliseconds(started)
        bookmark = self._write_all(Bookmark(full_pass_at=format_state_time(started)), started, version)
        if bookmark:
            self._activate(version)
            self._save(bookmark.dump())

    @abc.abstractmethod
    def _write_all(self, bookmark: Bookmark, started: datetime, version: int) -> Bookmark | None:
        """Write every record, and return the new bookmark; None if some records may be missing."""

    @abc.abstractmethod
    def _write_changes(self) -> None:
        """Write the changes since the bookmark, and save the new bookmark."""

    def _full_pass_is_due(self) -> bool:
        if self._is_full_table_requested() and not self._settings.start_date:
            return True
        return full_pass_is_due(self._bookmark, self._pass_settings, utc_now())

    def _is_full_table_requested(self) -> bool:
        # The catalog says FULL_TABLE for each stream without a cursor, so there it is no request.
        return self.forced_replication_method == REPLICATION_FULL_TABLE and self.replication_key is not None

    @property
    def _bookmark(self) -> Bookmark:
        return Bookmark.parse(self._saved_state)

    @property
    def _pass_settings(self) -> PassSettings:
        settings = self._settings
        return PassSettings(
            start_date=settings.first_day,
            reconcile_interval=settings.reconcile_interval,
            lookback=settings.lookback,
        )
