"""Answers are slow in comparison with what is usual, and never because one of them took long."""

from __future__ import annotations

from random import Random

from tap_servicetitan.api.pace import ANSWERS, SMALL_BYTES, Pace


def slowed(pace: Pace, seconds: list[float], *, path: str = "/a", size: int = 100) -> int:
    """Return how often the answers were slow."""
    return sum(pace.has_slowed(path, each, size) for each in seconds)


def test_answers_that_vary_are_not_slow() -> None:
    for seed in range(50):
        random = Random(seed)
        assert slowed(Pace(), [random.uniform(0.5, 2) for _ in range(300)]) == 0


def test_answers_that_take_three_times_as_long_are() -> None:
    pace = Pace()
    assert slowed(pace, [0.5] * 3 * ANSWERS) == 0
    assert slowed(pace, [1.5] * 2 * ANSWERS) > 0


def test_fast_answers_are_never_slow() -> None:
    pace = Pace()
    assert slowed(pace, [0.01] * 3 * ANSWERS + [0.5] * 3 * ANSWERS) == 0


def test_what_stays_slow_is_usual_in_the_end() -> None:
    pace = Pace()
    slowed(pace, [0.5] * 3 * ANSWERS + [5.0] * 300)
    assert slowed(pace, [5.0] * 10 * ANSWERS) == 0


def test_a_large_page_is_compared_with_those_of_its_own_path() -> None:
    pace = Pace()
    assert slowed(pace, [0.5] * 3 * ANSWERS, path="/small") == 0
    assert slowed(pace, [9.0] * 3 * ANSWERS, path="/large", size=SMALL_BYTES) == 0
