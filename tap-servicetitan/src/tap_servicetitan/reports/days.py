"""The days of a report: which to read next, and the state that the tap keeps of those that it has read. Pure."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - msgspec reads the types of the fields
from dataclasses import dataclass, field, fields, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from tap_servicetitan.reports.config import DateRange

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportState:
    """How far a report has been read."""

    first_day: date | None = None
    """The first of the days that were read. All between it and the last one were read, or are in `missed`."""

    last_day: date | None = None
    """The last day that was read after its end (UTC)."""

    missed: frozenset[date] = frozenset()
    """Days that could not be read to their end. The next run reads them again."""

    rows: Mapping[date, int] = field(default_factory=dict)
    """Rows per recent day, if only its position identifies a row: shows which rows are gone."""

    @classmethod
    def parse(cls, state: Mapping[str, Any], today: date) -> ReportState:
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

    def before(self, day: date, rows: int) -> ReportState:
        """Return the state before rows of a day are written: positions up to this number may then be in use."""
        return replace(self, rows={**self.rows, day: max(rows, self.rows.get(day, 0))})

    def after(self, day: date, today: date, days: DateRange, rows: int | None) -> ReportState:
        """Return the state after a day has been read.

        Args:
            day: That day.
            today: The day of the run. It is not over, so the next run reads it again.
            days: The setting.
            rows: How many rows the day had, if only its position identifies a row.
        """
        read = replace(self._reaching(day, today), missed=self.missed - {day})
        first = _first_again(read, days)
        kept = {other: count for other, count in read.rows.items() if other >= first or other in read.missed}
        return replace(read, rows=kept if rows is None else kept | {day: rows})

    def without(self, day: date, today: date) -> ReportState:
        """Return the state after a day could not be read to its end. The days behind it go on."""
        return replace(self._reaching(day, today), missed=self.missed | {day})

    def _reaching(self, day: date, today: date) -> ReportState:
        over = [candidate for candidate in (self.last_day, day) if candidate and candidate < today]
        return replace(self, first_day=min(self.first_day or day, day), last_day=max(over, default=None))


def _first_again(state: ReportState, days: DateRange) -> date:
    """Return the day to continue from: the day after the last one, less the look-back, but not before the start."""
    if state.last_day is None:
        return days.start
    return max(days.start, state.last_day + _DAY - timedelta(days=days.lookback_days))


def days_to_read(state: ReportState, days: DateRange, today: date) -> list[date]:
    """Return the days for this run to read: up to the limit of a run, and always some that are new, if there are.

    First the days that an earlier run missed. Then from the look-back on towards today. Then, if the start was moved
    back, the days before the first one that was read, backwards.
    """
    first = _first_again(state, days)
    most = max(days.most_days, days.lookback_days + 1) if state.last_day else days.most_days
    forward = _range(first, min((today - first).days + 1, most))
    missed = sorted(state.missed - set(forward))
    earlier: list[date] = []
    if state.first_day and days.start < state.first_day:
        left = max(1, most - len(forward))
        earlier = _range(days.start, (state.first_day - days.start).days)[::-1][:left]
    return [*missed, *forward, *(day for day in earlier if day not in state.missed)]


def _range(first: date, count: int) -> list[date]:
    return [first + timedelta(days=number) for number in range(count)]
