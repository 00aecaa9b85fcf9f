"""The limiter spaces requests and never gives out two slots at once."""

from __future__ import annotations

import pytest

from tap_servicetitan.api.rate_limit import LONGEST_HOLD_SECONDS, RateLimiter


class FakeTime:
    """A clock that moves only during a sleep."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        """Return the seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.now += seconds


def test_requests_are_spaced_evenly() -> None:
    time = FakeTime()
    limiter = RateLimiter(4, clock=time.clock, sleep=time.sleep)
    sent = []
    for _ in range(5):
        limiter.wait()
        sent.append(time.now)
    assert sent == [100.0, 100.25, 100.5, 100.75, 101.0]


def test_a_hold_is_for_all_even_for_those_that_wait() -> None:
    time = FakeTime()

    def sleep(seconds: float) -> None:
        if time.now == 100:
            limiter.hold(4)
            limiter.hold(2)
        time.sleep(seconds)

    limiter = RateLimiter(4, clock=time.clock, sleep=sleep)
    sent = []
    for _ in range(3):
        limiter.wait()
        sent.append(time.now)
    assert sent == [100, 104, 104.25]


def test_no_refusal_holds_all_back_for_long() -> None:
    time = FakeTime()
    limiter = RateLimiter(4, clock=time.clock, sleep=time.sleep)
    limiter.hold(600)
    limiter.wait()
    assert time.now == 100 + LONGEST_HOLD_SECONDS


def test_time_that_was_not_used_is_not_saved_up() -> None:
    time = FakeTime()
    limiter = RateLimiter(4, clock=time.clock, sleep=time.sleep)
    limiter.wait()
    time.now += 10
    limiter.wait()
    limiter.wait()
    assert time.now == pytest.approx(110.25)
