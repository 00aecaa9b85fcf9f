"""Streams from a list that has to be asked for a stretch of time."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property, partial
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypedDict

from tap_servicetitan.api.pages import NoKey
from tap_servicetitan.days import DaysAhead, DaysSince, query_of_day
from tap_servicetitan.errors import RequestRefusedError
from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.replication.child_lists import ChildLists
from tap_servicetitan.replication.complete_list import PassRequest
from tap_servicetitan.replication.parent_lookup import ParentLookup
from tap_servicetitan.specs.spec import DATE, POSITION, Period
from tap_servicetitan.streams.daily import DailyStream
from tap_servicetitan.streams.outcome import describe_unread

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from tap_servicetitan.api.pages import Key, ListPage, Page
    from tap_servicetitan.days import Days, DayState
    from tap_servicetitan.replication.complete_list import CompleteListReader
    from tap_servicetitan.replication.list_reader import ListReader

DEFAULT_DAYS = 365
"""How many days before the first run to begin with, without the setting `start_date`."""

MOST_DAYS = 100
"""The most days to read in one run. The next run continues from there."""


class DayOptions(TypedDict):
    """What the list of a day is opened with."""

    query: dict[str, str]
    added: dict[str, str]


class Parents(NamedTuple):
    """The parents whose lists are read."""

    keys: Sequence[Key]
    problem: str | None
    """Why some may be missing."""


class PeriodStream(DailyStream):
    """A list that is asked for one day after the other."""

    date_field: ClassVar[str] = DATE
    position_field: ClassVar[str] = POSITION

    @override
    def _read(self) -> None:
        self._read_days(self._days)

    @override
    def _pages(self) -> Iterator[ListPage]:
        return self._open_day(self._now.date()).pages()

    @property
    @override
    def _is_numbered(self) -> bool:
        return self.spec.numbered

    @property
    def _days(self) -> Days:
        today = self._now.date()
        if self._period.is_ahead:
            return DaysAhead(first=today, count=self._settings.capacity_days)
        first = self._settings.first_day
        return DaysSince(
            start=first.date() if first else today - timedelta(days=DEFAULT_DAYS),
            lookback_days=self._settings.daily_lookback_days,
            most_days=MOST_DAYS,
        )

    @property
    def _period(self) -> Period:
        if self.spec.period is None:
            raise ValueError(f"{self.name} is not read by periods")
        return self.spec.period

    @override
    def _open_day(self, day: date) -> CompleteListReader:
        return self._list.open(self._warn_of_problem, **self._of_day(day))

    def _of_day(self, day: date) -> DayOptions:
        return {"query": query_of_day(self._period, day, self._now), "added": {DATE: str(day)}}

    @cached_property
    def _list(self) -> ListReader:
        return self._list_reader(self.spec)


class ChildPeriodStream(PeriodStream):
    """The lists of all parents, that are asked for one day after the other."""

    @override
    def _pages(self) -> Iterator[ListPage]:
        return self._list_reader(self.source).read_pages(PassRequest(page_size=self._settings.page_size))

    @override
    def _own_pages(self, page: Page) -> Iterator[Page]:
        return self._lists_of(self._now.date()).of([key for key in page.keys if not isinstance(key, NoKey)])

    @override
    def _read_day(self, state: DayState, day: date, today: date, days: Days) -> DayState:
        # Without all parents no day counts as read: else the next run would not ask for those that are missing.
        if problem := self._write_lists_of(day) or self._parents.problem:
            self._note_incomplete(f"{day}: {problem}")
            return state.without(day, today, days)
        return state.after(day, today, days, None)

    def _write_lists_of(self, day: date) -> str | None:
        """Write the lists of all parents that are there. Return why some of them may lack records."""
        lists = self._lists_of(day)
        try:
            for page in chain(lists.of(self._parents.keys), lists.settle()):
                self._write_page(page)
                self._context.turns.offer()
        except RequestRefusedError as error:
            # A first day may be before all parents' time: the endpoint is missing only if today has no list, either.
            if error.status != HTTPStatus.NOT_FOUND or not self._has_lists(self._now.date()):
                raise
        if not lists.unread:
            return None
        return describe_unread(self.source.name, lists.unread)

    def _has_lists(self, day: date) -> bool:
        """Return whether the list of any parent is found for a day."""
        found = False
        for page in self._lists_of(day).of(self._parents.keys):
            page.drop()
            found = True
        return found

    def _lists_of(self, day: date) -> ChildLists:
        return ChildLists(
            partial(self._list.open, **self._of_day(day)),
            ParentLookup(self._client, self.source, self._list_reader(self.source)),
            were_read=bool(self._saved_state),
            on_problem=self._warn_of_problem,
        )

    @cached_property
    def _parents(self) -> Parents:
        """The parents, of which each has a list for each day."""
        reader = self._list_reader(self.source).open(self._warn_of_problem)
        found = {key: None for page in reader.pages() for key in page.keys if not isinstance(key, NoKey)}
        problem = reader.problem and f"{self.source.name}: the list kept changing: {reader.problem}"
        return Parents(list(found), problem)
