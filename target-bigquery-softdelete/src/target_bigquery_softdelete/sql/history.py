"""Statements about a history: does it lack versions, and how was its table at a time? Pure: they are texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_bigquery_softdelete.schema.system_columns import OPERATION, SYNCED, VALID_FROM, VALID_TO
from target_bigquery_softdelete.sql.identifiers import TableId, quote_column
from target_bigquery_softdelete.sql.source import filter_nothing, indent

if TYPE_CHECKING:
    from collections.abc import Sequence

UNVERSIONED = "unversioned"
"""The column that tells how many versions a history lacks."""


AS_OF_DESCRIPTION = "The live rows as they were at a time, written by target-bigquery-softdelete"
"""Description of the functions that show a table as it was. It tells them from functions that others made."""

AS_OF = "_etl_as_of"
"""Argument of those functions: the time. No column of a stream has such a name, which would hide it."""


def as_of_function(function: TableId, history: TableId, columns: Sequence[str]) -> str:
    """Return the statement that creates or replaces the function that shows a table as it was at a time.

    Args:
        function: The function.
        history: The history.
        columns: The columns that it shows.
    """
    names = ",\n".join(f"  {quote_column(name)}" for name in columns)
    return (
        f"CREATE OR REPLACE TABLE FUNCTION {function.quoted}({AS_OF} TIMESTAMP)\n"
        f"OPTIONS (description = '{AS_OF_DESCRIPTION}')\n"
        f"AS\nSELECT\n{names}\n"
        f"FROM {history.quoted}\n"
        f"WHERE {quote_column(VALID_FROM)} <= {AS_OF} AND IFNULL({quote_column(VALID_TO)} > {AS_OF}, TRUE)\n"
        f"  AND {quote_column(OPERATION)} != 'DELETE'"
    )


def with_unversioned(query: str, history: TableId, target: TableId, *, key: Sequence[str], partition: str = "") -> str:
    """Return a query with one more column `unversioned` INT64: rows of a table whose version its history lacks.

    As a part of another query it needs no job of its own.

    Args:
        query: The query.
        history: The history.
        target: The table.
        key: Columns of the key.
        partition: The column that the table requires in the filter of every statement, if it requires one.
    """
    row, version = "_etl_row", "_etl_version"
    same = " AND ".join(f"{row}.{quote_column(name)} = {version}.{quote_column(name)}" for name in key)
    synced = f"{row}.{quote_column(SYNCED)}"
    # A row that no merge of ours has written yet has no time, and no version.
    differs = f"{synced} IS NOT NULL AND {version}.{quote_column(VALID_FROM)} IS DISTINCT FROM {synced}"
    return "\n".join(
        [
            "SELECT",
            "  *,",
            "  (",
            "    SELECT COUNT(*)",
            f"    FROM {target.quoted} AS {row}",
            f"    LEFT JOIN {history.quoted} AS {version}",
            f"    ON {same} AND {version}.{quote_column(VALID_TO)} IS NULL",
            f"    WHERE {differs}{filter_nothing(' AND ', partition, of=row)}",
            f"  ) AS {UNVERSIONED}",
            "FROM (",
            indent(query),
            ")",
        ]
    )
