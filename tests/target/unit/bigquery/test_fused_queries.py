"""Streams that ask at the same time share a query. Each gets its own answer or error, and none waits in vain."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, override

import pytest
from google.cloud.bigquery import ScalarQueryParameter

from target_bigquery_softdelete.bigquery import fused_queries
from target_bigquery_softdelete.bigquery.fused_queries import FusedQueries, Question
from target_bigquery_softdelete.bigquery.statements import StatementResult
from target_bigquery_softdelete.errors import WarehouseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.cloud.bigquery.query import _AbstractQueryParameter

PATIENCE_SECONDS = 30
_QUESTION = re.compile(
    r"SELECT (\d+) AS question, \[`a`, `b`\] AS counts\nFROM \(\n  SELECT (\w+) AS a, @p_(\d+) AS b\n\)"
)


@dataclass
class Bigquery:
    """Answers queries of the form `SELECT 7 AS a, @p AS b`, alone or fused, and fails where a query says `fail`."""

    asked: list[tuple[str, list[str]]] = field(default_factory=list)
    """The name of each query, and the numbers in it."""
    sql: list[str] = field(default_factory=list)
    billed: int = 100
    delay_seconds: float = 0.0

    def run(self, sql: str, name: str, parameters: Sequence[_AbstractQueryParameter]) -> StatementResult:
        """Answer a query."""
        given = {each.to_api_repr()["name"]: int(each.to_api_repr()["parameterValue"]["value"]) for each in parameters}
        parts = _QUESTION.findall(sql)
        numbers = [number for _, number, _ in parts] or re.findall(r"SELECT (\w+)", sql)
        self.asked.append((name, numbers))
        self.sql.append(sql)
        time.sleep(self.delay_seconds)
        if "fail" in numbers:
            raise WarehouseError("the statement failed: set by the test")
        if "crash" in numbers:
            raise ZeroDivisionError
        if not parts:
            return StatementResult([{"a": int(numbers[0]), "b": given["p"]}], bytes_billed=self.billed, slot_ms=7)
        rows = [
            {"question": int(position), "counts": [int(number), given[f"p_{suffix}"]]}
            for position, number, suffix in reversed(parts)
        ]
        return StatementResult(rows, bytes_billed=self.billed, slot_ms=7)


def question(number: int | str, *, sent_bytes: int = 0, padding: int = 0) -> Question:
    """Return a question whose answer is the number, and ten times the number."""
    ten_times = 10 * number if isinstance(number, int) else 0
    sql = f"SELECT {number} AS a, @p AS b"
    if padding:
        sql += f" --{'x' * padding}"
    parameters = [ScalarQueryParameter("p", "INT64", ten_times)]
    return Question(sql, ["a", "b"], parameters, sent_bytes=sent_bytes, table=f"table_{number}")


def ask_all(
    fused: FusedQueries, questions: Sequence[Question], *, threads: int = 64
) -> list[StatementResult | Exception]:
    """Ask questions as streams that are expected, side by side, and return the answers or errors in order."""

    def ask(each: Question) -> StatementResult | Exception:
        with fused.one_stream():
            try:
                return fused.ask(each)
            except Exception as error:  # noqa: BLE001 - the tests look at it
                return error

    fused.expect(len(questions))
    with ThreadPoolExecutor(threads) as executor:
        return list(executor.map(ask, questions, timeout=PATIENCE_SECONDS))


def rows(answers: Sequence[StatementResult | Exception]) -> list[object]:
    """Return the row of each answer, or the type of the error."""
    return [each.rows[0] if isinstance(each, StatementResult) else type(each) for each in answers]


def right(numbers: Sequence[int]) -> list[object]:
    """Return the rows that answer the questions with these numbers."""
    return [{"a": number, "b": 10 * number} for number in numbers]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody's time be over during a test."""
    monkeypatch.setattr(fused_queries, "LONGEST_WAIT_SECONDS", 10 * PATIENCE_SECONDS)


@pytest.mark.usefixtures("patient")
def test_all_that_ask_share_one_query_and_each_gets_its_own_answer() -> None:
    bigquery = Bigquery()

    answers = ask_all(FusedQueries(bigquery.run), [question(number) for number in range(7)])

    assert rows(answers) == right(range(7))
    assert [(name, sorted(numbers)) for name, numbers in bigquery.asked] == [("preview-1", list("0123456"))]


@pytest.mark.usefixtures("patient")
def test_a_question_alone_is_asked_as_it_is() -> None:
    bigquery = Bigquery()

    answers = ask_all(FusedQueries(bigquery.run), [question(3)])

    assert rows(answers) == right([3])
    assert bigquery.sql == ["SELECT 3 AS a, @p AS b"]


@pytest.mark.usefixtures("patient")
def test_full_groups_do_not_wait_for_the_rest() -> None:
    bigquery, count = Bigquery(), 2 * fused_queries.MOST_QUESTIONS + 5

    answers = ask_all(FusedQueries(bigquery.run), [question(number) for number in range(count)])

    assert rows(answers) == right(range(count))
    assert sorted(len(numbers) for _, numbers in bigquery.asked) == [5, *[fused_queries.MOST_QUESTIONS] * 2]
    assert {name for name, _ in bigquery.asked} == {"preview-1", "preview-2", "preview-3"}


@pytest.mark.usefixtures("patient")
def test_no_group_is_longer_or_heavier_than_a_request_may_be() -> None:
    by_length, by_weight = Bigquery(), Bigquery()
    long = fused_queries.MOST_CHARACTERS // 2 - 1000
    heavy = fused_queries.MOST_SENT_BYTES // 3

    answers = ask_all(FusedQueries(by_length.run), [question(number, padding=long) for number in range(5)])
    assert len(rows(answers)) == 5
    answers = ask_all(FusedQueries(by_weight.run), [question(number, sent_bytes=heavy) for number in range(7)])

    assert rows(answers) == right(range(7))
    assert max(map(len, by_length.sql)) <= fused_queries.MOST_CHARACTERS
    assert len(by_length.sql) >= 3
    assert max(len(numbers) for _, numbers in by_weight.asked) == 3


@pytest.mark.usefixtures("patient")
def test_the_costs_of_a_query_are_shared_and_add_up() -> None:
    bigquery = Bigquery(billed=101)

    answers = ask_all(FusedQueries(bigquery.run), [question(number) for number in range(6)])

    found = [answer for answer in answers if isinstance(answer, StatementResult)]
    billed, slots = [answer.bytes_billed for answer in found], [answer.slot_ms for answer in found]
    assert (sum(billed), sum(slots)) == (101, 7)
    assert max(billed) - min(billed) <= 1
    assert max(slots) - min(slots) <= 1


@pytest.mark.usefixtures("patient")
def test_a_question_that_fails_harms_no_other() -> None:
    questions = [question("fail" if number == 4 else number) for number in range(9)]

    found = rows(ask_all(FusedQueries(Bigquery().run), questions))

    assert found == [*right(range(4)), WarehouseError, *right(range(5, 9))]


@pytest.mark.usefixtures("patient")
def test_an_error_that_nobody_expects_lets_nobody_wait_for_ever() -> None:
    questions = [question("crash" if number == 4 else number) for number in range(9)]

    found = rows(ask_all(FusedQueries(Bigquery().run), questions))

    assert found[4] is ZeroDivisionError
    # Whoever asked for all of them meets it, too.
    assert sum(each is ZeroDivisionError for each in found) <= 2


@pytest.mark.usefixtures("patient")
def test_a_question_that_fails_alone_is_asked_once() -> None:
    bigquery = Bigquery()

    assert rows(ask_all(FusedQueries(bigquery.run), [question("fail")])) == [WarehouseError]
    assert [name for name, _ in bigquery.asked] == ["preview-table_fail-1"]


@pytest.mark.usefixtures("patient")
def test_streams_that_ask_nothing_or_fail_before_are_not_waited_for() -> None:
    bigquery = Bigquery()
    fused = FusedQueries(bigquery.run)

    def stream(number: int) -> StatementResult | None:
        with fused.one_stream():
            if number % 3 == 0:
                return None
            if number % 3 == 1:
                raise WarehouseError("the load failed")
            return fused.ask(question(number))

    fused.expect(9)
    with ThreadPoolExecutor(9) as executor:
        futures = [executor.submit(stream, number) for number in range(9)]
        found = [future.exception(PATIENCE_SECONDS) or future.result() for future in futures]

    assert rows([each for each in found if isinstance(each, StatementResult)]) == right([2, 5, 8])
    assert [len(numbers) for _, numbers in bigquery.asked] == [3]


@pytest.mark.usefixtures("patient")
def test_a_stream_that_asks_again_does_not_wait_for_those_that_have_not_asked() -> None:
    bigquery = Bigquery()
    fused = FusedQueries(bigquery.run)
    others = threading.Event()

    def asks_twice() -> list[object]:
        with fused.one_stream():
            first = fused.ask(question(1))
            return rows([first, fused.ask(question(2))])

    def comes_late() -> list[object]:
        with fused.one_stream():
            answer = fused.ask(question(3))
            assert others.wait(PATIENCE_SECONDS)
            return rows([answer])

    fused.expect(2)
    with ThreadPoolExecutor(2) as executor:
        late, twice = executor.submit(comes_late), executor.submit(asks_twice)
        assert twice.result(PATIENCE_SECONDS) == right([1, 2])
        others.set()
        assert late.result(PATIENCE_SECONDS) == right([3])
    assert [sorted(numbers) for _, numbers in bigquery.asked] == [["1", "3"], ["2"]]


@pytest.mark.usefixtures("patient")
def test_who_is_not_expected_asks_at_once() -> None:
    bigquery = Bigquery()
    fused = FusedQueries(bigquery.run)
    fused.expect(5)  # that have not come yet

    assert rows([fused.ask(question(1))]) == right([1])


def test_nobody_waits_long_for_a_stream_that_takes_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused_queries, "LONGEST_WAIT_SECONDS", 0.05)
    bigquery = Bigquery()
    fused = FusedQueries(bigquery.run)
    fused.expect(3)

    def ask(number: int) -> StatementResult:
        with fused.one_stream():
            return fused.ask(question(number))

    # The third never comes.
    with ThreadPoolExecutor(2) as executor:
        futures = [executor.submit(ask, number) for number in range(2)]
        assert rows([future.result(PATIENCE_SECONDS) for future in futures]) == right(range(2))


def test_more_streams_than_threads_all_get_their_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused_queries, "LONGEST_WAIT_SECONDS", 0.05)
    bigquery = Bigquery(delay_seconds=0.01)

    answers = ask_all(FusedQueries(bigquery.run), [question(number) for number in range(60)], threads=4)

    assert rows(answers) == right(range(60))
    assert all(len(numbers) <= 4 for _, numbers in bigquery.asked)


@pytest.mark.parametrize("seed", range(5))
def test_a_crowd_with_failures_in_it_gets_answers_and_errors_as_they_belong(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fused_queries, "LONGEST_WAIT_SECONDS", 0.02)
    bigquery = Bigquery(delay_seconds=0.002)
    bad = {number for number in range(80) if (number * 7 + seed) % 11 == 0}

    found = rows(
        ask_all(
            FusedQueries(bigquery.run),
            [question("fail" if number in bad else number) for number in range(80)],
            threads=30,
        )
    )

    for number, each in enumerate(found):
        assert each == (WarehouseError if number in bad else {"a": number, "b": 10 * number})


class SlowToNotice(FusedQueries):
    """Takes its time between the moment in which a stream is no longer expected and what it does next."""

    @override
    def _come(self, question: Question | None = None) -> bool:
        was_expected = super()._come(question)
        time.sleep(0.05)
        return was_expected


def test_the_last_stream_that_was_expected_goes_with_the_others() -> None:
    bigquery = Bigquery()
    ask_all(SlowToNotice(bigquery.run), [question(number) for number in range(3)])
    assert [sorted(numbers) for _, numbers in bigquery.asked] == [["0", "1", "2"]]
