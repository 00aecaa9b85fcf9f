"""A request of `jobs.query` that comes again, with the same `requestId`, does nothing again.

The rules are those of `QueryRequest.requestId` in https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query:

- The same request within 15 minutes is answered with the job of the first one: its result if it has ended within the
  timeout, otherwise `jobComplete: false` and the reference to it.
- What does not affect the result is not compared: how long to wait, how many rows to answer, in which form.
- Another request with the same id is a request of its own, and so is a dry run.
- An id has at most 36 ASCII characters, and is not the id of the job.

What BigQuery answers when the first job has failed is not documented. Here that is the error of that job: the harder
one of the possible answers, because nothing is tried again.
"""

from __future__ import annotations

import functools
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from local_bigquery.api import jobs as jobs_api
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import runner, store

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_bigquery.models import Job, JobConfiguration, QueryRequest

LIFETIME_SECONDS = 15 * 60
"""On the wall, whatever the pace: it is a guarantee to a client, no limit."""
MOST_CHARACTERS = 36

_ONLY_OF_ANSWER = ("formatOptions", "kind", "maxResults", "requestId", "timeoutMs")
_NOT_OF_QUERY = ("kind", "location", "maxResults", "requestId")
"""Fields of the request that the emulator puts into `configuration.query`, where they are unknown."""


class _Request(NamedTuple):
    body: bytes
    job_id: str
    expires: float


class RequestIds:
    """The jobs of requests, by the ids of the requests.

    Args:
        clock: Returns the present time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, str], _Request] = {}

    def job_of(self, project: str, request_id: str, body: bytes) -> str:
        """Return the id of the job of a request: that of an equal one before it, or a new one.

        Args:
            project: The project.
            request_id: The id that the client gave it.
            body: What of it affects the result.
        """
        with self._lock:
            known = self._requests.get((project, request_id))
            if known is None or known.body != body or known.expires <= self._clock():
                known = _Request(body, _new_job_id(), self._clock() + LIFETIME_SECONDS)
                self._requests[project, request_id] = known
            return known.job_id


_ids = RequestIds()
_submitting = threading.Lock()


def install() -> None:
    """Give each request its own job, and each job to one request only. Before the API's function is wrapped."""
    jobs_api.run_query = _with_own_job(jobs_api.run_query)
    runner.submit = _once(runner.submit)


def _new_job_id() -> str:
    return f"job_{uuid.uuid4().hex}"


class _Present(threading.local):
    job_id = ""
    """The job of the `jobs.query` that this thread handles."""


_present = _Present()


def _with_own_job(run_query: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(run_query)
    def run_query_once(project_id: str, body: QueryRequest) -> Any:  # noqa: ANN401 - a response
        job_id = _job_id(project_id, body)
        _present.job_id = job_id
        try:
            return run_query(project_id, body.model_copy(update={"requestId": job_id}))  # it becomes the job's id
        finally:
            _present.job_id = ""

    return run_query_once


def _job_id(project: str, body: QueryRequest) -> str:
    request_id = body.requestId
    if not request_id or body.dryRun:
        return _new_job_id()
    if len(request_id) > MOST_CHARACTERS or not request_id.isascii():
        raise BigQueryError("invalid", f"Invalid request ID: it must have at most {MOST_CHARACTERS} ASCII characters.")
    given = {name: value for name, value in body.given().items() if name not in _ONLY_OF_ANSWER}
    return _ids.job_of(project, request_id, orjson.dumps(given, option=orjson.OPT_SORT_KEYS))


def _once(submit: Callable[..., Job]) -> Callable[..., Job]:
    """Wrap the emulator's function that begins a job, so that a repeated request finds the job that it has begun."""

    @functools.wraps(submit)
    def submit_once(project: str, job_id: str, configuration: JobConfiguration, upload: str | None = None) -> Job:
        if job_id != _present.job_id:
            return submit(project, job_id, configuration, upload)
        configuration = _tidy(configuration)
        if configuration.dryRun:
            return submit(project, job_id, configuration, upload)
        with _submitting:
            return store.load(project, job_id) or submit(project, job_id, configuration, upload)

    return submit_once


def _tidy(configuration: JobConfiguration) -> JobConfiguration:
    """Return the configuration of a query, each field where `jobs.get` shows it."""
    query = configuration.query.without(*_NOT_OF_QUERY, "reservation")
    reservation = configuration.query.dump().get("reservation")
    return configuration.replace(query=query, **({"reservation": reservation} if reservation else {}))
