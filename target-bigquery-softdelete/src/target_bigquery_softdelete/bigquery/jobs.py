"""Runs BigQuery jobs to their end, even if a request or its answer is lost on the way.

The id of a job is chosen before it is sent, so a lost answer is harmless: the same id is sent again, and BigQuery says
that it has the job. A job that BigQuery accepted and no longer knows is also sent again. Only a job that ran and failed
for a transient reason gets a new id.
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

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_bigquery_softdelete.bigquery.retry import RetryPolicy

FIRST_ROWS = 1000
"""Rows that come with the answer that a query is done. Unless they are asked for, that answer has none."""


class Jobs:
    """The jobs of one run."""

    def __init__(self, client: bigquery.Client, retry_policy: RetryPolicy) -> None:
        self.running = RunningJobs(client)
        self._client = client
        self._retry_policy = retry_policy
        self.retry = retry_policy.retry()
        """Retries any call of this run. The calls share one notice in the log."""
        self._retry_lost = self.retry.with_predicate(lambda error: isinstance(error, _JobLostError))

    def run(self, name: str, submit: Callable[[str], Any]) -> Any:  # noqa: ANN401 - a load or a query job
        """Submit a job and wait until it has succeeded.

        Args:
            name: Beginning of the job's ids.
            submit: Sends the job with the id that it is given.

        Raises:
            GoogleAPIError: If the job failed, or BigQuery could not be reached. `OSError` and `GoogleAuthError` too.
        """
        for attempt in range(1, self._retry_policy.job_tries):
            try:
                return self._retry_lost(self._run_once)(f"{name}-{attempt}", submit)
            except _FailedForNowError:
                time.sleep(random.uniform(0, self._retry_policy.first_delay_seconds * 2**attempt))  # noqa: S311 - jitter
        return self._retry_lost(self._run_once)(f"{name}-{self._retry_policy.job_tries}", submit)

    def _run_once(self, job_id: str, submit: Callable[[str], Any]) -> Any:  # noqa: ANN401
        with self.running.track(job_id) as note_job:
            job = self.retry(functools.partial(self._submit, job_id, submit))()
            note_job(job)
            try:
                self._wait(job)
            except exceptions.GoogleAPICallError as error:
                reason = (job.error_result or {}).get("reason")
                if reason in TRANSIENT_REASONS:
                    raise _FailedForNowError.of(error) from error
                if isinstance(error, exceptions.NotFound) and not reason:
                    raise _JobLostError(str(error)) from error
                raise
        return job

    def _submit(self, job_id: str, submit: Callable[[str], Any]) -> Any:  # noqa: ANN401
        try:
            return submit(job_id)
        except exceptions.Conflict:
            pass
        try:
            return self._client.get_job(job_id, retry=self.retry, timeout=self._retry_policy.call_seconds)
        except exceptions.NotFound as error:
            raise _JobLostError(str(error)) from error

    def _wait(self, job: Any) -> None:  # noqa: ANN401
        # In turns: the client gives each of its requests the timeout that it is given for the job.
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


class _JobLostError(exceptions.GoogleAPIError):
    """BigQuery accepted a job and no longer knows it. The job is sent again with the same id."""


class _FailedForNowError(exceptions.GoogleAPIError):
    """A job ran and failed for a transient reason."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @classmethod
    def of(cls, error: exceptions.GoogleAPICallError) -> _FailedForNowError:
        return cls(error.message or str(error))
