"""The base of streams that are read in full from time to time, in one run or in several."""

from __future__ import annotations

import abc
import math
import time
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar

from tap_servicetitan.api.pages import Page, newest
from tap_servicetitan.output.read_messages import Sweep
from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.replication.bookmark import Bookmark, OpenPass
from tap_servicetitan.replication.change_windows import Window
from tap_servicetitan.replication.passes import ListsPart, PassMeter, RecordMeter, behind, in_minutes, in_order
from tap_servicetitan.replication.ranges import MOST_SWEPT, after_sweeping, around, fit_to, ranges_left, without
from tap_servicetitan.specs.spec import CREATED
from tap_servicetitan.streams.base import new_version
from tap_servicetitan.streams.list import ListStream
from tap_servicetitan.times import format_api_time, format_state_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from tap_servicetitan.api.pages import Key, KeyField
    from tap_servicetitan.replication.child_lists import ChildLists
    from tap_servicetitan.replication.ranges import Range

FITTING_SHARE = 0.8
"""Which share of its time a run can give to one full pass, at most."""

SAVE_SECONDS = 5.0
"""How often to save how far something long has come. A run that is killed loses no more than this."""


class FullPassStream(ListStream, abc.ABC):
    """Reads every record now and then, which shows what is gone.

    A pass that does not fit into a run goes on in the next one. What one run has read from one end to the other is a
    range, of keys of parents or of times of creation. It tells the target so, which then marks what is gone from it. A
    run that is killed cannot: what it has read stays a gap, which is read once more.
    """

    _follows_times: ClassVar[bool] = True
    """Whether the changes are read by their times, so that a full pass tells where to go on."""

    _meter: PassMeter | RecordMeter | None = None
    """How far a full pass has come in this run, if there is one."""

    _sweep_now: Callable[[], Sweep | None] | None = None
    """Returns what the target is to sweep if the run ends here, while a pass is read of which it can sweep a part."""

    @abc.abstractmethod
    def _all_pages(self) -> Iterator[Page]:
        """Yield pages with every record of the source. If some may be missing, the outcome says why."""

    @abc.abstractmethod
    def _all_steps(self, begun: OpenPass) -> Iterator[Page | OpenPass | Range]:
        """Yield pages with every record that a pass has still to read, and between them where another run could go on.

        For a list, that is the range of the time of creation that has been read.

        Args:
            begun: What earlier runs have read.
        """

    def _list_parts(self, begun: OpenPass) -> Iterator[Page | Range]:
        """Yield the same for a list: between the pages, the ranges of the time of creation that have been read."""
        parts = [Window(*map(parse_time, bounds)) for bounds in ranges_left(begun)]
        for step in self._list_steps(parts):
            if isinstance(step, Page):
                yield step
            else:
                since, until = (format_api_time(moment) if moment else None for moment in (step.since, step.until))
                yield since, until

    def _full_pass(self) -> None:
        """Read every record. If this run has read all of them, those that did not come are gone."""
        begun = self._begun_pass()
        if self._child_lists:
            self._child_pass(self._child_lists, begun, self._now)
        else:
            self._record_pass(begun, self._now)

    def _begun_pass(self) -> OpenPass | None:
        """Return the full pass that this run goes on with, if there is one."""
        begun, interval = self._bookmark.open_pass, self._settings.reconcile_interval
        # Where everything is to be read again, one that has begun would leave out what earlier runs have read.
        if begun is None or not begun.has_read or self._settings.rereads_all:
            return None
        began = parse_time(begun.began)
        # What is left by now cannot be read. It must not keep a new pass from finding what has gone since.
        is_stuck = begun.is_read and began is not None and self._now - began >= interval
        return None if is_stuck else begun

    @property
    @override
    def _goes_on_with_pass(self) -> bool:
        return self._begun_pass() is not None

    @cached_property
    def _swept_property(self) -> str | None:
        """The property by which the target can tell the rows that a part of a pass has read; None if there is none."""
        parent = self.spec.parent
        if parent is None:
            name = CREATED if self._cuts_by_creation else None
        else:
            # Where the parent is not a part of the key, a record can move to another one, and would look deleted.
            name = parent.field if parent.field in self.spec.key else None
        return name if name and self._leaves_unchanged(name) else None

    @property
    def _cuts_by_creation(self) -> bool:
        """Whether a full pass goes through the list by the time of creation."""
        return self.source.is_freezable

    @property
    def _sweeps(self) -> bool:
        """Whether the target is to sweep what each run of a pass has read. In a first load, nothing can be gone."""
        return bool(self._swept_property) and not (self._bookmark.is_first_load or self._settings.first_day)

    def _record_pass(self, begun: OpenPass | None, now: datetime) -> None:
        """Read the records themselves, from where the last run has stopped."""
        # What changes from now on comes with the next run's changes, also if the first load is not done by then.
        resumable = self._bookmark if self._bookmark.has_begun else self._bookmark_after(format_api_time(now), now)
        resumable = replace(resumable, open_pass=None)
        opened = fit_to(begun or OpenPass(began=format_state_time(now)), sweeps=self._sweeps)
        version = new_version() if opened.sweeps or begun is None else None
        meter = self._meter = RecordMeter(opened, time.monotonic)
        if opened.sweeps:
            self._sweep_now = partial(self._sweep_records, resumable, meter, version)
        latest = self._write_steps(meter, version, lambda: replace(resumable, open_pass=meter.so_far()))
        self._sweep_now = None
        if begun is None and version is not None:
            self._end_pass(self._bookmark_after(latest, now), version, opened.began)
            self._forget_open_pass()
        elif opened.sweeps:
            sweep = self._sweep_records(resumable, meter, version, is_read=self._list_problem is None)
            self._end_part(sweep, replace(resumable, open_pass=meter.so_far()))
        elif self._is_complete:
            self._end_long_pass(resumable, opened.began, meter.seconds)

    def _sweep_records(
        self, bookmark: Bookmark, meter: RecordMeter, version: int | None, *, is_read: bool = False
    ) -> Sweep | None:
        """Return what the target is to sweep of the records that were read so far. See `_sweep_of`."""
        if version is None or self._parts_reader is None or not self._parts_reader.are_windows_true:
            return None
        read = meter.so_far()
        return self._sweep_of(bookmark, replace(read, is_read=read.is_read or is_read), meter.read_ranges, version)

    def _sweep_of(
        self, bookmark: Bookmark, read: OpenPass, ranges: Sequence[Range], version: int, unread: Sequence[Range] = ()
    ) -> Sweep | None:
        """Return what the target is to sweep, with the bookmark that is true when it has; None if that is not sure.

        Args:
            bookmark: The bookmark without the pass.
            read: What has been read of the pass.
            ranges: What this run has read of it.
            version: The version of the records that it has read.
            unread: The ranges in it that could not be read.
        """
        swept = without(ranges, unread)[:MOST_SWEPT]
        left = after_sweeping(read, swept)
        is_over = left.is_read and not left.gaps
        state = self._dump(_after_pass(bookmark, left.began) if is_over else replace(bookmark, open_pass=left))
        is_vain = not swept and not is_over
        if is_vain or self._is_doubtful or state is None or self._swept_property is None:
            return None
        are_times = self.spec.parent is None
        return Sweep(version, self._swept_property, swept, state, is_over=is_over, are_times=are_times)

    def _end_part(self, sweep: Sweep | None, bookmark: Bookmark) -> None:
        """End the part of a pass that this run has read.

        Args:
            sweep: What the target is to sweep. None if nothing of it is sure.
            bookmark: The bookmark that is true if it sweeps nothing.
        """
        self._sweep = sweep
        if sweep is None:
            self._save_bookmark(bookmark)
        if sweep is None or not sweep.is_over:
            self._note_incomplete("the full pass goes on in the next run with what is left of it", is_doubtful=False)

    @override
    def _prepare_cut(self) -> None:
        sweep_now = self._sweep_now  # the thread of the stream may be about to forget it
        if sweep_now and self._sweep is None:
            self._sweep = sweep_now()

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
            if isinstance(step, tuple) or time.monotonic() - saved >= SAVE_SECONDS:
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
        self._activate(version, lambda: self._save_bookmark(_after_pass(bookmark, began)))

    def _child_pass(self, lists: ChildLists, begun: OpenPass | None, now: datetime) -> None:
        """Read the lists of all parents in the order of their keys, from where the last run has stopped.

        Each run lists the parents anew, which takes a request for thousands of them. The order of the keys is the same
        whatever the API does, so a key is all that has to be remembered.
        """
        if begun is None:
            lists.begin_pass()
        keys, latest = self._list_keys()
        bookmark = replace(self._bookmark if begun else self._bookmark_after(latest, now), open_pass=None)
        part = self._open_part(lists, keys, begun or OpenPass(began=format_state_time(now)), bookmark)
        self._meter = part.meter
        if part.meter.begun.sweeps:
            self._sweep_now = partial(self._sweep_lists, lists, part)
        save = partial(self._save_part, part)
        self._write_lists(lists, part.meter.left, part.version, on_read=part.meter.note_done, save=save)
        self._checkpoint = save
        self._settle(part.version)
        with self._writer.lock:
            self._checkpoint = self._sweep_now = None
        if part.meter.is_fresh and part.version is not None:
            self._end_pass(bookmark, part.version, part.meter.begun.began)
            self._forget_open_pass()
        elif part.is_listed:
            self._end_lists(lists, part)

    def _open_part(self, lists: ChildLists, keys: Sequence[KeyField], begun: OpenPass, bookmark: Bookmark) -> ListsPart:
        """Return what this run is to read of a pass.

        Args:
            lists: Reads the lists.
            keys: All parents, in order.
            begun: The pass.
            bookmark: The bookmark without it.
        """
        sweeps = self._sweeps and self._are_of_one_type([*keys, *lists.unread], begun)
        version = new_version() if sweeps or not begun.has_read else None
        meter = self._open_meter(lists, keys, fit_to(begun, sweeps=sweeps))
        return ListsPart(keys, meter, bookmark, version, self._list_problem is None)

    def _save_part(self, part: ListsPart) -> None:
        # While parents may be missing, no list counts as read for good.
        if part.is_listed:
            self._save_bookmark(part.so_far())

    def _sweep_lists(self, lists: ChildLists, part: ListsPart) -> Sweep | None:
        """Return what the target is to sweep of the lists that were read so far. See `_sweep_of`."""
        if not part.is_listed or part.version is None:
            return None
        unread = [around(part.keys, key) for key in tuple(lists.unread) if isinstance(key, (int, str))]
        meter = part.meter
        return self._sweep_of(part.bookmark, meter.so_far(), meter.read_ranges(), part.version, unread)

    def _end_lists(self, lists: ChildLists, part: ListsPart) -> None:
        """End what this run has read of a pass that another one has begun."""
        meter = part.meter
        if meter.begun.sweeps:
            self._end_part(self._sweep_lists(lists, part), part.so_far())
        else:
            self._end_long_pass(part.bookmark, meter.begun.began, meter.seconds)

    def _are_of_one_type(self, keys: Sequence[Key], begun: OpenPass) -> bool:
        """Return whether keys of parents, and where a pass has stopped, are of the type of the property with them."""
        schema = self.schema["properties"][self._swept_property]
        kind = int if "integer" in schema["type"] else str
        return all(type(key) is kind for key in [*keys, *([] if begun.position is None else [begun.position])])

    def _open_meter(self, lists: ChildLists, keys: Sequence[KeyField], begun: OpenPass) -> PassMeter:
        """Return the meter of a pass, with the parents whose lists this run is to read."""
        what = f"lists of {self.source.name}"
        if not begun.sweeps:
            left = lists.take_new([] if begun.is_read else behind(keys, begun.done_to))
            return PassMeter(begun, left, what, time.monotonic)
        # What changes have brought before the pass does not count as seen by it: all lists are read once more.
        return PassMeter.over(keys, begun, what, time.monotonic)

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
            f"runs, and only one within a single run shows what is gone; {advice}",
            is_doubtful=False,
        )

    @property
    def _next_pass_fits(self) -> bool:
        """Whether a full pass like the last one, which took several runs, would fit into one."""
        most, needed = self._settings.max_read_seconds, self._bookmark.long_pass_seconds or 0
        return most is None or needed <= FITTING_SHARE * most

    def _list_keys(self) -> tuple[Sequence[KeyField], str | None]:
        """Return the keys of all parents, in order, and the latest time of change among them."""
        keys: set[KeyField] = set()
        latest: str | None = None
        for page in self._all_pages():
            keys.update(self._parents_in(page))
            latest = newest((latest, page.newest))
        return in_order(keys), latest

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
                self._write_page(page, version)
            on_read(number)
            if time.monotonic() - saved >= SAVE_SECONDS:
                save()
                saved = time.monotonic()
            self._context.turns.offer()
        with self._writer.lock:
            self._checkpoint = None

    @property
    def _bookmark(self) -> Bookmark:
        return Bookmark.parse(self._saved_state)

    def _save_bookmark(self, bookmark: Bookmark) -> None:
        """Save a bookmark, if anything may be saved. See `_dump`."""
        if (state := self._dump(bookmark)) is not None:
            self._save(state)

    def _dump(self, bookmark: Bookmark) -> dict[str, Any] | None:
        """Return a bookmark as it is saved, with the start date and the parents whose lists are still to be read.

        Until a child list was found, nothing is saved: if the app may not read them, no parent counts as read.
        """
        if self._child_lists and not self._child_lists.is_proven:
            return None
        first_day = self._settings.first_day
        unread = self._child_lists.unread if self._child_lists else ()
        return replace(
            bookmark, first_day=format_state_time(first_day) if first_day else None, owed=tuple(unread)
        ).dump()

    @property
    @override
    def _owed(self) -> Sequence[Key]:
        return self._bookmark.owed


def _after_pass(bookmark: Bookmark, began: str) -> Bookmark:
    """Return a bookmark after a full pass that has shown what is gone."""
    return replace(
        bookmark, full_pass_at=began, first_load_at=None, open_pass=None, long_pass_at=None, long_pass_seconds=None
    )
