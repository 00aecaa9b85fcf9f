"""The question whether a history lacks versions of the rows of its table. Pure functions that return text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_bigquery_softdelete.schema.system_columns import SYNCED, VALID_FROM, VALID_TO
from target_bigquery_softdelete.sql.identifiers import TableId, quote_column
from target_bigquery_softdelete.sql.source import filter_nothing, indent

if TYPE_CHECKING:
    from collections.abc import Sequence

UNVERSIONED = "unversioned"
"""The column that tells how many versions a history lacks."""


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
