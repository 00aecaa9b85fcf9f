"""A module that has too much to do is asked for less at the same time, and for more again when it answers."""

from __future__ import annotations

import threading
from contextlib import ExitStack

from tap_servicetitan.api.gates import FIRST_LIMIT, MOST_AT_ONCE, SUCCESSES_PER_STEP, Gate, Gates
from tap_servicetitan.api.pace import ANSWERS


def ask(gate: Gate, *, accepted: int = 0, refused: int = 0) -> None:
    """Let requests be on their way at the same time: the module refuses some first, then answers the others."""
    with ExitStack() as answers:
        for _ in range(accepted):
            answers.enter_context(gate.pass_through())
        with ExitStack() as refusals:
            for _ in range(refused):
                refusals.enter_context(gate.pass_through()).is_refused = True


def test_it_grows_with_each_answer_until_a_refusal() -> None:
    gate = Gate()
    ask(gate, accepted=FIRST_LIMIT)
    assert gate.limit == 2 * FIRST_LIMIT
    for _ in range(MOST_AT_ONCE):
        ask(gate, accepted=1)
    assert gate.limit == MOST_AT_ONCE


def test_it_falls_to_what_the_module_takes() -> None:
    gate = Gate()
    ask(gate, accepted=2, refused=FIRST_LIMIT - 2)
    assert gate.limit == 2
    ask(gate, refused=1)
    assert gate.limit == 1


def test_after_a_refusal_it_tries_one_more_now_and_then() -> None:
    gate = Gate()
    ask(gate, accepted=2, refused=3)
    for _ in range(2 * SUCCESSES_PER_STEP - 3):
        ask(gate, accepted=1)
    assert gate.limit == 2
    ask(gate, accepted=1)
    assert gate.limit == 3


def test_when_all_are_refused_it_is_not_about_their_number() -> None:
    gate = Gate()
    ask(gate, refused=FIRST_LIMIT)
    assert gate.limit == 1
    for _ in range(FIRST_LIMIT):
        ask(gate, accepted=1)
    assert gate.limit == FIRST_LIMIT // 2


def test_answers_that_get_slower_make_it_ask_for_less_and_then_for_more_again() -> None:
    gate = Gate()

    def answer(count: int, seconds: float) -> None:
        for _ in range(count):
            with gate.pass_through("/a") as ticket:
                ticket.answer = seconds, 100

    answer(3 * ANSWERS, 0.5)
    assert gate.limit > FIRST_LIMIT
    answer(2 * ANSWERS, 5)
    slow = gate.limit
    assert slow < FIRST_LIMIT
    answer(8 * ANSWERS, 0.5)
    assert gate.limit > slow


def test_a_module_that_is_held_lets_nobody_through() -> None:
    now = [100.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    gate = Gate(clock=lambda: now[0], sleep=sleep)
    gate.hold(60)
    gate.hold(30)
    with gate.pass_through():
        assert now == [160]


def test_a_request_waits_until_another_one_is_done() -> None:
    gate = Gate()
    ask(gate, refused=1)
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
