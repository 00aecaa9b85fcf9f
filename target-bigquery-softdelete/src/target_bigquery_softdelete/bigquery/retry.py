"""Which BigQuery errors are transient, and for how long calls and jobs are retried."""

from __future__ import annotations

import json
import logging
import random
import time
from dataclasses import dataclass
from typing import Literal

import requests
from google.api_core import exceptions
from google.api_core.retry import Retry
from google.auth.exceptions import TransportError

logger = logging.getLogger(__name__)

Verdict = Literal["permanent", "transient", "contention"]
"""Whether the failure of a job passes by itself: never; soon; or once others have ended who change the same table."""

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

_PERMANENT_REASONS = frozenset({"bytesBilledLimitExceeded", "stopped"})
"""Reasons that come with a status of the server's faults, 500 and 499, and do not pass."""

_NO_CONNECTION = (requests.ConnectionError, ConnectionError, TransportError)
"""Nobody has answered at all."""

_TRANSIENT_ERRORS = (
    *_NO_CONNECTION,
    exceptions.TooManyRequests,
    exceptions.InternalServerError,
    exceptions.BadGateway,
    exceptions.ServiceUnavailable,
    exceptions.GatewayTimeout,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
    json.JSONDecodeError,  # a gateway answered with a page of its own
    requests.exceptions.JSONDecodeError,  # the same, which is another class where simplejson is installed
)


def is_transient(error: BaseException) -> bool:
    """Return whether the same call may well succeed when it is made again."""
    reasons = {str(item.get("reason")) for item in getattr(error, "errors", ()) if isinstance(item, dict)}
    if reasons & _PERMANENT_REASONS:
        return False
    return isinstance(error, _TRANSIENT_ERRORS) or bool(reasons & TRANSIENT_REASONS)


def may_have_arrived(error: BaseException) -> bool:
    """Return whether BigQuery may be doing what a request asked for, although the request has failed for good."""
    return isinstance(error, exceptions.RetryError) or is_transient(error)


@dataclass(frozen=True)
class RetryPolicy:
    """How long the target waits for BigQuery, and how often it retries. Tests wait less."""

    first_delay_seconds: float = 1.0
    longest_delay_seconds: float = 30.0
    deadline_seconds: float = 600.0
    """For one call with all its retries."""
    contact_seconds: float = 60.0
    """For a connection, as long as BigQuery has not answered at all."""
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
    contention_tries: int = 8
    """How often a job is run that fails because others change the same table."""
    longest_contention_seconds: float = 16.0
    """For the pause before such a job is run again."""
    first_poll_seconds: float = 0.1
    """How long to wait before the first look at a job that nothing else waits for."""
    longest_poll_seconds: float = 0.4
    """For the later ones, which grow to this."""
    stop_seconds: float = 30.0
    """How long BigQuery may take to stop a job, by itself or when it is asked to."""

    def pause_before_next_job(self, verdict: Verdict, attempt: int) -> float | None:
        """Return how long to wait before a job that failed is run again; None if it is not.

        Args:
            verdict: Whether the failure passes by itself.
            attempt: How often it has run.
        """
        longest = self.first_delay_seconds * 2**attempt
        if verdict == "contention" and attempt < self.contention_tries:
            # Not at once: whoever else failed at the same moment comes again, too.
            return random.uniform(self.first_delay_seconds, min(longest, self.longest_contention_seconds))  # noqa: S311
        if verdict == "transient" and attempt < self.job_tries:
            return random.uniform(0, longest)  # noqa: S311 - jitter
        return None

    def jittered_delay(self, attempt: int) -> float:
        """Return how long to wait before a call is made again: exponential, with full jitter.

        Args:
            attempt: How often it was made.
        """
        return random.uniform(0, min(self.first_delay_seconds * 2**attempt, self.longest_delay_seconds))  # noqa: S311

    def retry(self) -> Retry:
        """Return the retry of a call: exponential back-off with full jitter."""
        return self._retry(_RetryNotice(self.deadline_seconds))

    def first_contact(self) -> Retry:
        """Return the retry of the first calls of a run, from now on.

        Without a connection they give up early: an address that is wrong stays wrong, and nothing is lost yet.
        """
        # A pause is short beside that time, and none begins that would last longer.
        longest = min(self.longest_delay_seconds, self.contact_seconds / 12)
        ends = time.monotonic() + self.contact_seconds - longest
        notice = _RetryNotice(self.deadline_seconds, self.contact_seconds)
        return self._retry(notice, longest).with_predicate(
            lambda error: is_transient(error) and (time.monotonic() < ends or not isinstance(error, _NO_CONNECTION))
        )

    def _retry(self, notice: _RetryNotice, longest: float | None = None) -> Retry:
        return Retry(
            predicate=is_transient,
            initial=min(self.first_delay_seconds, longest or self.first_delay_seconds),
            maximum=longest or self.longest_delay_seconds,
            timeout=self.deadline_seconds,
            on_error=notice,
        )


class _RetryNotice:
    """Logs that calls are being retried: at once, then twice a minute at most, however many calls of a run wait."""

    _PAUSE_SECONDS = 30.0

    def __init__(self, deadline_seconds: float, contact_seconds: float | None = None) -> None:
        self._deadline_seconds = deadline_seconds
        self._contact_seconds = contact_seconds or deadline_seconds
        self._next = time.monotonic()

    def __call__(self, error: Exception) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._PAUSE_SECONDS
        # Not the error's text: it can have the address of an upload, which is a secret.
        problem = f"{type(error).__name__} {getattr(error, 'code', '') or ''}".strip()
        seconds = self._contact_seconds if isinstance(error, _NO_CONNECTION) else self._deadline_seconds
        logger.warning("BigQuery: %s; retrying the call for up to %.0f seconds", problem, seconds)
