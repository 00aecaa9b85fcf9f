"""Runs BigQuery jobs to their end, whatever happens to a request or an answer on the way.

The id of a job is known before it is sent. So a lost answer is harmless: the same id is sent again, and BigQuery says
that it has the job. A job that BigQuery does not know, though it took it, is sent again too. Only a job that ran and
failed, for a reason that passes, gets a new id.
"""

from __future__ import annotations

import functools
import random
import time
from typing import TYPE_CHECKING, Any

from google.api_core import exceptions
from google.cloud import bigquery

from target_bigquery_softdelete.bigquery.cancellation import RunningJobs
from target_bigquery_softdelete.bigquery.retry import TRANSIENT_REASONS
from target_bigquery_softdelete.errors import JobLostError

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_bigquery_softdelete.bigquery.retry import RetryPolicy

FIRST_ROWS = 1000
"""Rows of a query that come with the answer that it has ended. Without them that answer has none."""


class Jobs:
    """The jobs of one run."""

    def __init__(self, client: bigquery.Client, retry_policy: RetryPolicy) -> None:
        self.running = RunningJobs(client)
        self._client = client
        self._retry_policy = retry_policy
        self.retry = retry_policy.retry()
        """Repeats a call of this run. It says so for all of them together."""
        self._retry_lost = self.retry.with_predicate(lambda error: isinstance(error, JobLostError))

    def run(self, name: str, submit: Callable[[str], Any]) -> Any:  # noqa: ANN401 - a load or a query job
        """Submit a job and wait until it has ended well.

        Args:
            name: Beginning of the job's ids.
            submit: Sends the job with the id that it is given.

        Raises:
            GoogleAPIError: If the job failed, or if BigQuery could not be asked. `OSError` and `GoogleAuthError` too.
        """
        for attempt in range(1, self._retry_policy.job_tries):
            try:
                return self._retry_lost(self._finished)(f"{name}-{attempt}", submit)
            except _FailedForNowError:
                time.sleep(random.uniform(0, self._retry_policy.first_delay_seconds * 2**attempt))  # noqa: S311 - jitter
        return self._retry_lost(self._finished)(f"{name}-{self._retry_policy.job_tries}", submit)

    def _finished(self, job_id: str, submit: Callable[[str], Any]) -> Any:  # noqa: ANN401
        with self.running.tracked(job_id) as has_begun:
            job = self.retry(functools.partial(self._submitted, job_id, submit))()
            has_begun(job)
            try:
                self._wait(job)
            except exceptions.GoogleAPICallError as error:
                reason = (job.error_result or {}).get("reason")
                if reason in TRANSIENT_REASONS:
                    raise _FailedForNowError.of(error) from error
                if isinstance(error, exceptions.NotFound) and not reason:
                    raise JobLostError(str(error)) from error
                raise
        return job

    def _submitted(self, job_id: str, submit: Callable[[str], Any]) -> Any:  # noqa: ANN401
        try:
            return submit(job_id)
        except exceptions.Conflict:
            pass
        try:
            return self._client.get_job(job_id, retry=self.retry, timeout=self._retry_policy.call_seconds)
        except exceptions.NotFound as error:
            raise JobLostError(str(error)) from error

    def _wait(self, job: Any) -> None:  # noqa: ANN401
        # In turns, since the client gives each of its requests as long as it gives the job.
        deadline = time.monotonic() + self._retry_policy.job_seconds
        rows = {"page_size": FIRST_ROWS} if isinstance(job, bigquery.QueryJob) else {}
        while True:
            try:
                job.result(retry=self.retry, timeout=self._retry_policy.call_seconds, **rows)
            except TimeoutError:
                if time.monotonic() > deadline:
                    raise
            else:
                return


class _FailedForNowError(exceptions.GoogleAPIError):
    """A job ran and failed, and may do better next time."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @classmethod
    def of(cls, error: exceptions.GoogleAPICallError) -> _FailedForNowError:
        return cls(error.message or str(error))
