"""The days of a stream that is read day by day: which to read next, and the state that the tap keeps of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - msgspec reads the types of the fields
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from tap_servicetitan.plugin_runtime.prepared_types import prepared
from tap_servicetitan.times import format_api_time

if TYPE_CHECKING:
    from collections.abc import Container

    from tap_servicetitan.specs.spec import Period

_DAY = timedelta(days=1)


@prepared
@dataclass(frozen=True, slots=True, kw_only=True)
class DayState:
    """How far a stream has been read."""

    first_day: date | None = None
    """The first of the days that were read. All between it and the last one were read, or are in `missed`."""

    last_day: date | None = None
    """The last day that was read after its end (UTC)."""

    missed: frozenset[date] = frozenset()
    """Days that could not be read to their end. The next run reads them again."""

    rows: Mapping[date, int] = field(default_factory=dict)
    """Rows per recent day, if only its position identifies a row: shows which rows are gone."""

    @classmethod
    def parse(cls, state: Mapping[str, Any], today: date) -> DayState:
        """Read the state of a stream. Other keys are ignored.

        Args:
            state: The bookmark.
            today: The day of the run.

        Raises:
            ValueError: If it holds something else than the tap wrote, or a day that is still to come.
        """
        known = {own.name: state[own.name] for own in fields(cls) if state.get(own.name) is not None}
        try:
            parsed = msgspec.convert(known, cls, str_keys=True)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from error
        if parsed.last_day and parsed.last_day > today:
            raise ValueError(f"last_day is still to come: {parsed.last_day}")
        return parsed

    def dump(self) -> dict[str, Any]:
        """Return the state as it goes into a STATE message."""
        values = {
            "first_day": str(self.first_day) if self.first_day else None,
            "last_day": str(self.last_day) if self.last_day else None,
            "missed": sorted(map(str, self.missed)),
            "rows": {str(day): count for day, count in sorted(self.rows.items())},
        }
        return {name: value for name, value in values.items() if value}

    def before(self, day: date, rows: int) -> DayState:
        """Return the state before rows of a day are written: positions up to this number may then be in use."""
        return replace(self, rows={**self.rows, day: max(rows, self.rows.get(day, 0))})

    def after(self, day: date, today: date, days: Days, rows: int | None) -> DayState:
        """Return the state after a day has been read.

        Args:
            day: That day.
            today: The day of the run. It is not over, so the next run reads it again.
            days: Which days are read.
            rows: How many rows the day had, if only its position identifies a row.
        """
        read = replace(self._reaching(day, today), missed=days.wanted(self.missed - {day}))
        first = days.first_again(read)
        kept = {other: count for other, count in read.rows.items() if other >= first or other in read.missed}
        return replace(read, rows=kept if rows is None else kept | {day: rows})

    def without(self, day: date, today: date, days: Days) -> DayState:
        """Return the state after a day could not be read to its end. The days behind it go on."""
        return replace(self._reaching(day, today), missed=days.wanted(self.missed | {day}))

    def _reaching(self, day: date, today: date) -> DayState:
        over = [candidate for candidate in (self.last_day, day) if candidate and candidate < today]
        next_day = self.last_day + _DAY if self.last_day else self.first_day
        # Behind a gap, as when the start was moved on, the days that were read begin anew: else one that is moved back
        # again would never bring the days of the gap.
        is_behind_gap = next_day is None or day > next_day
        first = day if is_behind_gap else min(self.first_day or day, day)
        return replace(self, first_day=first, last_day=max(over, default=None))


class Days(Protocol):
    """Which days a stream is read for."""

    def to_read(self, state: DayState, today: date) -> list[date]:
        """Return the days for this run to read."""

    def read_before(self, state: DayState, since: date) -> list[date]:
        """Return the days from a first one on that earlier runs have read, and that `to_read` no longer asks for."""

    def first_again(self, state: DayState) -> date:
        """Return the first day that the next run reads again."""

    def wanted(self, missed: frozenset[date]) -> frozenset[date]:
        """Return those of the days that were missed that are still to be read."""

    def left(self, state: DayState, today: date, asked: Container[date]) -> int:
        """Return how many days are still to be asked for, because a run has a limit.

        Args:
            state: The state after a run.
            today: The day of the run.
            asked: The days that it has asked for.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysSince:
    """The days from a first one until today."""

    start: date
    """The day to begin with."""

    lookback_days: int
    """How many days to read again that were read before."""

    most_days: int
    """The most days to read in one run of the tap. The next run continues from there."""

    def to_read(self, state: DayState, today: date) -> list[date]:
        """Return the days for this run to read: up to the limit of a run, and always some that are new, if there are.

        First the days that an earlier run missed. Then from the look-back on towards today. Then, if the start was
        moved back, the days before the first one that was read, backwards.
        """
        first = self.first_again(state)
        most = max(self.most_days, self.lookback_days + 1) if state.last_day else self.most_days
        forward = _range(first, min((today - first).days + 1, most))
        missed = sorted(state.missed - set(forward))
        earlier: list[date] = []
        if state.first_day and self.start < state.first_day:
            left = max(1, most - len(forward))
            earlier = _range(self.start, (state.first_day - self.start).days)[::-1][:left]
        return [*missed, *forward, *(day for day in earlier if day not in state.missed)]

    def read_before(self, state: DayState, since: date) -> list[date]:
        """Return the days before the look-back, but none before the first one that was read.

        None if the start was moved on beyond them: the days between were never read, and must not seem so.
        """
        if state.first_day is None or state.last_day is None or self.start > state.last_day + _DAY:
            return []
        first = max(since, state.first_day)
        days = _range(first, (self.first_again(state) - first).days)
        return [day for day in days if day not in state.missed]

    def first_again(self, state: DayState) -> date:
        """Return the day to continue from: the day after the last one, less the look-back, but not before the start."""
        if state.last_day is None:
            return self.start
        return max(self.start, state.last_day + _DAY - timedelta(days=self.lookback_days))

    def wanted(self, missed: frozenset[date]) -> frozenset[date]:
        """Return all of them."""
        return missed

    def left(self, state: DayState, today: date, asked: Container[date]) -> int:
        """Return how many days from the start to today were never asked for; today counts if this run has not."""
        next_day = state.last_day + _DAY if state.last_day else state.first_day or self.start
        earlier = (state.first_day - self.start).days if state.first_day else 0
        later = (today - next_day).days + (today not in asked)
        return max(later, 0) + max(earlier, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysAhead:
    """The days to come. What was said last about one that is over stays as it is."""

    first: date
    """The day of the run."""

    count: int

    def to_read(self, state: DayState, today: date) -> list[date]:  # noqa: ARG002 - each run reads all of them
        """Return today and the days after it."""
        return _range(today, self.count)

    def read_before(self, state: DayState, since: date) -> list[date]:  # noqa: ARG002 - as above
        """Return none: the API no longer tells what it said about them."""
        return []

    def first_again(self, state: DayState) -> date:  # noqa: ARG002 - as above
        """Return the day of the run."""
        return self.first

    def wanted(self, missed: frozenset[date]) -> frozenset[date]:
        """Return those that are not over."""
        return frozenset(day for day in missed if day >= self.first)

    def left(self, state: DayState, today: date, asked: Container[date]) -> int:  # noqa: ARG002 - each run reads all
        """Return none."""
        return 0


def _range(first: date, count: int) -> list[date]:
    return [first + timedelta(days=number) for number in range(count)]


def query_of_day(period: Period, day: date, now: datetime | None = None) -> dict[str, str]:
    """Return the parameters that ask for a day (UTC).

    Args:
        period: The parameters.
        day: The day.
        now: The time (UTC). What is still to come of a day is left out, unless it is asked for: the API may refuse it.
    """
    begin = datetime.combine(day, time(), UTC)
    end = begin + _DAY
    if now and not period.is_ahead:
        end = max(min(end, now), begin + timedelta(seconds=1))
    return {period.first: format_api_time(begin), period.end: format_api_time(end)}
