"""Statements about tables beside the MERGE: adopt, widen, live view, history, rejects. Pure functions that return text.

Aliases: `_etl_t` is the target table, `_etl_h` its history, `_etl_c` its current versions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_bigquery_softdelete.schema.system_columns import DELETED_AT, IS_NEW, OPERATION, SYNCED, VALID_FROM, VALID_TO
from target_bigquery_softdelete.sql.guards import IN_TIME
from target_bigquery_softdelete.sql.identifiers import TableId, quote_column
from target_bigquery_softdelete.sql.source import IS_LIVE, OPERATION_SQL, SYNCED_SQL, filter_nothing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_bigquery_softdelete.schema.columns import Column

LIVE_VIEW_DESCRIPTION = "Rows that are not deleted, written by target-bigquery-softdelete"
"""Description of the views of live rows. It tells them from views that others made."""

FRESHNESS_DESCRIPTION = "The last run and the last complete one of each stream, written by target-bigquery-softdelete"
"""Beginning of the description of the view of the freshness."""

FRESHNESS_VERSION = f"{FRESHNESS_DESCRIPTION}, form 2"
"""Description of the view as this version writes it."""

FRESHNESS_LABELS = {"freshness_form": "2"}
"""The same as labels, which come with a list of tables."""


def adopt(target: TableId, *, has_deletion_times: bool = False, partition: str = "") -> str:
    """Return the UPDATE that fills the audit columns of rows that lack them.

    It needs the parameters of :mod:`~target_bigquery_softdelete.sql.guards`, and `synced` TIMESTAMP.

    Args:
        target: The table.
        has_deletion_times: Whether it has a column `_sdc_deleted_at`. A row with a time there is deleted.
        partition: The column that the table requires in the filter of every statement, if it requires one.
    """
    operation = "'INSERT'"
    if has_deletion_times:
        moment = f"SAFE_CAST({quote_column(DELETED_AT, of='_etl_t')} AS TIMESTAMP)"
        # The times that sources write for "no time", as in records.
        is_time = f"{moment} > TIMESTAMP '1970-01-01 00:00:00+00' AND {moment} < TIMESTAMP '9999-01-01 00:00:00+00'"
        operation = f"IF({is_time}, 'DELETE', 'INSERT')"
    return (
        f"UPDATE {target.quoted} AS _etl_t\n"
        f"SET {OPERATION_SQL} = IFNULL({OPERATION_SQL}, {operation}), {SYNCED_SQL} = IFNULL({SYNCED_SQL}, @synced)\n"
        f"WHERE ({OPERATION_SQL} IS NULL OR {SYNCED_SQL} IS NULL) AND {IN_TIME}{filter_nothing(' AND ', partition)}"
    )


def widen(target: TableId, columns: Iterable[Column]) -> str:
    """Return the ALTER TABLE that gives columns a wider type."""
    changes = ",\n".join(
        f"  ALTER COLUMN {quote_column(column.name)} SET DATA TYPE {column.sql_type}" for column in columns
    )
    return f"ALTER TABLE {target.quoted}\n{changes}"


def change_columns(target: TableId, widened: Sequence[Column], *, drops_key: bool, key: Sequence[str]) -> str:
    """Return the statement, or the script, that widens columns and declares the primary key anew.

    Args:
        target: The table.
        widened: The columns that get a wider type.
        drops_key: Whether the table has a primary key with one of them in it.
        key: The columns of the primary key that is declared afterwards; none to declare none.
    """
    names = ", ".join(map(quote_column, key))
    parts = [
        f"ALTER TABLE {target.quoted} DROP PRIMARY KEY IF EXISTS" if drops_key else "",
        widen(target, widened) if widened else "",
        f"ALTER TABLE {target.quoted} ADD PRIMARY KEY ({names}) NOT ENFORCED" if key else "",
    ]
    return ";\n".join(filter(None, parts))


def count_values(table: TableId, names: Iterable[str], *, partition: str = "") -> str:
    """Return the query that counts the values of columns that are not NULL: each as INT64, by the column's name.

    Args:
        table: The table.
        names: The columns.
        partition: The column that the table requires in the filter of every statement, if it requires one.
    """
    counts = ", ".join(f"COUNT(_etl_t.{quote_column(name)}) AS {quote_column(name)}" for name in names)
    return f"SELECT {counts} FROM {table.quoted} AS _etl_t{filter_nothing(' WHERE ', partition)}"


def drop_columns(table: TableId, names: Iterable[str]) -> str:
    """Return the ALTER TABLE that drops columns."""
    return f"ALTER TABLE {table.quoted}\n" + ",\n".join(f"  DROP COLUMN {quote_column(name)}" for name in names)


def count_lost_keys(rows: str, key: Iterable[Column], *, partition: str = "") -> str:
    """Return the query that counts, as `lost`, the rows of which a column of the key is not the same as FLOAT64.

    Args:
        rows: What a FROM clause names to read the keys: the target table, or staged rows.
        key: The columns, with the types that they have there.
        partition: The column that the table requires in the filter of every statement, if it requires one.
    """
    names = [(quote_column(column.name, of="_etl_t"), column.kind) for column in key]
    lost = " OR ".join(f"SAFE_CAST(CAST({name} AS FLOAT64) AS {kind}) IS DISTINCT FROM {name}" for name, kind in names)
    return f"SELECT COUNTIF({lost}) AS lost FROM {rows} AS _etl_t{filter_nothing(' WHERE ', partition)}"


def append_versions(
    history: TableId, target: TableId, *, key: Sequence[str], columns: Sequence[str], partition: str = ""
) -> str:
    """Return the MERGE that adds to a history the row versions that only the table has.

    A new or changed row appears twice in the source: once to close its current version, once as the new version.

    Args:
        history: The history.
        target: The table.
        key: Columns of the key.
        columns: Columns that the history keeps, without the audit columns.
        partition: The column that the table requires in the filter of every statement, if it requires one.
    """
    names = [quote_column(name) for name in (*columns, OPERATION, SYNCED)]
    valid_from, valid_to, is_new = quote_column(VALID_FROM), quote_column(VALID_TO), quote_column(IS_NEW)
    current = " AND ".join(f"_etl_t.{quote_column(name)} = _etl_c.{quote_column(name)}" for name in key)
    values = [*(f"_etl_s.{name}" for name in names), f"_etl_s.{SYNCED_SQL}", "CAST(NULL AS TIMESTAMP)"]
    same = " AND ".join(f"_etl_h.{quote_column(name)} = _etl_s.{quote_column(name)}" for name in key)
    return "\n".join(
        [
            f"MERGE {history.quoted} AS _etl_h",
            "USING (",
            "  SELECT",
            *(f"    _etl_t.{name}," for name in names),
            f"    {is_new}",
            f"  FROM {target.quoted} AS _etl_t",
            f"  LEFT JOIN {history.quoted} AS _etl_c ON {current} AND _etl_c.{valid_to} IS NULL",
            f"  CROSS JOIN UNNEST([FALSE, TRUE]) AS {is_new}",
            # A row that no merge of ours has written yet has no time, and no version.
            f"  WHERE _etl_t.{SYNCED_SQL} IS NOT NULL",
            f"    AND _etl_c.{valid_from} IS DISTINCT FROM _etl_t.{SYNCED_SQL}{filter_nothing(' AND ', partition)}",
            ") AS _etl_s",
            f"ON {same} AND _etl_h.{valid_to} IS NULL AND NOT _etl_s.{is_new}",
            "WHEN MATCHED THEN",
            f"  UPDATE SET {valid_to} = _etl_s.{SYNCED_SQL}",
            f"WHEN NOT MATCHED BY TARGET AND _etl_s.{is_new} THEN",
            f"  INSERT ({', '.join([*names, valid_from, valid_to])})",
            f"  VALUES ({', '.join(values)})",
        ]
    )


def live_rows(target: TableId, columns: Sequence[str]) -> str:
    """Return the query for the rows of a table that are not deleted."""
    names = ",\n".join(f"  {quote_column(name, of='_etl_t')}" for name in columns)
    return f"SELECT\n{names}\nFROM {target.quoted} AS _etl_t\nWHERE {IS_LIVE}"


def live_view(view: TableId, query: str) -> str:
    """Return the statement that creates or replaces the view of live rows."""
    return f"CREATE OR REPLACE VIEW {view.quoted}\nOPTIONS (description = '{LIVE_VIEW_DESCRIPTION}') AS\n{query}"


def freshness_view(view: TableId, log: TableId) -> str:
    """Return the statement that creates or replaces the view of the freshness.

    Args:
        view: The view.
        log: The audit log.
    """
    labels = ", ".join(f"('{name}', '{value}')" for name, value in FRESHNESS_LABELS.items())
    return f"""\
CREATE OR REPLACE VIEW {view.quoted}
OPTIONS (description = '{FRESHNESS_VERSION}', labels = [{labels}]) AS
SELECT
  company,
  tenant_id,
  stream,
  table_name,
  status,
  error AS reason,
  ended AS last_run,
  last_complete,
  TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), last_complete, MINUTE) AS lag_minutes,
  rows_read,
  rows_inserted + rows_updated + rows_deleted + rows_restored AS rows_written
FROM (
  SELECT
    *,
    MAX(IF(status = 'success', ended, NULL)) OVER (PARTITION BY table_name, stream) AS last_complete
  FROM {log.quoted}
  WHERE NOT STARTS_WITH(status, 'dry_run')
)
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY table_name, stream ORDER BY started DESC) = 1"""


def earlier_marks(log: TableId, *, has_marked: bool, has_allowed: bool) -> str:
    """Return the query that counts, as `marked`, the rows that earlier runs marked deleted, for each `table_name`.

    It also counts, as `deleted`, the rows that they wrote as deleted from the time `since` on.

    Parameter: `since` TIMESTAMP.

    Args:
        log: The audit log.
        has_marked: Whether it has the column `rows_marked`, which earlier versions did not write.
        has_allowed: The same of `deletes_allowed`. Runs up to the last one that was allowed to do so do not count.
    """
    marked = "IFNULL(rows_marked, rows_deleted)" if has_marked else "rows_deleted"
    allowed = "IFNULL(deletes_allowed, FALSE)" if has_allowed else "FALSE"
    return "\n".join(
        [
            "WITH runs AS (",
            "  SELECT",
            "    table_name,",
            "    started,",
            f"    {marked} AS marked,",
            "    rows_deleted AS deleted,",
            f"    MAX(IF({allowed}, started, NULL)) OVER (PARTITION BY table_name) AS last_allowed",
            f"  FROM {log.quoted}",
            "  WHERE started >= @since AND NOT STARTS_WITH(IFNULL(status, ''), 'dry_run')",
            ")",
            "SELECT",
            "  table_name,",
            "  IFNULL(SUM(IF(started = last_allowed, 0, marked)), 0) AS marked,",
            "  IFNULL(SUM(deleted), 0) AS deleted,",
            "  IFNULL(MAX(last_allowed), @since) AS since",
            "FROM runs",
            "WHERE last_allowed IS NULL OR started >= last_allowed",
            "GROUP BY table_name",
        ]
    )


def open_rejects(table: TableId) -> str:
    """Return the query for the keys of rejected records that no later good version has replaced, by table."""
    return f"SELECT DISTINCT table_name, record_key\nFROM {table.quoted}\nWHERE open AND record_key IS NOT NULL"


def close_rejects(table: TableId) -> str:
    """Return the UPDATE that closes the entries of rejected records, of any number of tables.

    Parameter: `entries` ARRAY<STRING>, each the full name of a table, a line feed, which no name has, and a key.
    """
    return (
        f"UPDATE {table.quoted}\nSET open = FALSE\n"
        "WHERE open AND CONCAT(table_name, '\\n', record_key) IN UNNEST(@entries)"
    )
