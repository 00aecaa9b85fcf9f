"""Where the time of a company's run went."""

from __future__ import annotations

import datetime as dt

import pytest

from servicetitan_fleet.fleet.time_spent import TargetTime, TimeSpent, divide_time
from servicetitan_fleet.formatting import format_clock

STARTED = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def at(seconds: float) -> dt.datetime:
    return STARTED + dt.timedelta(seconds=seconds)


def test_what_comes_after_the_last_stream_is_bigquery_and_what_nobody_counted_is_the_start() -> None:
    target = TargetTime(source=50, staging=8, bigquery=12, ended=at(75))
    spent = divide_time(STARTED, at(84), target)
    assert spent == TimeSpent(source=50, staging=8, bigquery=21, start=5)
    assert str(spent) == "source 0:50, staging 0:08, BigQuery 0:21, start 0:05"


def test_a_clock_that_was_set_makes_no_time_negative() -> None:
    target = TargetTime(source=50, staging=8, bigquery=12, ended=at(500))
    assert divide_time(STARTED, at(60), target) == TimeSpent(source=50, staging=8, bigquery=12, start=0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0:00"), (7.6, "0:08"), (59.7, "1:00"), (84, "1:24"), (3725, "1:02:05")],
)
def test_a_clock_shows_whole_seconds(seconds: float, text: str) -> None:
    assert format_clock(seconds) == text
