"""The days of a report: which to read next, and the state that the tap keeps of those that it has read. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_servicetitan.reports.config import DateRange

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportState:
    """How far a report has been read."""

    last_day: date | None = None
    """The last day that was read after its end (UTC)."""

    rows: Mapping[date, int] = field(default_factory=dict)
    """Rows per recent day, if only its position identifies a row: shows which rows are gone."""

    @classmethod
    def parse(cls, state: Mapping[str, Any]) -> ReportState:
        """Read the state of a stream. Other keys are ignored."""
        last_day = state.get("last_day")
        return cls(
            last_day=date.fromisoformat(last_day) if last_day else None,
            rows={date.fromisoformat(day): rows for day, rows in state.get("rows", {}).items()},
        )

    def dump(self) -> dict[str, Any]:
        """Return the state as it goes into a STATE message."""
        rows = {"rows": {str(day): rows for day, rows in sorted(self.rows.items())}} if self.rows else {}
        return ({"last_day": str(self.last_day)} if self.last_day else {}) | rows

    def after(self, day: date, today: date, days: DateRange, rows: int | None) -> ReportState:
        """Return the state after a day has been read.

        Args:
            day: That day.
            today: The day of the run. It is not over, so the next run reads it again.
            days: The setting.
            rows: How many rows the day had, if only its position identifies a row.
        """
        over = [candidate for candidate in (self.last_day, day) if candidate and candidate < today]
        last_day = max(over, default=None)
        first = first_day(replace(self, last_day=last_day), days)
        kept = {read_day: count for read_day, count in self.rows.items() if read_day >= first}
        return ReportState(last_day=last_day, rows=kept if rows is None else kept | {day: rows})


def first_day(state: ReportState, days: DateRange) -> date:
    """Return the day to continue from: the day after the last one, less the look-back, but not before the start."""
    if state.last_day is None:
        return days.start
    return max(days.start, state.last_day + _DAY - timedelta(days=days.lookback_days))


def days_to_read(state: ReportState, days: DateRange, today: date) -> list[date]:
    """Return the days for this run to read, oldest first, up to today or the limit of a run."""
    first = first_day(state, days)
    pending = (today - first).days + 1
    return [first + timedelta(days=number) for number in range(min(pending, days.most_days))]
