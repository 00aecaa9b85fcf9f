"""Which failures of a job pass by themselves."""

from __future__ import annotations

import pytest

from target_bigquery_softdelete.bigquery.job_failure import verdict

TABLE = "co:bronze.jobs"


@pytest.mark.parametrize(
    ("reason", "message", "expected"),
    [
        ("backendError", "Retrying may solve the problem.", "transient"),
        ("jobRateLimitExceeded", "Exceeded rate limits", "transient"),
        ("invalidQuery", f"Could not serialize access to table {TABLE} due to concurrent update", "contention"),
        ("invalidQuery", f"Transaction is aborted due to concurrent update against table {TABLE}", "contention"),
        ("resourcesExceeded", f"Too many DML statements outstanding against table {TABLE}, limit is 20", "contention"),
        ("invalidQuery", "Unrecognized name: nope at [1:8]", "permanent"),
        ("accessDenied", "Access Denied", "permanent"),
        ("stopped", "Job execution was cancelled", "permanent"),
    ],
)
def test_what_passes_by_itself(reason: str, message: str, expected: str) -> None:
    assert verdict({"reason": reason, "message": message}) == expected
