"""Tasks run at the same time, are started in order, and the first error is raised at once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tap_servicetitan.concurrency.workers import run_concurrently

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

    run_concurrently([task(number) for number in range(6)], 3)
    assert sorted(done) == list(range(6))


def test_one_worker_keeps_the_order_and_more_workers_than_tasks_do_no_harm() -> None:
    done: list[int] = []
    run_concurrently([lambda number=number: done.append(number) for number in range(20)], 1)  # type: ignore[misc]
    assert done == list(range(20))
    run_concurrently([], 4)
    run_concurrently([done.clear], 4)
    assert done == []


def test_an_error_does_not_wait_for_the_others_and_no_more_are_begun() -> None:
    release = threading.Event()
    begun: list[int] = []

    def fail() -> None:
        raise ValueError("broken")

    def stay() -> None:
        release.wait(timeout=20)

    with pytest.raises(ValueError, match="broken"):
        run_concurrently([stay, fail, *[lambda: begun.append(1)] * 3], 2)
    assert begun == []
    release.set()
