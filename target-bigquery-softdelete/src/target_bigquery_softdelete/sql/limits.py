"""How many columns a stream may have: BigQuery limits a table's columns and a statement's length. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.schema.columns import walk
from target_bigquery_softdelete.sql.merge import append, merge, preview_merge
from target_bigquery_softdelete.sql.source import Source

if TYPE_CHECKING:
    from target_bigquery_softdelete.schema.columns import TableColumns
    from target_bigquery_softdelete.sql.identifiers import TableId

LONGEST_STATEMENT = 1_024_000
"""Characters of a statement (https://cloud.google.com/bigquery/quotas#query_jobs)."""

SPARE_CHARACTERS = 100_000
"""Characters that the longest statement may have besides: the names of earlier staging tables, other types in the
table, and nested fields that only the table has."""

MOST_COLUMNS = 10_000
"""Columns of a table, nested ones included (https://cloud.google.com/bigquery/quotas#standard_tables)."""

_AUDIT_COLUMNS = 2


def check_limits(columns: TableColumns, table_id: TableId, stream: str) -> None:
    """Check that BigQuery takes a table with these columns, and the statements that write it.

    Args:
        columns: The columns of the stream.
        table_id: Its table.
        stream: Name of the stream.

    Raises:
        PluginError: If the stream has too many columns.
    """
    count = sum(1 for _ in walk(columns.columns))
    if count + _AUDIT_COLUMNS > MOST_COLUMNS:
        raise PluginError(
            f"{stream}: its schema makes {count:,} columns, nested ones included, and a BigQuery table has at most "
            f"{MOST_COLUMNS - _AUDIT_COLUMNS:,} besides ours. Leave properties out in the catalog."
        )
    length = _longest_statement(columns, table_id)
    most = LONGEST_STATEMENT - SPARE_CHARACTERS
    if length > most:
        fit = count * most * 99 // (length * 100)  # names differ, and a part of the statement is always there
        raise PluginError(
            f"{stream}: its {count:,} columns, nested ones included, make a statement of {length:,} characters, and "
            f"BigQuery takes {LONGEST_STATEMENT:,}: about {fit:,} such columns fit. Leave properties out in the "
            "catalog, or give them shorter names with a stream map."
        )


def _longest_statement(columns: TableColumns, table_id: TableId) -> int:
    source = Source(table_id, columns, {column.name: column for column in columns.columns}, (table_id,))
    if not columns.key:
        return len(append(table_id, source))
    statements = (
        merge(table_id, source, mark_missing_deleted=True, spare_taken=True),
        preview_merge(table_id, source, compare=True, spare_taken=True),
    )
    return max(map(len, statements))
