"""The reasons for which BigQuery refuses what the emulator accepts, and the HTTP status of each.

https://cloud.google.com/bigquery/docs/error-messages
"""

from __future__ import annotations

from local_bigquery import errors

BILLING_NOT_ENABLED = "billingNotEnabled"
QUOTA_EXCEEDED = "quotaExceeded"
RATE_LIMIT_EXCEEDED = "rateLimitExceeded"


def install() -> None:
    """Let the emulator answer with these reasons."""
    refused = (403, "PERMISSION_DENIED")
    errors.STATUSES.update(dict.fromkeys((BILLING_NOT_ENABLED, QUOTA_EXCEEDED, RATE_LIMIT_EXCEEDED), refused))
