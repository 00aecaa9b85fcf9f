"""Waits for the end of a job, with few calls, and asks the job itself whenever an answer is ambiguous.

`jobs.getQueryResults` reports a job that failed as an error of its own call, with the HTTP status of the job's reason:
503 for `backendError`. To repeat that call would bring the same answer for ever. So after any error of it `jobs.get`
tells what has become of the job.
"""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any

from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery

from target_bigquery_softdelete.bigquery.job_failure import JobLostError, JobTimeError, failure_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.api_core.retry import Retry

    from target_bigquery_softdelete.bigquery.retry import RetryPolicy

FIRST_ROWS = 1000
"""Rows that come with the answer that a query is done. Unless they are asked for, that answer has none."""

_GROWTH = 1.5
"""By how much each pause between two looks at a job is longer than the one before."""


def wait_for_job(job: Any, retry: Retry, policy: RetryPolicy, *, with_costs: bool = True) -> None:  # noqa: ANN401
    """Wait until a job has ended well.

    A query costs two calls: `jobs.getQueryResults`, which holds its answer until the query has ended (at most ten
    seconds), and `jobs.get`, which alone tells how many rows it changed and what it costs. Other jobs are looked at
    after pauses that grow to less than a second: those of the client library grow with the time that has passed, so
    that it notices the end of a load of five seconds after up to fifteen.

    Args:
        job: The job, which BigQuery has accepted.
        retry: Retries a call.
        policy: For how long, and how often.
        with_costs: Whether a query must know afterwards what it has done and what it costs, which is one more call.

    Raises:
        JobFailedError: If it failed.
        JobLostError: If BigQuery does not know it.
        JobTimeError: If it runs longer than it may. It may still be running.
        GoogleAPIError: If BigQuery could not be asked. `OSError` and `GoogleAuthError` too.
    """
    deadline = time.monotonic() + policy.job_seconds + policy.stop_seconds
    pauses = _pauses(policy)
    is_query = isinstance(job, bigquery.QueryJob)
    wait = functools.partial(_wait_for_results, with_costs=with_costs) if is_query else _wait_a_moment
    while not (job.done(reload=False) or (not with_costs and _has_results(job))):
        if time.monotonic() > deadline:
            raise JobTimeError(job.job_id, policy.job_seconds)
        wait(job, retry, policy, pauses)
    if job.error_result:
        raise failure_of(job.job_id, job.location, job.error_result, job.errors or ())


def _pauses(policy: RetryPolicy) -> Iterator[float]:
    pause = policy.first_poll_seconds
    while True:
        yield pause
        pause = min(pause * _GROWTH, policy.longest_poll_seconds)


def _wait_a_moment(job: Any, retry: Retry, policy: RetryPolicy, pauses: Iterator[float]) -> None:  # noqa: ANN401
    time.sleep(next(pauses))
    _look_at(job, retry, policy)


def _wait_for_results(
    job: bigquery.QueryJob, retry: Retry, policy: RetryPolicy, pauses: Iterator[float], *, with_costs: bool
) -> None:
    if _is_known_to_run(job, policy):
        time.sleep(policy.first_poll_seconds)  # in case that the answer did not take its time
        return
    if not with_costs and _has_results(job):
        return
    _look_at(job, retry, policy)
    if not job.done(reload=False):
        time.sleep(next(pauses))


def _is_known_to_run(job: bigquery.QueryJob, policy: RetryPolicy) -> bool:
    """Wait for the results of a query, keep them with the job, and return whether it has not ended yet."""
    # What was appended to a table is not asked for: that would be the rows of the table.
    rows = 0 if job.write_disposition == bigquery.WriteDisposition.WRITE_APPEND else FIRST_ROWS
    try:
        # The public function asks for the job's state before it waits, each time.
        job._reload_query_results(retry=None, timeout=policy.call_seconds, page_size=rows)  # type: ignore[arg-type] # noqa: SLF001
    except (exceptions.GoogleAPICallError, GoogleAuthError, OSError, ValueError):
        return False  # of the job or of the call: the job itself tells
    results = job._query_results  # noqa: SLF001 - it has no other name
    return results is not None and not results.complete


def _has_results(job: Any) -> bool:  # noqa: ANN401 - a job of any kind
    """Return whether a query is known to have ended well."""
    results = job._query_results if isinstance(job, bigquery.QueryJob) else None  # noqa: SLF001
    return results is not None and bool(results.complete)


def _look_at(job: Any, retry: Retry, policy: RetryPolicy) -> None:  # noqa: ANN401 - a job of any kind
    try:
        job.reload(retry=retry, timeout=policy.call_seconds)
    except exceptions.NotFound as error:
        raise JobLostError(str(error)) from error
