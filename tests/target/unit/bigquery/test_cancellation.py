"""After a run is stopped, no job starts, and no thread receives the result of its job."""

from __future__ import annotations

import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, override

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from support.http_server import LocalServer
from target_bigquery_softdelete.bigquery import cancellation
from target_bigquery_softdelete.bigquery.cancellation import RunningJobs

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@pytest.fixture
def forgetful() -> Iterator[bigquery.Client]:
    """A client of a server that knows no job."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        @override
        def log_message(self, *_: Any) -> None:
            pass

    server = LocalServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    options = {"api_endpoint": f"http://127.0.0.1:{server.server_port}"}
    with closing(bigquery.Client("co", credentials=AnonymousCredentials(), client_options=options)) as client:
        yield client
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("was_accepted", [True, False])
def test_a_job_that_bigquery_had_and_does_not_find_may_still_be_running(
    forgetful: bigquery.Client, monkeypatch: pytest.MonkeyPatch, *, was_accepted: bool
) -> None:
    monkeypatch.setattr(cancellation, "_POLL_SECONDS", 0.01)
    jobs = RunningJobs(forgetful, lambda: None)
    assert jobs.end("job", None, 0.3, was_accepted=was_accepted) != was_accepted
    assert jobs.left == ({"job"} if was_accepted else set())
