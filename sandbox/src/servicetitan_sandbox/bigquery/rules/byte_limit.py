"""A statement that would be billed for more than `maximumBytesBilled` is refused, at no cost.

https://cloud.google.com/bigquery/docs/best-practices-costs#restrict-bytes-billed. What counts here is the least that is
billed: 10 MB for each table that a statement names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import query
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_bigquery.models import JobStatistics2

LEAST_BYTES_OF_TABLE = 10 << 20


def install() -> None:
    """Check each statement before it is run."""
    query._statement = _checked(query._statement)  # noqa: SLF001 - there is no other way in


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


def _checked(run: Callable[..., JobStatistics2]) -> Callable[..., JobStatistics2]:
    # The parameters are those of the emulator's own function.
    def check_and_run(cur, tree, context, destination, config, dry_run, isolated):  # type: ignore[no-untyped-def] # noqa: ANN001,ANN202,PLR0913,PLR0917
        if config.maximumBytesBilled and not dry_run and not isinstance(tree, query.DDL):
            tables = {table.sql() for table in tree.find_all(exp.Table) if table.db}
            check(config.maximumBytesBilled, len(tables) * LEAST_BYTES_OF_TABLE)
        return run(cur, tree, context, destination, config, dry_run, isolated)

    return check_and_run
