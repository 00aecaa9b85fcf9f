"""Asks the questions of several streams in one query.

A run of many small streams asks the same of each: how many rows would a merge change? One query costs as long as
twenty. So a stream that asks waits until others ask, too: until there are enough, until no other is left that may
still ask, or until it has waited for a moment.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from target_bigquery_softdelete.bigquery.queries import named
from target_bigquery_softdelete.errors import WarehouseError
from target_bigquery_softdelete.sql.fused import fuse, suffix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from google.cloud.bigquery.query import _AbstractQueryParameter

    from target_bigquery_softdelete.bigquery.statements import StatementResult

MOST_QUESTIONS = 20
"""Questions in one query. With more, the first of them wait longer than the query saves."""

MOST_CHARACTERS = 800_000
"""Characters of such a query. BigQuery takes 1,024,000 (https://cloud.google.com/bigquery/quotas#query_jobs)."""

MOST_SENT_BYTES = 6_000_000
"""Bytes of the parameters. A request may have 10 MB (the same page)."""

LONGEST_WAIT_SECONDS = 1.0


@dataclass(eq=False)
class Question:
    """A query that returns one row of counts."""

    sql: str
    names: Sequence[str]
    """Its columns, all INT64."""
    parameters: Sequence[_AbstractQueryParameter] = ()
    sent_bytes: int = 0
    """What the parameters take in a request."""
    table: str = ""
    """Name of the table that it is about. It becomes part of the query's name, which an error says."""
    asked: float = field(default_factory=time.monotonic)
    answer: StatementResult | None = None
    is_taken: bool = False
    """Whether it is on its way."""
    is_over: bool = False
    """Whether that way has ended. Without an answer, it is to be asked alone."""


class FusedQueries:
    """The questions of the streams of one run."""

    def __init__(self, run: Callable[[str, str, Sequence[_AbstractQueryParameter]], StatementResult]) -> None:
        """Begin without a question.

        Args:
            run: Runs a query that has a name and parameters.
        """
        self._run = run
        self._changed = threading.Condition()
        self._waiting: list[Question] = []
        self._expected = 0
        """Streams that may still ask."""
        self._count = 0
        self._local = threading.local()

    def expect(self, number: int) -> None:
        """Note that so many streams will each enter `one_stream`."""
        with self._changed:
            self._expected += number

    @contextmanager
    def one_stream(self) -> Iterator[None]:
        """Within the block, the thread may ask for one of the streams that are expected."""
        self._local.is_expected = True
        try:
            yield
        finally:
            self._come()

    def _come(self, question: Question | None = None) -> bool:
        """Note that the stream of this thread is no longer expected to ask, and return whether it was.

        Args:
            question: What it asks. It waits from the moment on in which it is no longer expected: otherwise the others
                would go without it.
        """
        was_expected = getattr(self._local, "is_expected", False)
        self._local.is_expected = False
        if was_expected:
            with self._changed:
                self._expected -= 1
                if question:
                    self._waiting.append(question)
                self._changed.notify_all()
        return was_expected

    def ask(self, question: Question) -> StatementResult:
        """Return the answer to a question, together with its share of what the query has cost.

        Raises:
            WarehouseError: If the question itself fails. That of another stream does not matter.
        """
        if self._come(question):
            self._wait_for_others(question)
        if question.answer is None:
            self._ask([question])
        if question.answer is None:
            raise AssertionError("a question that was asked alone has neither an answer nor an error")
        return question.answer

    def _wait_for_others(self, question: Question) -> None:
        group = self._wait_for_group(question)
        if not group:
            return  # another stream has asked for this one, too
        try:
            self._ask(group)
        except WarehouseError:
            if len(group) == 1:
                raise
            # Whose fault it is, each finds out by itself.
        finally:
            with self._changed:
                for each in group:
                    each.is_over = True
                self._changed.notify_all()

    def _wait_for_group(self, question: Question) -> list[Question]:
        """Wait until a question is to be asked, and return those that go with it. None if it has been asked."""
        with self._changed:
            while not question.is_over:
                if group := self._due_group(question):
                    for each in group:
                        each.is_taken = True
                        self._waiting.remove(each)
                    return group
                left = max(0.0, question.asked + LONGEST_WAIT_SECONDS - time.monotonic())
                self._changed.wait(None if question.is_taken else left)
        return []

    def _due_group(self, first: Question) -> list[Question]:
        """Return the questions to ask now, this one among them, or none if there is still something to wait for."""
        if first.is_taken:
            return []
        group, characters, sent = [first], len(first.sql), first.sent_bytes
        for other in self._waiting:
            if other is first:
                continue
            characters, sent = characters + len(other.sql), sent + other.sent_bytes
            if len(group) == MOST_QUESTIONS or characters > MOST_CHARACTERS or sent > MOST_SENT_BYTES:
                return group
            group.append(other)
        has_waited = time.monotonic() - first.asked >= LONGEST_WAIT_SECONDS
        is_due = len(group) == MOST_QUESTIONS or has_waited or not self._expected
        return group if is_due else []

    def _ask(self, group: Sequence[Question]) -> None:
        with self._changed:
            self._count += 1
            number = self._count
        if len(group) == 1:
            question = group[0]
            question.answer = self._run(question.sql, f"preview-{question.table}-{number}", question.parameters)
            return
        sql = fuse([(question.sql, question.names) for question in group])
        parameters = [
            parameter
            for number, question in enumerate(group)
            for parameter in named(question.parameters, suffix(number))
        ]
        found = self._run(sql, f"preview-{number}", parameters)
        counts = {row["question"]: row["counts"] for row in found.rows}
        for number, question in enumerate(group):
            rows = [dict(zip(question.names, counts[number], strict=True))]
            question.answer = replace(
                found,
                rows=rows,
                bytes_billed=_share(found.bytes_billed, number, len(group)),
                slot_ms=_share(found.slot_ms, number, len(group)),
            )


def _share(total: int, number: int, of: int) -> int:
    """Return one of equal shares of a total, in whole numbers that add up to it."""
    return total * (number + 1) // of - total * number // of
