"""Tasks run at the same time, in turns, and the first error is raised at once."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tap_servicetitan.concurrency.turns import Turns
from tap_servicetitan.errors import RunCancelledError

if TYPE_CHECKING:
    from collections.abc import Callable


def test_as_many_run_at_once_as_there_are_workers() -> None:
    together = threading.Barrier(3)
    done: list[int] = []

    def task(number: int) -> Callable[[], None]:
        def run() -> None:
            together.wait(timeout=20)
            done.append(number)

        return run

    Turns(3).run([task(number) for number in range(6)])
    assert sorted(done) == list(range(6))


def test_one_worker_keeps_the_order_and_more_workers_than_tasks_do_no_harm() -> None:
    done: list[int] = []
    Turns(1).run([partial(done.append, number) for number in range(20)])
    assert done == list(range(20))
    Turns(4).run([])
    Turns(4).run([done.clear])
    assert done == []


def test_an_error_does_not_wait_for_the_others_and_no_more_are_begun() -> None:
    release = threading.Event()
    begun: list[int] = []

    def fail() -> None:
        raise ValueError("broken")

    def stay() -> None:
        release.wait(timeout=20)

    with pytest.raises(ValueError, match="broken"):
        Turns(2).run([stay, fail, *[lambda: begun.append(1)] * 3])
    assert begun == []
    release.set()


def take_turns(turns: Turns, done: list[str], *, long: int, short: int) -> None:
    """Run long tasks of three steps each, and short ones behind them."""

    def work(name: str, steps: int) -> None:
        for step in range(steps):
            turns.offer()
            done.append(f"{name}{step}")

    tasks = [partial(work, f"long{number}.", 3) for number in range(long)]
    turns.run([*tasks, *(partial(work, f"short{number}.", 1) for number in range(short))])


def test_a_task_that_has_had_its_turn_makes_room_for_all_that_wait() -> None:
    done: list[str] = []
    take_turns(Turns(2, turn_seconds=0), done, long=2, short=5)
    assert sorted(done) == sorted(
        [*(f"long{n}.{s}" for n in range(2) for s in range(3)), *(f"short{n}.0" for n in range(5))]
    )
    # When the first long one ends, at most one other task is running.
    ended = min(done.index("long0.2"), done.index("long1.2"))
    assert sum(name.startswith("short") for name in done[ended:]) <= 1


def test_a_turn_takes_its_time_and_one_worker_takes_no_turns() -> None:
    done: list[str] = []
    take_turns(Turns(2, turn_seconds=60), done, long=1, short=1)
    assert [name for name in done if name.startswith("long")] == ["long0.0", "long0.1", "long0.2"]
    done.clear()
    take_turns(Turns(1, turn_seconds=0), done, long=1, short=2)
    assert done == ["long0.0", "long0.1", "long0.2", "short0.0", "short1.0"]


def test_who_steps_back_goes_on_after_all_others() -> None:
    turns = Turns(2)
    done: list[str] = []

    def later() -> None:
        done.append("first")
        turns.step_back()
        done.append("last")

    turns.run([later, *(partial(done.append, f"other{number}") for number in range(4))])
    assert done[0] == "first"
    assert done.index("last") >= 4  # the last of the others may still be running


def test_a_task_that_waits_ends_when_another_one_fails() -> None:
    turns = Turns(2)
    ended = threading.Event()
    has_stepped_back = threading.Event()

    def wait() -> None:
        try:
            turns.step_back()
        except RunCancelledError:
            ended.set()
            raise

    def fail() -> None:
        has_stepped_back.wait(timeout=20)
        raise ValueError("broken")

    def take_its_place() -> None:
        has_stepped_back.set()
        ended.wait(timeout=20)

    with pytest.raises(ValueError, match="broken"):
        turns.run([wait, fail, take_its_place])
    assert ended.wait(timeout=20)


def test_a_full_group_keeps_no_other_one_from_running() -> None:
    together = threading.Barrier(3)
    done: list[str] = []

    def work(name: str) -> None:
        if len(done) < 1:
            together.wait(timeout=20)
        done.append(name)

    names = ["a1", "a2", "a3", "a4", "a5", "b1", "c1"]
    # Of `a` only one runs at a time, so that three run together only if `b` and `c` do not wait behind the others.
    turns = Turns(3, limit_of=lambda group: 1 if group == "a" else 9)
    turns.run([partial(work, name) for name in names], [name[0] for name in names])
    assert sorted(done) == names


def test_who_only_waits_lets_another_one_run() -> None:
    turns = Turns(2)
    other_ran = threading.Event()

    def wait() -> None:
        with turns.pause():
            assert other_ran.wait(timeout=20)

    turns.run([wait, wait, other_ran.set])


def test_a_group_gets_more_places_when_its_limit_grows() -> None:
    limit = [1]
    turns = Turns(9, limit_of=lambda _: limit[0])
    together = threading.Barrier(2)

    def meet() -> None:
        together.wait(timeout=20)

    def grow() -> None:
        limit[0] = 2
        turns.fill()
        meet()

    turns.run([grow, meet], ["a", "a"])


def test_with_one_worker_nobody_runs_while_another_one_waits() -> None:
    turns = Turns(1)
    done: list[str] = []

    def wait() -> None:
        with turns.pause():
            done.append("first")

    turns.run([wait, partial(done.append, "second")])
    assert done == ["first", "second"]
