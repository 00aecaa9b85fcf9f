"""What every job of a run has: its labels, its longest time, and what the administrators of a project ask for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from google.cloud import bigquery

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_bigquery_softdelete.bigquery.retry import RetryPolicy
    from target_bigquery_softdelete.config.settings import Settings

C = TypeVar("C", bigquery.LoadJobConfig, bigquery.CopyJobConfig, bigquery.QueryJobConfig)

_READS = re.compile(r"\s*(?:--[^\n]*\n\s*)*(?:SELECT|WITH)\b", re.IGNORECASE)


def encryption(settings: Settings) -> bigquery.EncryptionConfiguration | None:
    """Return how new tables are encrypted; None for Google's own keys."""
    if not settings.kms_key_name:
        return None
    return bigquery.EncryptionConfiguration(kms_key_name=settings.kms_key_name)


@dataclass(frozen=True)
class JobOptions:
    """The options of the jobs of one run."""

    settings: Settings
    retry_policy: RetryPolicy
    labels: Callable[[], Mapping[str, str]]
    """Returns the labels of every job: that of the tenant is known only when the first stream begins."""

    def add_to(self, config: C) -> C:
        """Add them to the configuration of a load or copy job, and return it."""
        self._add_common(config)
        if key := encryption(self.settings):
            config.destination_encryption_configuration = key
        return config

    def add_to_query(self, sql: str, config: bigquery.QueryJobConfig) -> bigquery.QueryJobConfig:
        """Add them to the configuration of a statement, and return it.

        Args:
            sql: The statement. Only the result of a SELECT is a table of its own, which has a key.
            config: Its configuration.
        """
        self._add_common(config)
        if self.settings.maximum_bytes_billed:
            config.maximum_bytes_billed = self.settings.maximum_bytes_billed
        key = encryption(self.settings)
        if key and _READS.match(sql):
            config.destination_encryption_configuration = key
        return config

    @property
    def fit_short_queries(self) -> bool:
        """Whether `jobs.query` can say all of them: it knows no key for its result."""
        return not self.settings.kms_key_name

    def of_short_query(self, location: str | None) -> dict[str, object]:
        """Return them as a request of `jobs.query` says them.

        Args:
            location: Where the query runs. None for where BigQuery finds the tables.
        """
        settings = self.settings
        return {
            "labels": dict(self.labels()),
            "jobTimeoutMs": str(round(self.retry_policy.job_seconds * 1000)),
            **({"location": location} if location else {}),
            **({"maximumBytesBilled": str(settings.maximum_bytes_billed)} if settings.maximum_bytes_billed else {}),
            **({"reservation": settings.reservation} if settings.reservation else {}),
        }

    def _add_common(self, config: bigquery.LoadJobConfig | bigquery.CopyJobConfig | bigquery.QueryJobConfig) -> None:
        config.labels = dict(self.labels())
        # BigQuery itself stops a job that this run no longer waits for.
        config.job_timeout_ms = round(self.retry_policy.job_seconds * 1000)
        if self.settings.reservation:
            config.reservation = self.settings.reservation
