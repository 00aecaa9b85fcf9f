"""Errors that may pass are retried, a bounded number of times, after random or requested pauses."""

from __future__ import annotations

import logging

import pytest

from tap_servicetitan.api.retry import (
    LONGEST_DELAY_SECONDS,
    LONGEST_RETRY_AFTER_SECONDS,
    Retrier,
    jittered_delay_seconds,
)
from tap_servicetitan.errors import (
    PageTooHeavyError,
    RequestRefusedError,
    RetriableError,
    StreamError,
    UnavailableError,
)

logger = logging.getLogger("test")


class Flaky:
    """Fails a number of times before it works."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.calls = 0
        self._failures = failures
        self._error = error

    def __call__(self) -> str:
        """Fail or work."""
        self.calls += 1
        if self.calls <= self._failures:
            raise self._error
        return "done"


def make(max_retries: int, pauses: list[float]) -> Retrier:
    return Retrier(max_retries, logger, delay_seconds=lambda retry: 2.0**retry, sleep=pauses.append)


def test_success_needs_no_pause() -> None:
    pauses: list[float] = []
    assert make(3, pauses).call(Flaky(0, RetriableError("x"))) == "done"
    assert pauses == []


def test_it_tries_until_it_works() -> None:
    pauses: list[float] = []
    assert make(3, pauses).call(Flaky(3, RetriableError("x"))) == "done"
    assert pauses == [1, 2, 4]


def test_it_gives_up_in_the_end() -> None:
    flaky = Flaky(9, RetriableError("GET /x: 503 Service Unavailable"))
    with pytest.raises(StreamError, match=r"^GET /x: 503 Service Unavailable, after 2 retries$"):
        make(2, []).call(flaky)
    assert flaky.calls == 3


def test_the_pause_that_the_server_asks_for_is_kept() -> None:
    pauses: list[float] = []
    make(1, pauses).call(Flaky(1, RetriableError("x", retry_after_seconds=7)))
    assert pauses == [7]


def test_the_pause_after_too_many_requests_is_for_all() -> None:
    pauses: list[float] = []
    held: list[float] = []

    def hold(seconds: float, refusal: RetriableError) -> None:
        assert refusal.throttled
        held.append(seconds)

    make(2, pauses).call(Flaky(1, RetriableError("x", retry_after_seconds=7, throttled=True)), hold)
    make(2, pauses).call(Flaky(1, RetriableError("x", retry_after_seconds=8)), hold)
    assert (held, pauses) == ([7], [8])


def test_a_pause_of_no_length_is_not_believed() -> None:
    pauses: list[float] = []
    make(1, pauses).call(Flaky(1, RetriableError("x", retry_after_seconds=0)))
    assert pauses == [1]


@pytest.mark.parametrize(("max_retries", "calls"), [(9, 2), (1, 2), (0, 1)])
def test_what_looks_too_heavy_is_given_up_early_where_less_can_be_asked_for(max_retries: int, calls: int) -> None:
    flaky = Flaky(99, RetriableError("x", is_heavy=True))
    with pytest.raises(PageTooHeavyError, match=r"^x$"):
        make(max_retries, []).call(flaky, may_ask_for_less=True)
    assert flaky.calls == calls
    with pytest.raises(UnavailableError):
        make(max_retries, []).call(Flaky(99, RetriableError("x", is_heavy=True)))
    with pytest.raises(UnavailableError):
        make(max_retries, []).call(Flaky(99, RetriableError("x")), may_ask_for_less=True)


def test_too_long_a_pause_is_not_waited_for() -> None:
    pauses: list[float] = []
    with pytest.raises(StreamError, match="asks to wait 601 s"):
        make(1, pauses).call(Flaky(1, RetriableError("x", retry_after_seconds=LONGEST_RETRY_AFTER_SECONDS + 1)))
    assert pauses == []


def test_what_would_fail_again_is_not_repeated() -> None:
    flaky = Flaky(1, RequestRefusedError("no", status=403))
    with pytest.raises(RequestRefusedError):
        make(5, []).call(flaky)
    assert flaky.calls == 1


def test_jitter_uses_the_whole_range_up_to_a_limit() -> None:
    for retry, longest in ((0, 0.5), (3, 4.0), (30, LONGEST_DELAY_SECONDS)):
        delays = [jittered_delay_seconds(retry) for _ in range(500)]
        assert 0 <= min(delays) < longest * 0.1
        assert longest * 0.9 < max(delays) <= longest
