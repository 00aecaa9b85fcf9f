"""BigQuery's clock, reckoned from the `Date` of answers."""

from __future__ import annotations

import datetime as dt
from email.utils import format_datetime

import pytest

from target_bigquery_softdelete.bigquery.server_clock import LONGEST_AGE, ServerClock

NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)


class Machine:
    """A machine whose time differs from the server's, and the clock that runs on it."""

    def __init__(self, *, ahead: float) -> None:
        self.seconds = 0.0
        self.clock = ServerClock(
            began=0.0, seconds=lambda: self.seconds, local=lambda: NOON + ahead * SECOND + self.seconds * SECOND
        )

    @property
    def true(self) -> dt.datetime:
        """The server's time."""
        return NOON + self.seconds * SECOND

    def answer(self, *, took: float = 0.1, late: float = 0.0) -> None:
        """Let an answer come whose `Date` is cut to a second, and late by so many seconds."""
        sent = self.seconds
        self.seconds += took
        date = (self.true - late * SECOND).replace(microsecond=0)
        self.clock.note(format_datetime(date, usegmt=True), sent=sent, received=self.seconds)


@pytest.mark.parametrize("ahead", [0.0, 0.01, -0.01, 0.9, -0.9])
def test_a_machine_that_agrees_with_the_answers_is_taken_as_it_is(ahead: float) -> None:
    machine = Machine(ahead=ahead)
    for _ in range(20):
        machine.seconds += 0.37
        machine.answer()
    assert machine.clock.now() == machine.clock.now_at_most() == machine.true + ahead * SECOND
    assert machine.clock.began == NOON + ahead * SECOND


@pytest.mark.parametrize("ahead", [-7200.0, -120.0, 120.0, 7200.0])
def test_of_a_machine_that_is_wrong_each_time_is_taken_from_the_safe_side(ahead: float) -> None:
    machine = Machine(ahead=ahead)
    for _ in range(20):
        machine.seconds += 0.37
        machine.answer()
    assert machine.true - LONGEST_AGE <= machine.clock.now() <= machine.true <= machine.clock.now_at_most()
    assert machine.clock.now_at_most() <= machine.true + LONGEST_AGE + SECOND
    assert machine.clock.began <= NOON


def test_an_answer_with_a_late_date_does_not_make_a_machine_wrong() -> None:
    machine = Machine(ahead=0)
    machine.answer()
    machine.answer(late=9)
    machine.answer()
    assert machine.clock.now() == machine.true


def test_a_slow_answer_says_little() -> None:
    machine = Machine(ahead=-120)
    machine.answer()
    machine.answer(took=60)
    assert machine.clock.now_at_most() <= machine.true + LONGEST_AGE + SECOND


@pytest.mark.parametrize("ahead", [-120.0, 120.0])
@pytest.mark.parametrize("quick", [0, 1])
def test_a_wrong_machine_is_not_taken_as_right_because_the_first_answer_was_slow(ahead: float, quick: int) -> None:
    machine = Machine(ahead=ahead)
    machine.answer(took=200)
    for _ in range(quick):
        machine.answer()
    assert machine.clock.began <= NOON
    assert machine.clock.now() <= machine.true <= machine.clock.now_at_most()
    assert not quick or machine.clock.now_at_most() <= machine.true + LONGEST_AGE + SECOND


@pytest.mark.parametrize("header", [None, "", "noon"])
def test_an_answer_without_a_date_says_nothing(header: str | None) -> None:
    machine = Machine(ahead=0)
    machine.clock.note(header, sent=0, received=1)
    assert machine.clock.now() == NOON


def test_times_that_are_written_only_go_forward() -> None:
    machine = Machine(ahead=0)
    first, second = machine.clock.next_time(), machine.clock.next_time()
    assert first < second
    assert second - first == dt.timedelta(microseconds=1)
