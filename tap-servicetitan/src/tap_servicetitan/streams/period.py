"""Streams from a list that has to be asked for a stretch of time."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from tap_servicetitan.api.pages import NoKey
from tap_servicetitan.days import DaysAhead, DaysSince, query_of_day
from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.specs.spec import DATE, POSITION, Period
from tap_servicetitan.streams.daily import DailyStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from tap_servicetitan.api.pages import Key, ListPage
    from tap_servicetitan.days import Days
    from tap_servicetitan.replication.complete_list import CompleteListReader
    from tap_servicetitan.replication.list_reader import ListReader

DEFAULT_DAYS = 365
"""How many days before the first run to begin with, without the setting `start_date`."""

MOST_DAYS = 100
"""The most days to read in one run. The next run continues from there."""


class PeriodStream(DailyStream):
    """A list that is asked for one day after the other; of a child stream, the lists of all parents."""

    date_field: ClassVar[str] = DATE
    position_field: ClassVar[str] = POSITION

    @override
    def _read(self) -> None:
        self._read_days(self._days)

    @override
    def _pages(self) -> Iterator[ListPage]:
        for reader in self._open_day(self._now.date()):
            yield from reader.pages()

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
    def _open_day(self, day: date) -> Sequence[CompleteListReader]:
        query = query_of_day(self._period, day, self._now)
        return [
            self._list.open(self._warn_of_problem, parent=parent, query=query, added={DATE: str(day)})
            for parent in self._parents
        ]

    @cached_property
    def _list(self) -> ListReader:
        return self._list_reader(self.spec)

    @cached_property
    def _parents(self) -> Sequence[Key | None]:
        """The keys of the parents, of which each has a list; one list without any."""
        if self.spec.parent is None:
            return [None]
        reader = self._list_reader(self.source).open(self._warn_of_problem)
        found = {key: None for page in reader.pages() for key in page.keys if not isinstance(key, NoKey)}
        if reader.problem:
            self._note_incomplete(f"{self.source.name}: the list kept changing: {reader.problem}")
        return list(found)
