"""The clock of the local BigQuery stands still while that is late."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from servicetitan_sandbox.bigquery.rules.slow_clock import SlowClock


def test_it_runs_like_any_clock() -> None:
    clock = SlowClock()
    begun, real = clock.now(), time.monotonic()

    clock.sleep_until(begun + 0.1)

    assert clock.now() - begun >= 0.1
    assert clock.now() - begun <= time.monotonic() - real + 0.001
    assert clock.pauses() == []


def test_it_stands_still_while_work_is_late() -> None:
    clock = SlowClock()
    due = clock.now() + 0.05

    with clock.work(due):
        time.sleep(0.3)
        assert clock.now() == due
        with clock.work(due + 100):
            time.sleep(0.1)
        assert clock.now() == due
    time.sleep(0.05)

    assert clock.now() >= due + 0.05
    ((start, end),) = clock.pauses()
    assert end - start >= 0.35
    clock.forget_pauses()
    assert clock.pauses() == []


def test_work_in_time_stops_nothing() -> None:
    clock = SlowClock()

    with clock.work(clock.now() + 60):
        begun = clock.now()
        time.sleep(0.05)
        assert clock.now() - begun >= 0.05

    assert clock.pauses() == []


def test_nobody_wakes_while_it_stands_still() -> None:
    clock = SlowClock()
    begun, woken = clock.now(), threading.Event()

    async def wait() -> None:
        await clock.wait_until(begun + 0.1)

    def sleep() -> None:
        clock.sleep_until(begun + 0.1)
        asyncio.run(wait())
        woken.set()

    with clock.work(begun):
        threading.Thread(target=sleep, daemon=True).start()
        assert not woken.wait(0.4)

    assert woken.wait(30)


def test_work_that_fails_is_over() -> None:
    clock = SlowClock()

    def fail() -> None:
        with clock.work(clock.now()):
            raise KeyError("broken")

    with pytest.raises(KeyError, match="broken"):
        fail()

    begun = clock.now()
    time.sleep(0.02)
    assert clock.now() > begun
