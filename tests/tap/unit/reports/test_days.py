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
    return [day.day for day in days_to_read(ReportState.parse(state, TODAY), setting, TODAY)]


@pytest.mark.parametrize(
    ("state", "setting", "read"),
    [
        ({}, days(), [26, 27, 28, 1, 2]),
        ({}, days(most_days=2), [26, 27]),
        ({"last_day": "2026-03-01"}, days(), [28, 1, 2]),
        ({"last_day": "2026-03-01"}, days(lookback_days=0), [2]),
        ({"last_day": "2026-02-26"}, days(lookback_days=9), [26, 27, 28, 1, 2]),
        ({"last_day": "2026-03-02"}, days(lookback_days=0), []),
        # However many days are read again, some that are new come with them.
        ({"last_day": "2026-02-27"}, days(lookback_days=2, most_days=2), [26, 27, 28]),
        ({"last_day": "2026-02-28", "first_day": "2026-02-26"}, days(lookback_days=2, most_days=1), [27, 28, 1]),
        # Days that were missed come first.
        ({"last_day": "2026-03-01", "missed": ["2026-02-26"]}, days(lookback_days=0), [26, 2]),
        ({"last_day": "2026-03-01", "missed": ["2026-03-01"]}, days(), [28, 1, 2]),
        # The start was moved back.
        ({"last_day": "2026-03-01", "first_day": "2026-02-28"}, days(lookback_days=0), [2, 27, 26]),
        ({"last_day": "2026-03-01", "first_day": "2026-02-28"}, days(lookback_days=0, most_days=2), [2, 27]),
        ({"last_day": "2026-03-01", "first_day": "2026-02-28"}, days(lookback_days=2, most_days=1), [28, 1, 2, 27]),
        ({"last_day": "2026-03-01", "first_day": "2026-02-26"}, days(lookback_days=0), [2]),
    ],
)
def test_days_to_read(state: dict[str, Any], setting: DateRange, read: list[int]) -> None:
    assert numbers(state, setting) == read


def test_the_state_goes_up_to_the_last_day_that_is_over_and_never_back() -> None:
    state = ReportState.parse({"first_day": "2026-02-26", "last_day": "2026-02-28"}, TODAY)
    for day in (27, 28):
        assert state.after(date(2026, 2, day), TODAY, days(), None) == state
    assert state.after(date(2026, 3, 1), TODAY, days(), None).last_day == date(2026, 3, 1)
    assert state.after(TODAY, TODAY, days(), None) == state


def test_a_day_that_was_missed_holds_up_no_other() -> None:
    state = ReportState().without(date(2026, 2, 26), TODAY).after(date(2026, 2, 27), TODAY, days(), None)
    assert state.dump() == {"first_day": "2026-02-26", "last_day": "2026-02-27", "missed": ["2026-02-26"]}
    assert numbers(state.dump(), days(lookback_days=0)) == [26, 28, 1, 2]
    assert state.after(date(2026, 2, 26), TODAY, days(), None).missed == frozenset()


def test_going_back_towards_an_earlier_start() -> None:
    state = ReportState.parse({"first_day": "2026-02-28", "last_day": "2026-03-01"}, TODAY)
    for day in days_to_read(state, days(most_days=4), TODAY):
        state = state.after(day, TODAY, days(), None)
    assert state.first_day == date(2026, 2, 27)


def test_rows_are_remembered_as_long_as_their_day_is_read_again() -> None:
    state = ReportState()
    for number, day in enumerate(days_to_read(state, days(), TODAY)):
        state = state.after(day, TODAY, days(), number)
    assert state.dump() == {
        "first_day": "2026-02-26",
        "last_day": "2026-03-01",
        "rows": {"2026-02-28": 2, "2026-03-01": 3, "2026-03-02": 4},
    }
    assert ReportState.parse(state.dump(), TODAY) == state


def test_rows_of_a_day_that_was_missed_are_remembered() -> None:
    day = date(2026, 2, 26)
    state = ReportState().before(day, 7).before(day, 5).without(day, TODAY)
    for number, later in enumerate(days_to_read(state, days(lookback_days=0), TODAY)[1:]):
        state = state.after(later, TODAY, days(lookback_days=0), number)
    assert state.rows[day] == 7


@pytest.mark.parametrize(
    "state",
    [
        {"last_day": "2026-03-03"},
        {"last_day": "2099-01-01"},
        {"last_day": "yesterday"},
        {"last_day": 5},
        {"rows": [1]},
        {"rows": {"2026-03-01": "many"}},
        {"missed": "2026-03-01"},
    ],
)
def test_a_state_that_the_tap_did_not_write(state: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        ReportState.parse(state, TODAY)
