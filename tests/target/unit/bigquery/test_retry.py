"""The log line while the target waits for BigQuery."""

from __future__ import annotations

import random
import time

import pytest
import requests
from google.api_core.exceptions import ServiceUnavailable

from target_bigquery_softdelete.bigquery.retry import RetryPolicy


def test_many_failures_give_one_log_line_without_an_address(caplog: pytest.LogCaptureFixture) -> None:
    failure: Exception = ServiceUnavailable("https://bigquery/upload?upload_id=s3cret")  # type: ignore[no-untyped-call]
    answers = [failure] * 3

    def call() -> str:
        if answers:
            raise answers.pop()
        return "done"

    retry = RetryPolicy(first_delay_seconds=0.001, deadline_seconds=60).retry()

    assert retry(call)() == "done"
    assert caplog.messages == ["BigQuery: ServiceUnavailable 503; retrying the call for up to 60 seconds"]


def test_without_a_connection_the_first_call_gives_up_early_and_a_busy_service_is_waited_for() -> None:
    policy = RetryPolicy(first_delay_seconds=0.02, longest_delay_seconds=0.05, deadline_seconds=60, contact_seconds=0.2)
    busy: Exception = ServiceUnavailable("busy")  # type: ignore[no-untyped-call]

    def unreachable() -> None:
        raise requests.ConnectionError("connection refused")

    with pytest.raises(requests.ConnectionError, match="connection refused"):
        policy.first_contact()(unreachable)()

    retry, answers = policy.first_contact(), [busy] * 20

    def answer() -> str:
        time.sleep(0.02)
        if answers:
            raise answers.pop()
        return "done"

    assert retry(answer)() == "done"


def test_without_a_connection_the_first_call_ends_within_a_minute_of_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def pause(seconds: float) -> None:
        now[0] += seconds

    def unreachable() -> None:
        raise requests.ConnectionError("connection refused")

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", pause)
    monkeypatch.setattr(random, "uniform", lambda _, most: most)  # the longest pause each time
    with pytest.raises(requests.ConnectionError):
        RetryPolicy().first_contact()(unreachable)()
    assert 50 < now[0] <= 60


def test_once_there_was_an_answer_a_lost_connection_is_waited_for() -> None:
    lost = [requests.ConnectionError("reset")] * 20

    def call() -> str:
        time.sleep(0.02)
        if lost:
            raise lost.pop()
        return "done"

    policy = RetryPolicy(first_delay_seconds=0.01, longest_delay_seconds=0.02, deadline_seconds=60, contact_seconds=0.1)
    assert policy.retry()(call)() == "done"
