"""A statement that would be billed for more than `maximumBytesBilled` is refused, at no cost.

https://cloud.google.com/bigquery/docs/best-practices-costs#restrict-bytes-billed
"""

from __future__ import annotations

from local_bigquery.errors import BigQueryError


def check(limit: str | None, billed: int) -> None:
    """Check that a statement keeps to its limit.

    Args:
        limit: The `maximumBytesBilled` of its job.
        billed: The bytes that are billed for it.

    Raises:
        BigQueryError: If it does not.
    """
    if limit is not None and billed > int(limit):
        raise BigQueryError(
            "bytesBilledLimitExceeded",
            f"Query exceeded limit for bytes billed: {limit}. {billed} or higher required.",
        )
