"""Whether a job that failed may well succeed when it is run again. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.api_core import exceptions

from target_bigquery_softdelete.bigquery.retry import TRANSIENT_REASONS, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CONTENTION = (
    "Could not serialize access to table",
    "Transaction is aborted due to concurrent update",
    "Too many DML statements outstanding against table",
    "too many table update operations for this table",
)
"""Texts of failures by others at the same table. Their reasons say less: that of the first is `invalidQuery`
(https://cloud.google.com/bigquery/docs/reference/standard-sql/data-manipulation-language#dml-limitations,
https://cloud.google.com/bigquery/docs/troubleshoot-quotas)."""

_MOST_DETAILS = 3


class JobFailedError(exceptions.GoogleAPIError):
    """A job has ended and failed: it has changed nothing."""

    def __init__(self, job_id: str, location: str | None, error: Mapping[str, str], details: Sequence[str]) -> None:
        """Take what BigQuery says of the job.

        Args:
            job_id: Its id.
            location: Where it ran, if that is known.
            error: Its `errorResult`.
            details: Further texts, such as the row that a load job could not read.
        """
        place = f" in {location}" if location else ""
        self.message = f"{'; '.join([error.get('message', 'no reason given'), *details])} (job {job_id}{place})"
        super().__init__(self.message)
        self.verdict = verdict(error)
        self.reason = error.get("reason", "unknown")


class JobLostError(exceptions.GoogleAPIError):
    """BigQuery accepted a job and no longer knows it. The job is sent again with the same id."""


class JobTimeError(exceptions.GoogleAPIError):
    """A job runs longer than it may."""

    def __init__(self, job_id: str, seconds: float) -> None:
        """Name the job.

        Args:
            job_id: Its id.
            seconds: How long it may run.
        """
        self.message = f"the job {job_id} ran longer than {seconds:.0f} seconds, and was told to stop"
        super().__init__(self.message)


def verdict(error: Mapping[str, str]) -> Verdict:
    """Return whether a failure passes by itself.

    Args:
        error: The `errorResult` of a job, or an item of an answer's `errors`.
    """
    message = error.get("message", "")
    if any(text in message for text in _CONTENTION):
        return "contention"
    return "transient" if error.get("reason") in TRANSIENT_REASONS else "permanent"


def failure_of(
    job_id: str, location: str | None, error: Mapping[str, str], errors: Sequence[Mapping[str, str]]
) -> JobFailedError:
    """Return the error of a job that failed.

    Args:
        job_id: Its id.
        location: Where it ran, if that is known.
        error: Its `errorResult`.
        errors: Its `errors`, which repeat that and may say more.
    """
    said = error.get("message", "")
    more = [text for each in errors if (text := each.get("message", "")) and text not in said]
    return JobFailedError(job_id, location, error, list(dict.fromkeys(more))[:_MOST_DETAILS])
