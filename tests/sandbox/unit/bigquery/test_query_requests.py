"""An id of a request stands for one job, for 15 minutes."""

from __future__ import annotations

from servicetitan_sandbox.bigquery.rules.query_requests import LIFETIME_SECONDS, RequestIds


def test_an_equal_request_has_the_same_job_for_15_minutes() -> None:
    now = [0.0]
    ids = RequestIds(lambda: now[0])

    first = ids.job_of("p", "r", b"INSERT")
    now[0] = LIFETIME_SECONDS - 1
    again = ids.job_of("p", "r", b"INSERT")
    now[0] = LIFETIME_SECONDS
    later = ids.job_of("p", "r", b"INSERT")

    assert LIFETIME_SECONDS == 15 * 60
    assert again == first
    assert later != first
    assert first not in {"r", ""}


def test_other_requests_have_other_jobs() -> None:
    ids = RequestIds(lambda: 0.0)
    jobs = {ids.job_of(*key) for key in (("p", "r", b"INSERT"), ("q", "r", b"INSERT"), ("p", "R", b"INSERT"))}
    assert len(jobs | {ids.job_of("p", "r", b"UPDATE")}) == 4
