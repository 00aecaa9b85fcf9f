"""Each second of a run is counted once, whatever goes on side by side."""

from __future__ import annotations

import pytest

from target_bigquery_softdelete.runtime.stopwatch import Stopwatch, TimeSpent


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return them."""
        return self.now

    def passes(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


def test_what_is_neither_waited_for_nor_staged_is_bigquery() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    clock.passes(1)
    with watch.waiting():
        clock.passes(10)
        assert watch.read() == TimeSpent(10, 0, 1)
    with watch.staging():
        clock.passes(3)
    clock.passes(2)
    assert watch.read() == TimeSpent(10, 3, 3)
    assert watch.read().columns == {"source_ms": 10_000, "staging_ms": 3000, "bigquery_ms": 3000}
    assert str(watch.read()) == "took 16.0 s: waiting for the source 10.0 s, staging 3.0 s, BigQuery 3.0 s"


def test_of_streams_that_are_finished_side_by_side_those_that_stage_have_their_share() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    with watch.finishing(), watch.finishing(), watch.finishing(), watch.finishing():
        with watch.staging():
            clock.passes(8)
            with watch.staging():
                clock.passes(4)
        clock.passes(1)
    assert watch.read() == TimeSpent(0, 2 + 2, 6 + 2 + 1)


def test_what_is_staged_while_the_source_is_waited_for_costs_no_time() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    with watch.staging(), watch.waiting():
        clock.passes(5)
    assert watch.read() == TimeSpent(5, 0, 0)


def test_an_error_ends_what_it_leaves() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    for part in (watch.waiting, watch.staging, watch.finishing):
        with pytest.raises(OSError, match="gone"), part():
            raise OSError("gone")
    clock.passes(7)
    assert watch.read() == TimeSpent(0, 0, 7)
