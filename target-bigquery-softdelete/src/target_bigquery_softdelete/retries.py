"""Which BigQuery errors pass by themselves, and how often they are tried again."""

from __future__ import annotations

import json

import requests
from google.api_core import exceptions
from google.api_core.retry import Retry
from google.auth.exceptions import TransportError

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
"""Reasons of failed calls and jobs that are worth another try
(https://cloud.google.com/bigquery/docs/error-messages)."""

FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 30.0
DEADLINE_SECONDS = 600.0

_TRANSIENT_ERRORS = (
    exceptions.TooManyRequests,
    exceptions.InternalServerError,
    exceptions.BadGateway,
    exceptions.ServiceUnavailable,
    exceptions.GatewayTimeout,
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    TransportError,
    json.JSONDecodeError,  # a gateway answered with a page of its own
)


def is_transient(error: BaseException) -> bool:
    """Return whether the same call may well succeed when it is made again."""
    reasons = {str(item.get("reason")) for item in getattr(error, "errors", ()) if isinstance(item, dict)}
    return isinstance(error, _TRANSIENT_ERRORS) or bool(reasons & TRANSIENT_REASONS)


RETRY = Retry(
    predicate=is_transient,
    initial=FIRST_DELAY_SECONDS,
    maximum=LONGEST_DELAY_SECONDS,
    timeout=DEADLINE_SECONDS,
)
"""Exponential back-off with full jitter."""
