"""The base of streams that are read by changes, with a full pass from time to time."""

from __future__ import annotations

import abc
import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from tap_servicetitan.api.pages import Page, newest
from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.replication.bookmark import (
    Bookmark,
    OpenPass,
    PassSettings,
    full_pass_is_due,
    gives_up_first_load,
    phase_of,
    starts_earlier,
)
from tap_servicetitan.replication.passes import PassMeter, RecordMeter, behind, in_minutes, in_order
from tap_servicetitan.streams.base import new_version
from tap_servicetitan.streams.list import ListStream
from tap_servicetitan.times import format_api_time, format_state_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from tap_servicetitan.api.pages import Key, KeyField
    from tap_servicetitan.replication.child_lists import ChildLists

FITTING_SHARE = 0.8
"""Which share of its time a run can give to one full pass, at most."""

SAVE_SECONDS = 5.0
"""How often to save how far something long has come. A run that is killed loses no more than this."""

MOST_PENDING = 10_000
"""How many parents a bookmark remembers: twice as many as a page of them has. It stays under 200 KB."""


class IncrementalStream(ListStream, abc.ABC):
    """Reads the changes since the last run, and then every record when a full pass is due.

    The changes come first: a full pass may take longer than a run may, and nothing of it tells what is gone before its
    end. What a run does not get done with goes on in the next one.
    """

    _follows_times: ClassVar[bool] = True
    """Whether the changes are read by their times, so that a full pass tells where to go on."""

    _continues: bool = False
    """Whether this run goes on with changes that the last one did not get done with."""

    _meter: PassMeter | RecordMeter | None = None
    """How far a full pass has come in this run, if there is one."""

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

    @abc.abstractmethod
    def _all_pages(self) -> Iterator[Page]:
        """Yield pages with every record of the source. If some may be missing, the outcome says why."""

    @abc.abstractmethod
    def _all_steps(self, begun: OpenPass) -> Iterator[Page | OpenPass]:
        """Yield pages with every record that a pass has still to read, and between them where another run could go on.

        Args:
            begun: What earlier runs have read.
        """

    def _list_parts(self, begun: OpenPass) -> Iterator[Page | OpenPass]:
        """Yield the same for a list."""
        for step in self._list_steps(parse_time(begun.created_to)):
            yield step if isinstance(step, Page) else replace(begun, created_to=format_api_time(step))

    def _full_pass(self) -> None:
        """Read every record. If this run has read all of them, those that did not come are gone."""
        # One that an earlier run has begun would leave out what that run has read.
        begun = None if self._settings.rereads_all else self._bookmark.open_pass
        if self._child_lists:
            self._child_pass(self._child_lists, begun, self._now)
        else:
            self._record_pass(begun, self._now)

    def _record_pass(self, begun: OpenPass | None, now: datetime) -> None:
        """Read the records themselves, from where the last run has stopped."""
        version = None if begun else new_version()
        # What changes from now on comes with the next run's changes, also if the first load is not done by then.
        resumable = self._bookmark if self._bookmark.has_begun else self._bookmark_after(format_api_time(now), now)
        meter = self._meter = RecordMeter(begun or OpenPass(began=format_state_time(now)), time.monotonic)
        latest = self._write_steps(meter, version, lambda: replace(resumable, open_pass=meter.so_far()))
        if version is not None:
            self._end_pass(self._bookmark_after(latest, now), version, meter.position.began)
            self._forget_open_pass()
        elif self._is_complete:
            self._end_long_pass(replace(resumable, open_pass=None), meter.position.began, meter.seconds)

    def _write_steps(self, meter: RecordMeter, version: int | None, mark: Callable[[], Bookmark]) -> str | None:
        """Write the records of a pass, and save now and then how far it has come.

        Args:
            meter: Counts them.
            version: The version of the records, if this run reads all of them.
            mark: Returns the bookmark that says so.

        Returns:
            The latest time of change among the records, if there is one.
        """
        latest: str | None = None
        saved = time.monotonic()
        for step in self._all_steps(meter.position):
            if isinstance(step, Page):
                meter.read += len(step.keys)
                meter.total = self._list_total
                self._write_from(step, version)
                latest = newest((latest, step.newest))
                continue
            with self._writer.lock:
                meter.reach(step)
                self._checkpoint = lambda: self._save_bookmark(mark())
            # The parts of a list are long, the pages of a feed are not.
            if step.created_to or time.monotonic() - saved >= SAVE_SECONDS:
                self._save_bookmark(mark())
                saved = time.monotonic()
        with self._writer.lock:
            self._checkpoint = None
        return latest

    def _bookmark_after(self, latest: str | None, began: datetime) -> Bookmark:
        """Return the bookmark after a full pass, from the latest time of change in it and the moment when it began."""
        return self._bookmark.after(latest if self._follows_times else None, began)

    def _end_pass(self, bookmark: Bookmark, version: int, began: str) -> None:
        """Tell the target that it has every record, and save that, if nothing is missing."""
        if not self._is_complete:
            return
        passed = replace(
            bookmark, full_pass_at=began, first_load_at=None, open_pass=None, long_pass_at=None, long_pass_seconds=None
        )
        self._activate(version, lambda: self._save_bookmark(passed))

    def _child_pass(self, lists: ChildLists, begun: OpenPass | None, now: datetime) -> None:
        """Read the lists of all parents in the order of their keys, from where the last run has stopped.

        Each run lists the parents anew, which takes a request for thousands of them. The order of the keys is the same
        whatever the API does, so a key is all that has to be remembered.
        """
        version = None if begun else new_version()
        if begun is None:
            lists.begin_pass()
        keys, latest = self._list_keys()
        bookmark = replace(self._bookmark if begun else self._bookmark_after(latest, now), open_pass=None)
        begun = begun or OpenPass(began=format_state_time(now))
        left = lists.take_new(behind(in_order(keys), begun.done_to))
        meter = self._meter = PassMeter(begun, left, f"lists of {self.source.name}", time.monotonic)
        is_listed = self._list_problem is None

        def save() -> None:
            # While parents may be missing, no list counts as read for good.
            if is_listed:
                self._save_bookmark(replace(bookmark, open_pass=meter.so_far()))

        self._write_lists(lists, left, version, on_read=meter.note_done, save=save)
        self._settle(version)
        if version is not None:
            self._end_pass(bookmark, version, begun.began)
            self._forget_open_pass()
        elif is_listed:
            self._end_long_pass(bookmark, begun.began, meter.seconds)

    def _forget_open_pass(self) -> None:
        """Let the next run begin a new pass, after one that came to its end and is not complete."""
        if self._bookmark.open_pass:
            self._save_bookmark(replace(self._bookmark, open_pass=None))

    def _end_long_pass(self, bookmark: Bookmark, began: str, seconds: float) -> None:
        """Save the end of a pass that took several runs.

        No run has seen all of it, so the target cannot tell what is gone. In a first load nothing can be: what went
        while it lasted is found by the next pass.
        """
        if bookmark.is_first_load and self._is_complete:
            self._save_bookmark(replace(bookmark, full_pass_at=began, first_load_at=None))
            return
        self._save_bookmark(
            replace(bookmark, long_pass_at=began, long_pass_seconds=math.ceil(seconds), first_load_at=None)
        )
        if not self._settings.first_day:  # with one, no run looks for what is gone
            self._note_missed_deletions()

    def _note_missed_deletions(self) -> None:
        bookmark = self._bookmark
        since = bookmark.full_pass_at[:10] if bookmark.full_pass_at else "the first load"
        advice = (
            "the next run makes one"
            if self._next_pass_fits
            else f"it needs about {in_minutes(bookmark.long_pass_seconds or 0)}: allow the tap more than that "
            "(`max_read_seconds`; with the fleet, `timeout_minutes` of the company)"
        )
        self._note_incomplete(
            f"all changes were read, but records deleted since {since} are not marked: the last full pass took several "
            f"runs, and only one within a single run shows what is gone; {advice}"
        )

    @property
    def _next_pass_fits(self) -> bool:
        """Whether a full pass like the last one, which took several runs, would fit into one."""
        most, needed = self._settings.max_read_seconds, self._bookmark.long_pass_seconds or 0
        return most is None or needed <= FITTING_SHARE * most

    def _list_keys(self) -> tuple[set[KeyField], str | None]:
        """Return the keys of all parents, and the latest time of change among them."""
        keys: set[KeyField] = set()
        latest: str | None = None
        for page in self._all_pages():
            keys.update(parent_keys(page))
            latest = newest((latest, page.newest))
        return keys, latest

    def _write_lists(
        self,
        lists: ChildLists,
        parents: Sequence[KeyField],
        version: int | None,
        *,
        on_read: Callable[[int], None],
        save: Callable[[], None],
    ) -> None:
        """Write the lists of parents as they come, and save now and then which have been read.

        Args:
            lists: Reads them.
            parents: The parents.
            version: The version of the records, for a full pass.
            on_read: Called with the place of each parent whose list is written, or could not be read.
            save: Saves what has been read.
        """
        self._checkpoint = save
        saved = time.monotonic()
        for number, pages in lists.start(parents):
            for page in pages:
                if page.records:
                    self._write_page(page, version)
            on_read(number)
            if time.monotonic() - saved >= SAVE_SECONDS:
                save()
                saved = time.monotonic()
            self._context.turns.offer()
        with self._writer.lock:
            self._checkpoint = None

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
            phase=phase_of(settings.tenant_id, self.name),
        )


def parent_keys(page: Page) -> list[KeyField]:
    """Return the keys of a page of parents, whose keys have one field."""
    return [key for key in page.keys if isinstance(key, (int, str))]
