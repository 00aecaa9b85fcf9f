"""The log line while the target waits for BigQuery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.api_core.exceptions import ServiceUnavailable

from target_bigquery_softdelete.bigquery.retry import RetryPolicy

if TYPE_CHECKING:
    import pytest


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
