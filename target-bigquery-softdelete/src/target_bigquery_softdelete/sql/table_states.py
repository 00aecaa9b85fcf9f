"""The states of tables: what changes whenever anybody writes into one. Pure functions that return text.

The state of a table is the time of its last change, the number of its rows and their size, and the same of its history,
if it has one. They come from `__TABLES__`, the list of the tables of a dataset, which costs one query for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_bigquery_softdelete.schema.naming import HISTORY_SUFFIX
from target_bigquery_softdelete.sql.identifiers import quote_column
from target_bigquery_softdelete.sql.inline import ROWS_FROM, unpack
from target_bigquery_softdelete.sql.source import indent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_bigquery_softdelete.schema.columns import Column
    from target_bigquery_softdelete.sql.identifiers import TableId

EXPECTED_ROWS, TOUCHED_MS, ALL_TOUCHED_MS = ADDED_COLUMNS = ("expected_rows", "touched_ms", "all_touched_ms")
"""Of a log row whose table this run has changed: how many rows the table must have, when it was last touched, and when
it or its history was, in milliseconds since 1970. If one of these is not so, somebody else has written."""


def table_states(a_table: TableId) -> str:
    """Return the query for the states of the tables of a dataset.

    Its columns are `table_name` STRING, the full name; `table_state` STRING; `modified` and `history_modified` INT64,
    the times of the last changes in milliseconds since 1970, 0 for a history that there is not; and `table_rows` INT64.

    Args:
        a_table: Any name of a table in the dataset. The table need not exist.
    """
    dataset = f"{a_table.project}.{a_table.dataset}"
    own, history = (
        f"FORMAT('%d/%d/%d', {alias}.last_modified_time, {alias}.row_count, {alias}.size_bytes)"
        for alias in ("_etl_t", "_etl_h")
    )
    return "\n".join(
        [
            "SELECT",
            "  CONCAT(_etl_t.project_id, '.', _etl_t.dataset_id, '.', _etl_t.table_id) AS table_name,",
            f"  CONCAT({own}, IFNULL(CONCAT(' ', {history}), '')) AS table_state,",
            "  _etl_t.last_modified_time AS modified,",
            "  IFNULL(_etl_h.last_modified_time, 0) AS history_modified,",
            "  _etl_t.row_count AS table_rows",
            f"FROM `{dataset}.__TABLES__` AS _etl_t",
            f"LEFT JOIN `{dataset}.__TABLES__` AS _etl_h",
            f"ON _etl_h.table_id = CONCAT(_etl_t.table_id, '{HISTORY_SUFFIX}')",
        ]
    )


def known_fingerprints(a_table: TableId, log: TableId, log_columns: Sequence[str]) -> str:
    """Return the query for the fingerprints of the snapshots that tables are equal to, by the log.

    Its columns are `table_name`, `table_state` and `fingerprint`: that which the last run with the table has noted, if
    the table still is in the state in which that run left it. It fails if the log lacks a column.

    Parameter: `since` TIMESTAMP.

    Args:
        a_table: Any name of a table in the dataset of the tables.
        log: The audit log.
        log_columns: The columns that it must have.
    """
    names = ", ".join(map(quote_column, log_columns))
    return "\n".join(
        [
            "SELECT",
            "  _etl_n.table_name,",
            "  _etl_n.table_state,",
            "  _etl_l.fingerprint",
            "FROM (",
            indent(table_states(a_table)),
            ") AS _etl_n",
            "LEFT JOIN (",
            f"  SELECT {names}",
            f"  FROM {log.quoted}",
            "  WHERE started >= @since AND NOT STARTS_WITH(IFNULL(status, ''), 'dry_run')",
            "  QUALIFY ROW_NUMBER() OVER (PARTITION BY table_name ORDER BY started DESC) = 1",
            ") AS _etl_l",
            "ON _etl_l.table_name = _etl_n.table_name AND _etl_l.table_state = _etl_n.table_state",
        ]
    )


def log_rows(columns: Sequence[Column]) -> str:
    """Return the query for rows of a log in the parameter `rows`.

    Args:
        columns: The columns of the log.
    """
    return "\n".join(["SELECT", ",\n".join(f"  {each}" for each in unpack(columns)), ROWS_FROM])


def log_rows_with_states(columns: Sequence[Column], a_table: TableId) -> str:
    """Return the query for rows of the audit log, with the states of tables that this run has changed.

    A row that has no `table_state` gets that of its table, if the table has `expected_rows` and was not changed after
    `touched_ms`, nor its history after `all_touched_ms`. If it is otherwise, the row loses its fingerprint: the table
    may not be as the run has left it.

    Args:
        columns: The columns of the log, and those three.
        a_table: Any name of a table in the dataset of the tables.
    """
    kept = (
        f"_etl_r.table_state IS NOT NULL OR IFNULL(_etl_n.table_rows = _etl_r.{EXPECTED_ROWS} "
        f"AND _etl_n.modified <= _etl_r.{TOUCHED_MS} AND _etl_n.history_modified <= _etl_r.{ALL_TOUCHED_MS}, FALSE)"
    )
    return "\n".join(
        [
            "SELECT",
            f"  _etl_r.* EXCEPT ({', '.join(ADDED_COLUMNS)}) REPLACE (",
            f"    IF({kept}, _etl_r.fingerprint, NULL) AS fingerprint,",
            f"    IF({kept}, IFNULL(_etl_r.table_state, _etl_n.table_state), NULL) AS table_state",
            "  )",
            "FROM (",
            indent(log_rows(columns)),
            ") AS _etl_r",
            "LEFT JOIN (",
            indent(table_states(a_table)),
            ") AS _etl_n",
            "ON _etl_n.table_name = _etl_r.table_name",
        ]
    )
