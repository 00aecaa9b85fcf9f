"""The base of streams that are read by changes, with a full pass from time to time."""

from __future__ import annotations

import abc
from dataclasses import replace
from typing import TYPE_CHECKING

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.replication.bookmark import (
    Bookmark,
    PassSettings,
    full_pass_is_due,
    gives_up_first_load,
    phase_of,
    starts_earlier,
)
from tap_servicetitan.streams.full_pass import FullPassStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from tap_servicetitan.api.pages import KeyField, Page

MOST_PENDING = 10_000
"""How many parents a bookmark remembers: twice as many as a page of them has. It stays under 200 KB."""


class IncrementalStream(FullPassStream):
    """Reads the changes since the last run, and then every record when a full pass is due.

    The changes come first: a full pass may take longer than a run may, and nothing of it tells what is gone before its
    end. What a run does not get done with goes on in the next one.
    """

    _continues: bool = False
    """Whether this run goes on with changes that the last one did not get done with."""

    @property
    @override
    def goes_on(self) -> bool:
        bookmark = self._bookmark
        return bool(bookmark.open_pass or bookmark.pending or bookmark.first_load_at)

    @override
    def _read(self) -> None:
        self._forget_another_start()
        if not self._bookmark.has_begun:
            self._first_load()
            return
        self._read_pending()
        self._write_changes()
        if since := self._settings.first_day if self._settings.rereads_all else self._settings.reread_since:
            self._read_again(since)
        if self._full_pass_is_due():
            self._context.turns.step_back()
            self._full_pass()
        elif self._settings.start_date:
            self.logger.info("%s: not looking for deleted records, because start_date is set", self.name)
        elif self._bookmark.misses_deletions:
            self._note_missed_deletions()

    def _forget_another_start(self) -> None:
        """Begin again if the start date has changed, and what was read does not reach back to it."""
        bookmark, settings = self._bookmark, self._pass_settings
        # A feed that has no end yet goes on from its token, whatever the start date.
        stays_unread = self._follows_times and gives_up_first_load(bookmark, settings)
        if not stays_unread and not starts_earlier(bookmark, settings):
            return
        self.logger.warning(
            "%s: start_date was %s and is %s: reads again from there",
            self.name,
            bookmark.first_day or "not set",
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
    def _pages_since(self, since: datetime) -> Iterator[Page]:
        """Yield pages with every record that has changed since a time. If some may be missing, the outcome says why."""

    def _read_again(self, since: datetime) -> None:
        """Write once more what has changed since a time.

        The bookmark stays where it is: it may cover less than that, and must not be moved past what was not read.
        """
        for page in self._pages_since(since):
            self._write_from(page)
        self._settle_and_save(self._bookmark)

    def _write_children_of(self, parents: Sequence[KeyField], bookmark: Bookmark, version: int | None = None) -> None:
        """Write the lists of changed parents, but for those that this run has read.

        If that takes long, the bookmark is saved on the way, with the parents that are left.

        Args:
            parents: The parents.
            bookmark: The bookmark that covers them.
            version: The version of the records, for a first load.
        """
        lists = self._child_lists
        if lists is None:
            return
        new = lists.take_new(parents)
        left = dict(enumerate(new))

        def note_read(number: int) -> None:
            del left[number]

        def save() -> None:
            if len(left) <= MOST_PENDING:
                self._save_bookmark(replace(bookmark, pending=tuple(left.values())))

        self._write_lists(lists, new, version, on_read=note_read, save=save)

    def _read_pending(self) -> None:
        """Write the lists that the last run was about to read when it ended."""
        bookmark = self._bookmark
        self._continues = bool(bookmark.pending)
        if bookmark.pending:
            self._write_children_of(bookmark.pending, replace(bookmark, pending=()))
            self._save_bookmark(replace(bookmark, pending=()))
        if self._child_lists:
            self._child_lists.forget(bookmark.pending)

    @override
    def _progress(self) -> str:
        so_far = super()._progress()
        if self._meter is None:
            return so_far
        what = "the first load" if self._bookmark.is_first_load else "all changes were read; the full pass"
        return f"{what} goes on in the next run: {self._meter.describe()}"

    def _full_pass_is_due(self) -> bool:
        if self._bookmark.open_pass:
            return True  # also with a start date: nothing else brings what is left of it
        if self._settings.first_day:
            return False
        # It is also what shows which of the parents are gone whose lists cannot be read.
        owes = bool(self._child_lists and self._child_lists.unread)
        misses = self._bookmark.misses_deletions
        return (
            (misses and self._next_pass_fits)
            or (owes and not misses)
            or self._is_full_table_requested()
            or self._settings.rereads_all
            or full_pass_is_due(self._bookmark, self._pass_settings, self._now)
        )

    def _is_full_table_requested(self) -> bool:
        # The catalog says FULL_TABLE for each stream without a cursor, so there it is no request.
        return self.forced_replication_method == REPLICATION_FULL_TABLE and self.replication_key is not None

    def _settle_and_save(self, bookmark: Bookmark, version: int | None = None) -> None:
        """Read once more the child lists that could not be read, and save which are still owed."""
        self._settle(version)
        if self._child_lists and bookmark != Bookmark():
            self._save_bookmark(bookmark)

    @property
    def _pass_settings(self) -> PassSettings:
        settings = self._settings
        return PassSettings(
            start_date=settings.first_day,
            reconcile_interval=settings.reconcile_interval,
            lookback=settings.lookback,
            phase=phase_of(settings.tenant_id, self.name),
        )
