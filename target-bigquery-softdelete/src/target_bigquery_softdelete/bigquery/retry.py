"""Which BigQuery errors are transient, and for how long calls and jobs are retried."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass

import requests
from google.api_core import exceptions
from google.api_core.retry import Retry
from google.auth.exceptions import TransportError

logger = logging.getLogger(__name__)

TRANSIENT_REASONS = frozenset(
    {
        "backendError",
        "internalError",
        "jobBackendError",
        "jobInternalError",
        "jobRateLimitExceeded",
        "rateLimitExceeded",
    }
)
"""Reasons for which a failed call or job is retried
(https://cloud.google.com/bigquery/docs/error-messages)."""

_TRANSIENT_ERRORS = (
    exceptions.TooManyRequests,
    exceptions.InternalServerError,
    exceptions.BadGateway,
    exceptions.ServiceUnavailable,
    exceptions.GatewayTimeout,
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
    ConnectionError,
    TransportError,
    json.JSONDecodeError,  # a gateway answered with a page of its own
)


def is_transient(error: BaseException) -> bool:
    """Return whether the same call may well succeed when it is made again."""
    reasons = {str(item.get("reason")) for item in getattr(error, "errors", ()) if isinstance(item, dict)}
    return isinstance(error, _TRANSIENT_ERRORS) or bool(reasons & TRANSIENT_REASONS)


@dataclass(frozen=True)
class RetryPolicy:
    """How long the target waits for BigQuery, and how often it retries. Tests wait less."""

    first_delay_seconds: float = 1.0
    longest_delay_seconds: float = 30.0
    deadline_seconds: float = 600.0
    """For one call with all its retries."""
    call_seconds: float = 60.0
    """For one answer."""
    upload_seconds: float = 300.0
    """For the answer to one part of a file."""
    upload_retries: int = 6
    """Retries of one part of a file, before the whole file is sent again."""
    job_seconds: float = 3600.0
    """For one job."""
    job_tries: int = 3
    """How often a job is run that fails for a transient reason."""

    def retry(self) -> Retry:
        """Return the retry of a call: exponential back-off with full jitter."""
        return Retry(
            predicate=is_transient,
            initial=self.first_delay_seconds,
            maximum=self.longest_delay_seconds,
            timeout=self.deadline_seconds,
            on_error=_RetryNotice(self.deadline_seconds),
        )


class _RetryNotice:
    """Logs that calls are being retried: at once, then twice a minute at most, however many calls of a run wait."""

    _PAUSE_SECONDS = 30.0

    def __init__(self, deadline_seconds: float) -> None:
        self._deadline_seconds = deadline_seconds
        self._next = time.monotonic()

    def __call__(self, error: Exception) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._PAUSE_SECONDS
        # Not the error's text: it can have the address of an upload, which is a secret.
        problem = f"{type(error).__name__} {getattr(error, 'code', '') or ''}".strip()
        logger.warning("BigQuery: %s; retrying the call for up to %.0f seconds", problem, self._deadline_seconds)
