"""The days that a run reads, and the state after them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tap_servicetitan.days import DaysAhead, DaysSince, DayState, query_of_day
from tap_servicetitan.specs.spec import Period

TODAY = date(2026, 3, 2)


def days(lookback_days: int = 2, most_days: int = 100) -> DaysSince:
    return DaysSince(start=date(2026, 2, 26), lookback_days=lookback_days, most_days=most_days)


def numbers(state: dict[str, Any], setting: DaysSince) -> list[int]:
    return [day.day for day in setting.to_read(DayState.parse(state, TODAY), TODAY)]


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
def test_days_to_read(state: dict[str, Any], setting: DaysSince, read: list[int]) -> None:
    assert numbers(state, setting) == read


@pytest.mark.parametrize(
    ("state", "left"),
    [
        ({}, 4),
        ({"first_day": "2026-02-26", "last_day": "2026-02-27"}, 2),
        ({"first_day": "2026-02-26", "last_day": "2026-03-01"}, 0),
        ({"first_day": "2026-02-28", "last_day": "2026-03-01"}, 2),  # the start was moved back
        ({"first_day": "2026-02-01", "last_day": "2026-03-01"}, 0),
        ({"last_day": "2026-03-02"}, 0),
        ({"first_day": "2026-03-02"}, 4),
    ],
)
def test_days_that_a_run_leaves(state: dict[str, Any], left: int) -> None:
    parsed = DayState.parse(state, TODAY)
    assert days().left(parsed, TODAY, [TODAY]) == left
    assert DaysAhead(first=TODAY, count=3).left(parsed, TODAY, [TODAY]) == 0


def test_a_start_that_is_moved_on_and_back_leaves_no_day_out() -> None:
    state = DayState.parse({"first_day": "2026-02-20", "last_day": "2026-02-26"}, TODAY)
    moved_on = replace(days(), start=date(2026, 3, 1))
    for day in moved_on.to_read(state, TODAY):
        state = state.after(day, TODAY, moved_on, None)
    assert state.last_day == date(2026, 3, 1)
    assert {date(2026, 2, 27), date(2026, 2, 28)} <= set(days(lookback_days=0).to_read(state, TODAY))


def test_today_is_left_if_it_was_not_asked_for() -> None:
    state = DayState.parse({"first_day": "2026-02-26", "last_day": "2026-03-01"}, TODAY)
    assert days().left(state, TODAY, []) == 1


def test_the_state_goes_up_to_the_last_day_that_is_over_and_never_back() -> None:
    state = DayState.parse({"first_day": "2026-02-26", "last_day": "2026-02-28"}, TODAY)
    for day in (27, 28):
        assert state.after(date(2026, 2, day), TODAY, days(), None) == state
    assert state.after(date(2026, 3, 1), TODAY, days(), None).last_day == date(2026, 3, 1)
    assert state.after(TODAY, TODAY, days(), None).last_day == state.last_day


def test_a_day_that_was_missed_holds_up_no_other() -> None:
    state = DayState().without(date(2026, 2, 26), TODAY, days()).after(date(2026, 2, 27), TODAY, days(), None)
    assert state.dump() == {"first_day": "2026-02-26", "last_day": "2026-02-27", "missed": ["2026-02-26"]}
    assert numbers(state.dump(), days(lookback_days=0)) == [26, 28, 1, 2]
    assert state.after(date(2026, 2, 26), TODAY, days(), None).missed == frozenset()


def test_going_back_towards_an_earlier_start() -> None:
    state = DayState.parse({"first_day": "2026-02-28", "last_day": "2026-03-01"}, TODAY)
    for day in days(most_days=4).to_read(state, TODAY):
        state = state.after(day, TODAY, days(), None)
    assert state.first_day == date(2026, 2, 27)


def test_rows_are_remembered_as_long_as_their_day_is_read_again() -> None:
    state = DayState()
    for number, day in enumerate(days().to_read(state, TODAY)):
        state = state.after(day, TODAY, days(), number)
    assert state.dump() == {
        "first_day": "2026-02-26",
        "last_day": "2026-03-01",
        "rows": {"2026-02-28": 2, "2026-03-01": 3, "2026-03-02": 4},
    }
    assert DayState.parse(state.dump(), TODAY) == state


def test_rows_of_a_day_that_was_missed_are_remembered() -> None:
    day = date(2026, 2, 26)
    state = DayState().before(day, 7).before(day, 5).without(day, TODAY, days())
    for number, later in enumerate(days(lookback_days=0).to_read(state, TODAY)[1:]):
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
        DayState.parse(state, TODAY)


def test_days_ahead_are_all_read_again_and_forgotten_when_they_are_over() -> None:
    ahead = DaysAhead(first=TODAY, count=3)
    before = DayState(missed=frozenset({date(2026, 3, 1)}), rows={date(2026, 3, 1): 4, date(2026, 3, 3): 5})
    assert [day.day for day in ahead.to_read(before, TODAY)] == [2, 3, 4]
    after = before.after(TODAY, TODAY, ahead, 6)
    assert after.dump() == {"first_day": "2026-03-02", "rows": {"2026-03-02": 6, "2026-03-03": 5}}
    assert after.without(date(2026, 3, 4), TODAY, ahead).missed == {date(2026, 3, 4)}


NOON = datetime(2026, 3, 2, 12, 0, 0, 500, UTC)


@pytest.mark.parametrize(
    ("day", "now", "is_ahead", "end"),
    [
        (date(2026, 3, 1), NOON, False, "2026-03-02T00:00:00Z"),
        (TODAY, NOON, False, "2026-03-02T12:00:00Z"),
        (TODAY, NOON, True, "2026-03-03T00:00:00Z"),
        (TODAY, datetime(2026, 3, 2, tzinfo=UTC), False, "2026-03-02T00:00:01Z"),
        (TODAY, None, False, "2026-03-03T00:00:00Z"),
    ],
)
def test_a_day_is_asked_for_until_now(day: date, now: datetime | None, is_ahead: bool, end: str) -> None:  # noqa: FBT001
    period = Period(first="from", end="to", is_ahead=is_ahead)
    assert query_of_day(period, day, now) == {"from": f"{day}T00:00:00Z", "to": end}
