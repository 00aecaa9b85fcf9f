"""The jobs that run at this moment, so that a run that is stopped can cancel them."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from google.api_core.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.cloud import bigquery

_CALL_SECONDS = 2.0
_POLL_SECONDS = 0.5
_ONCE = Retry(predicate=lambda _: False)


@dataclass(frozen=True)
class Cancelled:
    """What came of the jobs that ran when the run was stopped."""

    ended: tuple[str, ...]
    """Ids of the jobs that BigQuery says have ended."""
    unknown: tuple[str, ...]
    """Ids of those that may still run."""

    def summary(self) -> str:
        """Return what came of the jobs, in a sentence or two."""
        ended = f"Cancelled the jobs {', '.join(self.ended)}." if self.ended else ""
        unknown = f"BigQuery did not say in time that the jobs {', '.join(self.unknown)} have ended."
        return " ".join(filter(None, [ended, unknown if self.unknown else ""])) or "No job was running."


class RunningJobs:
    """The jobs of one run that are being sent, or waited for.

    When the run is stopped, the threads that wait for a job do not come back: what a cancelled job means for its stream
    is no longer anybody's business, and the process is about to end.
    """

    def __init__(self, client: bigquery.Client) -> None:
        self._client = client
        self._jobs: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._stopped = False

    @contextmanager
    def tracked(self, job_id: str) -> Iterator[Callable[[Any], None]]:
        """Keep a job in mind for as long as the block lasts. It is given what takes the job when BigQuery has it."""
        self._change(lambda: self._jobs.update({job_id: None}))
        try:
            yield lambda job: self._change(lambda: self._jobs.update({job_id: job}))
        finally:
            self._change(lambda: self._jobs.pop(job_id))

    def _change(self, change: Callable[[], object]) -> None:
        with self._lock:
            stopped = self._stopped
            if not stopped:
                change()
        if stopped:
            _stay()

    def cancel(self, seconds: float) -> Cancelled:
        """Ask BigQuery to cancel the jobs, and wait until they have ended. No job begins after this.

        Args:
            seconds: The longest that this takes.
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

    def _cancel(self, job_id: str, job: Any, deadline: float, ended: set[str]) -> None:  # noqa: ANN401 - either job
        while time.monotonic() < deadline:
            with suppress(Exception):  # whatever it is, the job is not known to have ended, and there is little time
                # A job that is being sent may have arrived.
                job = job or self._client.get_job(job_id, retry=_ONCE, timeout=_CALL_SECONDS)
                job.cancel(retry=_ONCE, timeout=_CALL_SECONDS)
                if job.done(retry=_ONCE, timeout=_CALL_SECONDS):
                    ended.add(job_id)
                    return
            time.sleep(_POLL_SECONDS)


def _stay() -> NoReturn:
    while True:
        time.sleep(60)
