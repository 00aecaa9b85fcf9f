"""The jobs that are running, so that a stopped run can cancel them."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from google.api_core.exceptions import NotFound
from google.api_core.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.cloud import bigquery

_CALL_SECONDS = 2.0
_POLL_SECONDS = 0.2
_ARRIVAL_SECONDS = 5.0
"""For how long BigQuery must not know a job until it counts as never sent: the request may still be on its way."""
_AGAIN_SECONDS = 2.0
"""How long a job may go on before it is cancelled once more."""
_ONCE = Retry(predicate=lambda _: False)


@dataclass(frozen=True)
class Cancelled:
    """The jobs that were running when the run was stopped."""

    ended: tuple[str, ...]
    """Ids of the jobs that have ended, as BigQuery confirms."""
    unknown: tuple[str, ...]
    """Ids of those that may still be running."""

    def summary(self) -> str:
        """Return a sentence or two about the jobs."""
        ended = f"Cancelled the jobs {', '.join(self.ended)}." if self.ended else ""
        unknown = f"BigQuery did not confirm in time that the jobs {', '.join(self.unknown)} have ended."
        return " ".join(filter(None, [ended, unknown if self.unknown else ""])) or "No job was running."


class RunningJobs:
    """The jobs of one run that are being sent or waited for.

    Once the run is stopped, threads that wait for a job never return: the result of a cancelled job no longer matters,
    and the process is about to end.
    """

    def __init__(self, client: bigquery.Client, location: Callable[[], str | None]) -> None:
        """Begin without a job.

        Args:
            client: The BigQuery client.
            location: Returns where the jobs run, as far as that is known.
        """
        self._client = client
        self._location = location
        self.left: set[str] = set()
        """Ids of jobs that this run no longer waits for, and that may still be running."""
        self._jobs: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._stopped = False

    @contextmanager
    def track(self, job_id: str) -> Iterator[Callable[[Any], None]]:
        """Track a job within the block, which gets a function to call with the job once BigQuery has accepted it."""
        self._update(lambda: self._jobs.update({job_id: None}))
        try:
            yield lambda job: self._update(lambda: self._jobs.update({job_id: job}))
        finally:
            self._update(lambda: self._jobs.pop(job_id))

    def _update(self, change: Callable[[], object]) -> None:
        with self._lock:
            stopped = self._stopped
            if not stopped:
                change()
        if stopped:
            _wait_forever()

    def cancel(self, seconds: float) -> Cancelled:
        """Ask BigQuery to cancel the jobs, and wait until they have ended. No job is sent after this.

        Args:
            seconds: How long this may take.
        """
        deadline = time.monotonic() + seconds
        with self._lock:
            self._stopped = True
            jobs = dict(self._jobs)
        ended: set[str] = set()
        threads = [
            threading.Thread(target=self._cancel, args=(job_id, job, deadline, ended), daemon=True)
            for job_id, job in jobs.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        done = ended.copy()
        return Cancelled(tuple(sorted(done)), tuple(sorted(set(jobs) - done)))

    def end(self, job_id: str, job: Any, seconds: float, *, was_accepted: bool = False) -> bool:  # noqa: ANN401 - any job
        """Cancel one job, because it takes too long or BigQuery does not answer, and wait until it has ended.

        Args:
            job_id: Its id.
            job: The job; None if it is not known whether BigQuery has it.
            seconds: How long this may take.
            was_accepted: Whether BigQuery has had it. Then that it does not find it proves nothing.

        Returns:
            Whether it has ended, or never began, as BigQuery confirms. If not, it is among those that are left.
        """
        ended: set[str] = set()
        missing_seconds = seconds + 1 if was_accepted else min(_ARRIVAL_SECONDS, seconds / 2)
        self._cancel(job_id, job, time.monotonic() + seconds, ended, missing_seconds)
        if not ended:
            self.left.add(job_id)
        return bool(ended)

    def _cancel(
        self,
        job_id: str,
        job: Any,  # noqa: ANN401 - a job of any kind
        deadline: float,
        ended: set[str],
        missing_seconds: float = _ARRIVAL_SECONDS,
    ) -> None:
        asked_at = float("-inf")
        missing_since = float("inf")
        while time.monotonic() < deadline:
            # Whatever goes wrong, the job may still be running, and time is short.
            with suppress(Exception):
                # A job that was just being sent may have arrived.
                job = job or self._find(job_id)
                if job is None:
                    missing_since = min(missing_since, time.monotonic())
                    if time.monotonic() - missing_since >= missing_seconds:
                        break
                elif time.monotonic() >= asked_at + _AGAIN_SECONDS:
                    job.cancel(retry=_ONCE, timeout=_CALL_SECONDS)
                    asked_at = time.monotonic()
                if job is not None and job.done(retry=_ONCE, timeout=_CALL_SECONDS):
                    break
            time.sleep(_POLL_SECONDS)
        else:
            return
        ended.add(job_id)

    def _find(self, job_id: str) -> Any:  # noqa: ANN401 - a job of any kind
        """Return a job; None if BigQuery does not have it, although it was sent for a long time.

        Raises:
            GoogleAPIError: If that is not known. When the run was stopped, its last request may be on its way.
        """
        try:
            return self._client.get_job(job_id, location=self._location(), retry=_ONCE, timeout=_CALL_SECONDS)
        except NotFound:
            if self._stopped:
                raise
            return None


def _wait_forever() -> NoReturn:
    while True:
        time.sleep(60)
