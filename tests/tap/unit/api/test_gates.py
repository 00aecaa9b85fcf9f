"""A module that throttles is asked for less at the same time, and for more again when it answers."""

from __future__ import annotations

import threading
from contextlib import ExitStack

from tap_servicetitan.api.gates import MOST_AT_ONCE, SUCCESSES_PER_STEP, Gate, Gates


def refuse(gate: Gate, under_way: int) -> None:
    """Let some requests be on their way at the same time, and the module refuse them all."""
    with ExitStack() as stack:
        for _ in range(under_way):
            stack.enter_context(gate.pass_through()).is_refused = True


def test_a_refusal_halves_what_was_on_its_way_once() -> None:
    gate = Gate()
    refuse(gate, 8)
    assert gate.limit == 4
    refuse(gate, 4)
    assert gate.limit == 2
    refuse(gate, 1)
    refuse(gate, 1)
    assert gate.limit == 1


def test_answers_let_one_more_through() -> None:
    gate = Gate()
    refuse(gate, 5)
    for _ in range(2 * SUCCESSES_PER_STEP):
        with gate.pass_through():
            pass
    assert gate.limit == 3


def test_what_throttles_nothing_waits_for_nothing() -> None:
    gate = Gate()
    with ExitStack() as stack:
        for _ in range(MOST_AT_ONCE):
            stack.enter_context(gate.pass_through())
    assert gate.limit == MOST_AT_ONCE


def test_a_request_waits_until_another_one_is_done() -> None:
    gate = Gate()
    refuse(gate, 1)
    first_is_in, let_first_go, order = threading.Event(), threading.Event(), list[str]()

    def hold() -> None:
        with gate.pass_through():
            first_is_in.set()
            let_first_go.wait(10)
            order.append("first")

    def follow() -> None:
        with gate.pass_through():
            order.append("second")

    threads = [threading.Thread(target=hold), threading.Thread(target=follow)]
    threads[0].start()
    assert first_is_in.wait(10)
    threads[1].start()
    let_first_go.set()
    for thread in threads:
        thread.join(10)
    assert order == ["first", "second"]


def test_each_module_has_its_own_gate() -> None:
    gates = Gates()
    assert gates.of("crm") is gates.of("crm")
    assert gates.of("crm") is not gates.of("forms")
