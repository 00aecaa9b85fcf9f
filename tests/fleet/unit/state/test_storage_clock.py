"""The storage's time is between two limits, whatever the machine's clock shows."""

from __future__ import annotations

import datetime as dt

from servicetitan_fleet.state.storage_clock import StorageClock
from support.fleet.nights.world import MIDNIGHT, Machine, World


def test_the_machines_clock_does_not_matter_once_the_storage_has_answered() -> None:
    world = World()
    clock = StorageClock(Machine(world, skew_seconds=4000))
    assert clock.time().earliest > MIDNIGHT + dt.timedelta(seconds=3000)

    world.now = 60.0  # the answer that has just come was asked for at 50
    clock.note("Sun, 01 Mar 2026 00:00:55 GMT", seconds=10)
    world.now = 70.0

    # It was written as the last thing before it came, or as the first thing after it was asked for, a second later.
    assert clock.time().earliest == MIDNIGHT + dt.timedelta(seconds=65)
    assert clock.time().latest == MIDNIGHT + dt.timedelta(seconds=76)


def test_an_answer_without_a_usable_date_says_nothing() -> None:
    clock = StorageClock(Machine(World(), skew_seconds=0))
    before = clock.time()
    for header in (None, "", "tomorrow"):
        clock.note(header, seconds=0)
    assert clock.time() == before
