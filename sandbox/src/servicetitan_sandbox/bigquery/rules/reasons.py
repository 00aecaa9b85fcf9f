"""The reasons for which BigQuery refuses what the emulator accepts. `job_errors` knows the HTTP status of each.

https://cloud.google.com/bigquery/docs/error-messages
"""

from __future__ import annotations

BILLING_NOT_ENABLED = "billingNotEnabled"
QUOTA_EXCEEDED = "quotaExceeded"
RATE_LIMIT_EXCEEDED = "rateLimitExceeded"
