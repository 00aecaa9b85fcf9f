"""Streams that are read day by day."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, ClassVar

from tap_servicetitan.days import DayState
from tap_servicetitan.errors import MissingRecordsError, UnavailableError
from tap_servicetitan.plugin_runtime.plurals import pluralize
from tap_servicetitan.replication.deletions import deletion_page
from tap_servicetitan.streams.base import ServiceTitanStream

if TYPE_CHECKING:
    from datetime import date

    from tap_servicetitan.days import Days
    from tap_servicetitan.replication.complete_list import CompleteListReader

MAX_FAILED_DAYS = 3
"""How many days of a run may fail before the stream does. Each takes all retries."""


class DailyStream(ServiceTitanStream, abc.ABC):
    """A list of which each day is read by itself, and recent days again."""

    date_field: ClassVar[str]
    """The field with the day."""
    position_field: ClassVar[str]
    """The field with the position of a record in its day, if nothing else identifies it."""

    @property
    @abc.abstractmethod
    def _is_numbered(self) -> bool:
        """Whether only the position in its day identifies a record."""

    @abc.abstractmethod
    def _open_day(self, day: date) -> CompleteListReader:
        """Return the reader of a day's list."""

    def _read_days(self, days: Days) -> None:
        """Read the days that are due."""
        today = self._now.date()
        state = self._begin_days(today)
        failed = 0
        due = days.to_read(state, today)
        if since := self._settings.reread_since:
            due += days.read_before(state, since.date())
        for day in due:
            try:
                state = self._read_day(state, day, today, days)
            except (MissingRecordsError, UnavailableError) as error:
                # The days behind it go on, unless the stream is in trouble for all of them.
                failed += 1
                if failed > MAX_FAILED_DAYS:
                    raise
                self._note_incomplete(f"{day}: {error}")
                state = DayState.parse(self._saved_state, today).without(day, today, days)
            self._save(state.dump())
        if left := days.left(state, today, due):
            are = "is" if left == 1 else "are"
            self._note_incomplete(f"{pluralize(left, 'day')} {are} still to be read: the next run goes on from there")

    def _begin_days(self, today: date) -> DayState:
        try:
            return DayState.parse(self._saved_state, today)
        except ValueError as error:
            self.logger.warning("%s: its bookmark is not used, so it is read from its start: %s", self.name, error)
            self._save({})
            return DayState()

    def _read_day(self, state: DayState, day: date, today: date, days: Days) -> DayState:
        """Write the records of a day, and mark those that are gone. Return the state after that."""
        had_rows = state.rows.get(day, 0) > 0
        state, reader = self._write_day(state, day)
        if had_rows and not reader.rows and not reader.problem:
            # Nothing, where there was something, may be a passing trouble of the API.
            state, reader = self._write_day(state, day)
        if reader.problem:
            self._note_incomplete(f"{day}: {reader.problem}")
            return state.without(day, today, days)
        if self._is_numbered:
            named = {self.date_field: str(day)}
            self._write_page(deletion_page(named, self.position_field, reader.rows, state.rows.get(day, 0)))
        return state.after(day, today, days, reader.rows if self._is_numbered else None)

    def _write_day(self, state: DayState, day: date) -> tuple[DayState, CompleteListReader]:
        reader = self._open_day(day)
        for page in reader.pages():
            if self._is_numbered and page.records:
                written = reader.rows + len(page.records)
                # Before the records, so that none is forgotten if the run ends between the two.
                if written > state.rows.get(day, 0):
                    state = state.before(day, written)
                    self._save(state.dump())
            self._write_page(page)
        return state, reader
