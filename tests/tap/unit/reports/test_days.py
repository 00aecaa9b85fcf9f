"""The days of a report that a run reads, and the state after them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tap_servicetitan.reports.config import DateRange
from tap_servicetitan.reports.days import ReportState, days_to_read

TODAY = date(2026, 3, 2)


def days(lookback_days: int = 2, most_days: int = 100) -> DateRange:
    return DateRange(
        first_parameter="From",
        last_parameter="To",
        start=date(2026, 2, 26),
        lookback_days=lookback_days,
        most_days=most_days,
    )


def numbers(state: dict[str, Any], setting: DateRange) -> list[int]:
    return [day.day for day in days_to_read(ReportState.parse(state), setting, TODAY)]


@pytest.mark.parametrize(
    ("state", "setting", "read"),
    [
        ({}, days(), [26, 27, 28, 1, 2]),
        ({}, days(most_days=2), [26, 27]),
        ({"last_day": "2026-03-01"}, days(), [28, 1, 2]),
        ({"last_day": "2026-03-01"}, days(lookback_days=0), [2]),
        ({"last_day": "2026-02-26"}, days(lookback_days=9), [26, 27, 28, 1, 2]),
        ({"last_day": "2026-03-05"}, days(lookback_days=0), []),
    ],
)
def test_days_to_read(state: dict[str, Any], setting: DateRange, read: list[int]) -> None:
    assert numbers(state, setting) == read


def test_the_state_goes_up_to_the_last_day_that_is_over_and_never_back() -> None:
    state = ReportState.parse({"last_day": "2026-02-28"})
    for day, last in ((27, "2026-02-28"), (28, "2026-02-28")):
        assert state.after(date(2026, 2, day), TODAY, days(), None).dump() == {"last_day": last}
    assert state.after(date(2026, 3, 1), TODAY, days(), None).dump() == {"last_day": "2026-03-01"}
    assert state.after(TODAY, TODAY, days(), None) == state


def test_rows_are_remembered_as_long_as_their_day_is_read_again() -> None:
    state = ReportState()
    for number, day in enumerate(days_to_read(state, days(), TODAY)):
        state = state.after(day, TODAY, days(), number)
    assert state.dump() == {"last_day": "2026-03-01", "rows": {"2026-02-28": 2, "2026-03-01": 3, "2026-03-02": 4}}
    assert ReportState.parse(state.dump()) == state
