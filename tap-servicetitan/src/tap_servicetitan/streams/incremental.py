"""The base of streams that are read by changes, with a full pass from time to time."""

from __future__ import annotations

import abc
from dataclasses import replace
from typing import TYPE_CHECKING

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.replication.bookmark import Bookmark, PassSettings, full_pass_is_due, starts_earlier
from tap_servicetitan.streams.base import new_version
from tap_servicetitan.streams.list import ListStream
from tap_servicetitan.times import format_state_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_servicetitan.api.pages import Key


class IncrementalStream(ListStream, abc.ABC):
    """Reads the changes since the last run, and then every record when a full pass is due.

    The changes come first: a full pass may take longer than a run may, and nothing of it counts before its end.
    """

    @override
    def _read(self) -> None:
        self._forget_a_later_start()
        if not self._bookmark.has_begun:
            self._first_load()
            return
        self._write_changes()
        if self._full_pass_is_due():
            self._context.turns.step_back()
            self._full_pass()
        elif self._settings.start_date:
            self.logger.info("%s: not looking for deleted records, because start_date is set", self.name)

    def _forget_a_later_start(self) -> None:
        if starts_earlier(self._bookmark, self._pass_settings):
            self.logger.warning(
                "%s: start_date was %s and is %s: reads again from there",
                self.name,
                self._bookmark.first_day,
                self._settings.start_date or "no more set",
            )
            with self._writer.lock:
                self.stream_state.clear()

    @abc.abstractmethod
    def _first_load(self) -> None:
        """Write the stream for the first time, and save the first bookmark."""

    @abc.abstractmethod
    def _write_changes(self) -> None:
        """Write the changes since the bookmark, and save the new bookmark."""

    @abc.abstractmethod
    def _write_all(self, version: int) -> str | None:
        """Write every record. Return the latest time of change, if the stream goes on from it."""

    def _full_pass(self) -> None:
        began = self._now
        version = new_version()
        if self._child_lists:
            self._child_lists.begin_pass()
        bookmark = self._bookmark.after(self._write_all(version), began)
        self._settle(version)
        if self._is_complete:
            passed = replace(bookmark, full_pass_at=format_state_time(began), first_load_at=None)
            self._activate(version, lambda: self._save_bookmark(passed))

    def _full_pass_is_due(self) -> bool:
        settings = self._settings
        if settings.first_day:
            return False
        # It is also what shows which of the parents are gone whose lists cannot be read.
        owes = bool(self._child_lists and self._child_lists.unread)
        return (
            owes or self._is_full_table_requested() or full_pass_is_due(self._bookmark, self._pass_settings, self._now)
        )

    def _is_full_table_requested(self) -> bool:
        # The catalog says FULL_TABLE for each stream without a cursor, so there it is no request.
        return self.forced_replication_method == REPLICATION_FULL_TABLE and self.replication_key is not None

    @property
    def _bookmark(self) -> Bookmark:
        return Bookmark.parse(self._saved_state)

    def _settle_and_save(self, bookmark: Bookmark, version: int | None = None) -> None:
        """Read once more the child lists that could not be read, and save which are still owed."""
        self._settle(version)
        if self._child_lists and bookmark != Bookmark():
            self._save_bookmark(bookmark)

    def _save_bookmark(self, bookmark: Bookmark) -> None:
        """Save a bookmark, with the start date and the parents whose lists are still to be read.

        Until a child list was found, nothing is saved: if the app may not read them, no parent counts as read.
        """
        if self._child_lists and not self._child_lists.is_proven:
            return
        first_day = self._settings.first_day
        unread = self._child_lists.unread if self._child_lists else ()
        self._save(
            replace(bookmark, first_day=format_state_time(first_day) if first_day else None, owed=tuple(unread)).dump()
        )

    @property
    @override
    def _owed(self) -> Sequence[Key]:
        return self._bookmark.owed

    @property
    def _pass_settings(self) -> PassSettings:
        settings = self._settings
        return PassSettings(
            start_date=settings.first_day,
            reconcile_interval=settings.reconcile_interval,
            lookback=settings.lookback,
        )
