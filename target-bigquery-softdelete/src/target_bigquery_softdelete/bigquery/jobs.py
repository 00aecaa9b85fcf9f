"""Runs BigQuery jobs to their end, even if a request or its answer is lost on the way.

The id of a job is chosen before it is sent, so a lost answer is harmless: the same id is sent again, and BigQuery says
that it has the job. A job that BigQuery accepted and no longer knows is also sent again. Only a job that ran and failed
for a reason that passes gets a new id. Every request about a job names its location: outside of the multi-regions US
and EU, BigQuery finds it only there (https://cloud.google.com/bigquery/docs/locations#specify_locations).
"""

from __future__ import annotations

import functools
import itertools
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError

from target_bigquery_softdelete.bigquery.cancellation import RunningJobs
from target_bigquery_softdelete.bigquery.job_failure import JobFailedError, JobLostError
from target_bigquery_softdelete.bigquery.job_wait import wait_for_job
from target_bigquery_softdelete.bigquery.retry import may_have_arrived

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.cloud import bigquery

    from target_bigquery_softdelete.bigquery.retry import RetryPolicy

logger = logging.getLogger(__name__)

_LOST_SECONDS = 60.0
"""How long a job is sent again that BigQuery has and has not."""


class Jobs:
    """The jobs of one run."""

    def __init__(self, client: bigquery.Client, retry_policy: RetryPolicy, *, most: int) -> None:
        """Begin without a job.

        Args:
            client: The BigQuery client.
            retry_policy: How long to wait for BigQuery, and how often to try again.
            most: Jobs that may be under way at the same time. Further ones wait.
        """
        self._slots = threading.BoundedSemaphore(most)
        self.location = client.location
        """Where the jobs run: where the datasets are. None until that is known, for where BigQuery finds them."""
        self.running = RunningJobs(client, lambda: self.location)
        self._client = client
        self._retry_policy = retry_policy
        self.retry = retry_policy.retry()
        """Retries any call of this run. The calls share one notice in the log."""

    def run(self, name: str, submit: Callable[[str], Any], *, with_costs: bool = True) -> Any:  # noqa: ANN401 - any job
        """Submit a job and wait until it has succeeded.

        Args:
            name: Beginning of the job's ids.
            submit: Sends the job with the id that it is given.
            with_costs: See :func:`~target_bigquery_softdelete.bigquery.job_wait.wait_for_job`.

        Raises:
            GoogleAPIError: If the job failed, or BigQuery could not be reached. `OSError` and `GoogleAuthError` too.
        """
        attempt = 1
        while True:
            try:
                with self._slots:
                    return self._run_until_found(f"{name}-{attempt}", submit, with_costs)
            except JobFailedError as error:
                pause = self._retry_policy.pause_before_next_job(error.verdict, attempt)
                if pause is None:
                    raise
                logger.info("the job %s-%d failed (%s) and is run again", name, attempt, error.reason)
            time.sleep(pause)
            attempt += 1

    def _run_until_found(self, job_id: str, submit: Callable[[str], Any], with_costs: bool) -> Any:  # noqa: ANN401, FBT001
        """Run a job, and send it again with the same id while BigQuery accepts it and does not know it afterwards."""
        lost_since: float | None = None
        for losses in itertools.count(1):
            began = time.monotonic()
            try:
                return self._run_once(job_id, submit, with_costs)
            except JobLostError:
                now = time.monotonic()
                if lost_since is None or now - began > _LOST_SECONDS:
                    lost_since = now  # it ran for a while: this is another loss than the one before
                if now - lost_since >= min(_LOST_SECONDS, self._retry_policy.deadline_seconds):
                    # BigQuery had it once: that it does not know it now does not prove that it has ended.
                    self.running.end(job_id, None, self._retry_policy.stop_seconds, was_accepted=True)
                    raise
            time.sleep(self._retry_policy.jittered_delay(losses))
        raise AssertionError  # count() has no end

    def _run_once(self, job_id: str, submit: Callable[[str], Any], with_costs: bool) -> Any:  # noqa: ANN401, FBT001
        with self.running.track(job_id) as note_job:
            job = None
            try:
                job = self.retry(functools.partial(self._submit, job_id, submit))()
                note_job(job)
                wait_for_job(job, self.retry, self._retry_policy, with_costs=with_costs)
            except (JobFailedError, JobLostError):
                raise
            except (exceptions.GoogleAPIError, GoogleAuthError, OSError) as error:
                if not (job is not None or may_have_arrived(error)):
                    raise
                has_ended = self.running.end(job_id, job, self._retry_policy.stop_seconds)
                if job is None or not has_ended or job.state != "DONE" or job.error_result:
                    raise
                # It has ended well while nobody could see it.
        return job

    def _submit(self, job_id: str, submit: Callable[[str], Any]) -> Any:  # noqa: ANN401
        try:
            return submit(job_id)
        except exceptions.Conflict:
            pass
        try:
            return self._client.get_job(
                job_id, location=self.location, retry=self.retry, timeout=self._retry_policy.call_seconds
            )
        except exceptions.NotFound as error:
            raise JobLostError(str(error)) from error
