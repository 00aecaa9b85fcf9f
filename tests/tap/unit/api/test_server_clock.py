"""The server's time, as its responses tell it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tap_servicetitan.api.server_clock import ServerClock

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
HEADER = "Tue, 10 Mar 2026 12:00:00 GMT"


def test_time_goes_on_from_the_last_response() -> None:
    seconds = iter([100.0, 107.5])
    clock = ServerClock(monotonic=lambda: next(seconds))
    assert clock.note(HEADER) == NOON
    assert clock.now() == NOON + timedelta(seconds=7.5)


def test_before_the_first_response_it_is_this_machine_s_time() -> None:
    assert abs(ServerClock().now() - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("header", [None, "", "soon", "2026-03-10"])
def test_a_response_without_a_time_is_dated_by_the_one_before(header: str | None) -> None:
    seconds = iter([100.0, 103.9])
    clock = ServerClock(monotonic=lambda: next(seconds))
    clock.note(HEADER)
    assert clock.note(header) == NOON + timedelta(seconds=3)


def test_a_zone_is_reckoned_with() -> None:
    assert ServerClock().note("Tue, 10 Mar 2026 14:00:00 +0200") == NOON
    assert ServerClock().note("Tue, 10 Mar 2026 12:00:00 -0000") == NOON
