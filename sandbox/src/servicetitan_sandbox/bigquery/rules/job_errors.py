"""The errors with which jobs fail: the HTTP statuses of their reasons, and the errors that a test asks for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

import orjson
from local_bigquery import errors
from local_bigquery.errors import BigQueryError

from servicetitan_sandbox.bigquery.conditions import conditions_of
from servicetitan_sandbox.models import JobFault, JobHold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from local_bigquery.models import Job

C = TypeVar("C", JobFault, JobHold)

_STATUSES = {
    "backendError": (503, "UNAVAILABLE"),
    "billingNotEnabled": (403, "PERMISSION_DENIED"),
    "bytesBilledLimitExceeded": (500, "INTERNAL"),
    "internalError": (500, "INTERNAL"),
    "jobBackendError": (400, "INVALID_ARGUMENT"),
    "jobInternalError": (400, "INVALID_ARGUMENT"),
    "jobRateLimitExceeded": (400, "INVALID_ARGUMENT"),
    "quotaExceeded": (403, "PERMISSION_DENIED"),
    "rateLimitExceeded": (403, "PERMISSION_DENIED"),
    "resourcesExceeded": (400, "INVALID_ARGUMENT"),
    "stopped": (499, "CANCELLED"),
}
"""HTTP status by reason (https://cloud.google.com/bigquery/docs/error-messages).

Two are not as documented: live jobs that were stopped have answered 499, and those that were too expensive 500.
"""

_MESSAGES = {
    "accessDenied": "Access Denied: the job was refused",
    "backendError": "Error encountered during execution. Retrying may solve the problem.",
    "billingNotEnabled": "Billing has not been enabled for this project.",
    "internalError": "An internal error occurred and the request could not be completed.",
    "jobRateLimitExceeded": "Exceeded rate limits: too many table update operations for this table.",
    "notFound": "Not found: the job names something that does not exist",
    "quotaExceeded": "Quota exceeded: Your project exceeded a quota.",
    "rateLimitExceeded": "Exceeded rate limits: too many concurrent queries for this project",
    "resourcesExceeded": "Resources exceeded during query execution.",
}
_OTHER_MESSAGE = "The job failed because a test wants it to."

_lock = threading.Lock()
_used: dict[int, tuple[JobFault | JobHold, int]] = {}
"""The conditions that were used, each with how often, by their ids. Equal ones of two projects count for themselves."""


def install() -> None:
    """Add the statuses of the reasons that the emulator does not know."""
    errors.STATUSES.update(_STATUSES)


def planned_error(job: Job, target: str) -> BigQueryError | None:
    """Return the error that a test has planned for a job, if any, and count it.

    Args:
        job: The job.
        target: The table that its statement changes, for the text of the error.
    """
    fault = _first(conditions_of(job.jobReference.projectId).failing_jobs, job)
    if fault is None:
        return None
    if fault.reason == "concurrentUpdate":
        return serialization_error(target)
    return BigQueryError(fault.reason, fault.message or _MESSAGES.get(fault.reason, _OTHER_MESSAGE))


def planned_hold(job: Job) -> float:
    """Return for how many seconds a test holds a job, and count it. 0 for not at all."""
    hold = _first(conditions_of(job.jobReference.projectId).held_jobs, job)
    return 0.0 if hold is None else hold.seconds


def serialization_error(table: str) -> BigQueryError:
    """Return the error of a statement that lost against another one on the same table. It passes by itself."""
    return BigQueryError("invalidQuery", f"Could not serialize access to table {table} due to concurrent update")


def stopped_error(why: str) -> BigQueryError:
    """Return the error of a job that was stopped."""
    return BigQueryError("stopped", f"Job execution was cancelled: {why}")


def _first(planned: Iterable[C], job: Job) -> C | None:
    if not planned:
        return None
    given = job.configuration.dump()
    text = f"{job.jobReference.jobId}\n{orjson.dumps(given).decode()}\n{given.get('query', {}).get('query', '')}"
    with _lock:
        for condition in planned:
            fits = (condition.kind is None or condition.kind in given) and condition.text in text
            _, used = _used.get(id(condition), (condition, 0))
            if fits and used < condition.times:
                # With the condition itself: otherwise a later one could get its id, and its count.
                _used[id(condition)] = condition, used + 1
                return condition
    return None
