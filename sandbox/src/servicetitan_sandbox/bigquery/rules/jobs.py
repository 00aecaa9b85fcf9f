"""Jobs run as BigQuery's do: nobody waits for them, they end in their own time, and some are stopped or fail.

- `jobs.insert` answers at once. What has become of the job is to be asked for.
- A job that failed makes `jobs.getQueryResults` and `jobs.query` answer with an HTTP error; `jobs.get` answers 200 with
  `status.errorResult` (https://cloud.google.com/bigquery/docs/error-messages).
- A request to cancel a job is answered at once, too: the job may still be running then.
- `configuration.jobTimeoutMs` is obeyed. A job that is stopped has changed nothing.
- Tests can make jobs fail, or take longer (`rules.job_errors`).
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import duckdb
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import runner

from servicetitan_sandbox.bigquery.rules import dml_queue, encryption, job_errors, regions, traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local_bigquery.models import Job

_THREADS = 500
"""So many jobs may be running or waiting. A job that does nothing costs a thread and no more."""

_AT_WORK = threading.BoundedSemaphore(8)
"""Lets so many jobs work at the same time, as in the emulator."""

_INTERRUPT_SECONDS = 0.05


class _Course:
    """The way of one job to its end."""

    def __init__(self, job: Job, running: runner.Running) -> None:
        begun = time.monotonic()
        query = job.configuration.query
        self.job_id = job.jobReference.jobId
        self.table = query and dml_queue.changed_table(query.query or "", job.jobReference.projectId)
        self.error = _error_of(job, self.table or "")
        self.works_from = begun + job_errors.planned_hold(job)
        self.timed = traffic.start_job(job)
        self.ends_at = begun + max(0.0, self.timed.seconds_left)
        limit = job.configuration.jobTimeoutMs
        self.seconds_allowed = int(limit) / 1000 if limit else None
        self.deadline = begun + self.seconds_allowed if self.seconds_allowed else None
        self.running = running
        self.is_late = False
        self.stop = threading.Event()
        self.has_ended = threading.Event()

    @property
    def is_stopped(self) -> bool:
        """Whether it is to end, because somebody cancelled it or its time is over."""
        return self.stop.is_set() or self.running.cancelled

    def interrupt(self) -> None:
        """Stop what it does. What has only begun to be prepared is stopped when it is run."""
        self.stop.set()
        while not self.has_ended.wait(_INTERRUPT_SECONDS):
            if self.running.cursor:
                with contextlib.suppress(duckdb.Error):  # it has just ended
                    self.running.cursor.interrupt()

    def be_late(self) -> None:
        """Stop it, because its time is over."""
        self.is_late = True
        self.interrupt()

    def begin(self) -> None:
        """Wait until it begins its work.

        Raises:
            BigQueryError: If it is stopped before, or is to fail.
        """
        last = max(self.works_from, self.ends_at) if self.error else self.works_from
        if self.deadline and max(self.works_from, self.ends_at) > self.deadline:
            last = max(last, self.deadline)  # it cannot be done in its time
        if self.stop.wait(max(0.0, last - time.monotonic())) or self.is_stopped:
            self.fail_if_late()
            raise duckdb.InterruptException
        if self.deadline and last >= self.deadline:
            self.is_late = True
            self.fail_if_late()
        if self.error:
            raise self.error

    def fail_if_late(self) -> None:
        """Check that it is not its own time that has stopped it.

        Raises:
            BigQueryError: If it is.
        """
        if self.is_late:
            raise job_errors.stopped_error(f"Job timed out after {self.seconds_allowed:g} sec")


def _error_of(job: Job, table: str) -> BigQueryError | None:
    """Return why a job fails before it does anything, if it does."""
    place = regions.place_of_present_job()
    return (
        place.error
        or encryption.error_of_job(job.jobReference.projectId, job.configuration, place.location)
        or job_errors.planned_error(job, table)
    )


class _Present(threading.local):
    course: _Course


_present = _Present()
_courses: dict[tuple[str, str], _Course] = {}


def install() -> None:
    """Replace the emulator's functions that wait for jobs, and wrap those that run them."""
    job_errors.install()
    runner._executor = ThreadPoolExecutor(_THREADS, "job")  # noqa: SLF001 - there is no other way in
    runner.submit = _name_call(runner.submit)
    runner.submitted = _look_at_submitted
    runner.cancel = _cancel
    runner._execute = _in_turn(runner._execute)  # noqa: SLF001
    runner._query = _on_course(runner._query)  # noqa: SLF001
    runner._handle = _on_course(runner._handle)  # noqa: SLF001


def _name_call(submit: Callable[..., Job]) -> Callable[..., Job]:
    """Wrap the function that begins a job, so that the timeline says which call began which."""

    @functools.wraps(submit)
    def submit_and_name(project: str, job_id: str, *args: Any) -> Job:  # noqa: ANN401 - those of the emulator
        traffic.name_call(job_id)
        return submit(project, job_id, *args)

    return submit_and_name


def _look_at_submitted(project: str, job_id: str) -> Job:
    """Return a job as `jobs.insert` answers it: it has only begun, however quick the emulator was."""
    job = runner.get(project, job_id)
    known = job.statistics.dump()
    statistics = {name: known[name] for name in ("creationTime", "startTime") if name in known}
    return job.replace(status={"state": "RUNNING"}, statistics=statistics)


def _cancel(project: str, job_id: str) -> Job:
    job = runner.get(project, job_id)
    if running := runner._running.get((project, job_id)):  # noqa: SLF001
        running.cancelled = True
        if course := _courses.get((project, job_id)):
            threading.Thread(target=course.interrupt, daemon=True).start()
    return job


def _in_turn(execute: Callable[..., None]) -> Callable[..., None]:
    """Wrap the function that runs a job in a thread of its own."""

    @functools.wraps(execute)
    def run(job: Job, job_type: str, session: Any, running: runner.Running, upload: str | None) -> None:  # noqa: ANN401
        course = _present.course = _Course(job, running)
        key = (job.jobReference.projectId, job.jobReference.jobId)
        _courses[key] = course
        if running.cancelled:  # before anybody could find it there
            course.stop.set()
        timer = threading.Timer(course.deadline - time.monotonic(), course.be_late) if course.deadline else None
        if timer:
            timer.daemon = True
            timer.start()
        try:
            with _turn_of(course):
                execute(job, job_type, session, running, upload)
        finally:
            course.has_ended.set()
            if timer:
                timer.cancel()
            del _courses[key]

    return run


@contextlib.contextmanager
def _turn_of(course: _Course) -> Iterator[None]:
    """Wait for the turn of a job that changes rows, and keep it within the block."""
    with contextlib.ExitStack() as stack:
        if course.table:
            try:
                stack.enter_context(dml_queue.turn(course.table, lambda: course.is_stopped))
            except BigQueryError as error:
                course.error = error
        yield


def _on_course(work: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function that does the work of a job."""

    @functools.wraps(work)
    def run(job: Job, *args: Any) -> Any:  # noqa: ANN401 - those of the emulator
        course = _present.course
        try:
            course.begin()
        except BaseException:
            _remove_upload(args[-1])
            raise
        try:
            with course.timed.work(), _AT_WORK:
                result = work(job, *args)
        except Exception:
            course.fail_if_late()
            course.timed.end()
            raise
        course.timed.end()
        return result

    return run


def _remove_upload(argument: object) -> None:
    """Remove the file of a load job. The last argument names it; that of a query is something else."""
    if isinstance(argument, str):
        os.remove(argument)  # noqa: PTH107 - as the emulator does it
