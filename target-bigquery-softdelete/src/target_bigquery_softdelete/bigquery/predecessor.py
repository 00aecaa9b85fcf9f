"""The run that held the lease before, and died: none of its jobs may still write when the next run begins.

The process is gone, but BigQuery goes on with the jobs that it has. A statement that has not begun fails at the end of
the dead run's lease (:mod:`~target_bigquery_softdelete.sql.guards`). One that runs ends when it ends. So the next run
cancels what is left and waits for its end. Where it may not list jobs, it waits until the old lease is over.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError

if TYPE_CHECKING:
    import datetime as dt

    from google.api_core.retry import Retry
    from google.cloud import bigquery

    from target_bigquery_softdelete.bigquery.server_clock import ServerClock

_CALL_SECONDS = 10.0
_UNFINISHED = ("pending", "running")
"""In this order: a job that begins to run between the two questions is found by the second."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Predecessor:
    """A dead run, from which the lease was taken."""

    run: str
    """Its id, in lower case. The ids of its jobs begin with it."""
    until: dt.datetime
    """When its lease ends (UTC), by BigQuery's clock. None of its statements begins to write later."""

    def end(self, client: bigquery.Client, clock: ServerClock, retry: Retry, poll_seconds: float) -> None:
        """Cancel its jobs, and wait until none is left.

        Before the end of its lease a request may still be on its way, so two looks a moment apart must find nothing.

        Args:
            client: The BigQuery client.
            clock: BigQuery's clock.
            retry: Retries a call.
            poll_seconds: How long to wait between two looks.
        """
        looks = 0
        try:
            while looks < (1 if clock.now() >= self.until else 2):
                if looks:
                    time.sleep(poll_seconds)
                jobs = _unfinished(client, self.run, retry)
                looks += 1
                if jobs:
                    looks = 0
                    self._cancel(jobs, retry, poll_seconds)
        except (exceptions.GoogleAPIError, GoogleAuthError, OSError) as error:
            self._wait_until_it_is_over(clock, error)

    def _cancel(self, jobs: list[Any], retry: Retry, poll_seconds: float) -> None:
        names = ", ".join(job.job_id for job in jobs)
        logger.warning("run %s is dead and has left jobs, which are cancelled first: %s", self.run, names)
        for job in jobs:
            # It may have ended meanwhile. Whether it has, the next look tells.
            with suppress(exceptions.GoogleAPIError, OSError):
                job.cancel(retry=retry, timeout=_CALL_SECONDS)
        time.sleep(poll_seconds)

    def _wait_until_it_is_over(self, clock: ServerClock, error: Exception) -> None:
        if (left := (self.until - clock.now()).total_seconds()) <= 0:
            return
        logger.warning(
            "the jobs cannot be listed (that needs bigquery.jobs.list), so this run waits %.0f seconds, until no "
            "statement of the dead run %s can begin: %s",
            left,
            self.run,
            error,
        )
        while (left := (self.until - clock.now()).total_seconds()) > 0:
            time.sleep(left)


def _unfinished(client: bigquery.Client, run: str, retry: Retry) -> list[Any]:
    """Return the jobs of a run that have not ended."""
    found = {
        job.job_id: job
        for state in _UNFINISHED
        for job in client.list_jobs(state_filter=state, retry=retry, timeout=_CALL_SECONDS)
        if job.job_id.lower().startswith(f"{run}-")
    }
    return list(found.values())
