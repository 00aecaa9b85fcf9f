"""The conditions by which BigQuery itself refuses a statement that comes too late. Pure functions that return text.

They name parameters that every statement with them needs, all of type TIMESTAMP: `lease_until`, until when this run may
write, or NULL without a limit; `began`, when it began to read; and `own_times`, an array of the times that it has
written. A condition that does not hold is an error: the statement fails, and has changed nothing.

GoogleSQL evaluates of an IF only the branch that it takes, so no row raises the error that would not be written:
https://cloud.google.com/bigquery/docs/reference/standard-sql/conditional_expressions#if.
"""

from __future__ import annotations

from target_bigquery_softdelete.schema.system_columns import SYNCED
from target_bigquery_softdelete.sql.identifiers import quote_column

LEASE_ENDED = "etl: the lease of this run has ended"
"""Text of the error if the statement begins too late. BigQuery's message contains it."""

WRITTEN_BY_ANOTHER_RUN = "etl: another run has written this row"
"""Text of the error if a row was written by another run since this one began to read."""

IN_TIME = f"IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('{LEASE_ENDED}'), TRUE)"
"""Condition that is true while this run may write, and an error afterwards."""

_SYNCED = quote_column(SYNCED, of="_etl_t")

_FOREIGN = (
    f"{_SYNCED} > @began AND {_SYNCED} NOT IN UNNEST(@own_times) "
    # No run writes a time that is far ahead. Somebody else did, and no run could ever change such a row.
    f"AND {_SYNCED} < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR)"
)


def if_ours(condition: str) -> str:
    """Return a condition on a row of the table that would be written: an error if this run must not write it.

    Args:
        condition: Whether the row would be written. The alias of the table is `_etl_t`.
    """
    return f"IF({condition}, {IN_TIME} AND IF({_FOREIGN}, ERROR('{WRITTEN_BY_ANOTHER_RUN}'), TRUE), FALSE)"
