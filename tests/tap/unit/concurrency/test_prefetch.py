"""One item is fetched ahead, in order, and an error is raised in place of its item."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, override

import pytest

from tap_servicetitan.concurrency.prefetch import read_ahead
from tap_servicetitan.concurrency.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_order_is_kept() -> None:
    assert list(read_ahead(iter(range(50)), Turns(1))) == list(range(50))


def test_no_items() -> None:
    assert list(read_ahead(iter(()), Turns(1))) == []


def test_the_next_item_is_made_while_the_last_is_used() -> None:
    made = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        made.set()
        yield 2

    ahead = read_ahead(items(), Turns(1))
    assert next(ahead) == 1
    assert made.wait(timeout=10)


def test_no_more_than_one_item_is_made_ahead() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            yield number

    ahead = read_ahead(items(), Turns(1))
    next(ahead)
    next(ahead)
    assert len(made) <= 3


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    ahead = read_ahead(items(), Turns(1))
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="broken"):
        next(ahead)


def test_when_the_turn_is_over_no_item_waits_unused() -> None:
    made: list[int] = []
    seen: list[int] = []

    class Over(Turns):
        is_over = True

        @override
        def step_back(self) -> None:
            seen.append(len(made))

    def items() -> Iterator[int]:
        for number in range(3):
            made.append(number)
            yield number

    assert list(read_ahead(items(), Over(2))) == [0, 1, 2]
    # Each time it makes room, only what has been used was made.
    assert seen == [1, 2, 3]
