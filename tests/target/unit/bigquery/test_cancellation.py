"""After a run is stopped, no job starts, and no thread receives the result of its job."""

from __future__ import annotations

import threading

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from target_bigquery_softdelete.bigquery.cancellation import RunningJobs

NOWHERE = bigquery.Client(
    "co", credentials=AnonymousCredentials(), client_options={"api_endpoint": "http://127.0.0.1:9"}
)


def test_after_a_stop_no_thread_returns() -> None:
    jobs = RunningJobs(NOWHERE, lambda: None)
    sent, stopped = threading.Event(), threading.Event()
    came_back: list[str] = []

    def job(name: str) -> None:
        with jobs.track(name):
            sent.set()
            stopped.wait()
        came_back.append(name)

    with jobs.track("early"):
        pass
    threads = [threading.Thread(target=job, args=(name,), daemon=True) for name in ("running", "late")]
    threads[0].start()
    sent.wait()
    cancelled = jobs.cancel(0.2)
    stopped.set()
    threads[1].start()
    for thread in threads:
        thread.join(0.2)

    assert (cancelled.ended, cancelled.unknown) == ((), ("running",))
    assert "running" in cancelled.summary()
    assert came_back == []
