"""Makes room for a column that has a type by now, and so far holds nothing but NULL.

Earlier versions gave a property that could only be null a JSON column, which BigQuery changes to no other type. Without
a value in it, nothing is lost when it is dropped and added again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from target_bigquery_softdelete.bigquery import table_schema
from target_bigquery_softdelete.sql import tables as sql
from target_bigquery_softdelete.sql.identifiers import TableId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.cloud import bigquery

    from target_bigquery_softdelete.load.stream_table import StreamTable
    from target_bigquery_softdelete.schema.columns import Column

logger = logging.getLogger(__name__)


def drop_null_columns(stream_table: StreamTable, table: bigquery.Table, columns: Sequence[Column]) -> bigquery.Table:
    """Drop the JSON columns that hold nothing and for which the stream has another type, also from the history.

    Args:
        stream_table: The table.
        table: The same, as BigQuery has it.
        columns: The columns of the stream.

    Returns:
        The table as it is afterwards.

    Raises:
        LeaseLostError: If the run no longer holds its lease.
        WarehouseError: If BigQuery refuses.
    """
    empty = find_null_columns(stream_table, table, columns)
    if not empty:
        return table
    for each in filter(None, (_read_history(stream_table), table)):
        _drop(stream_table, each, {name.lower() for name in empty})
    logger.info(
        "%s: %s had no value in %s, and get the type that the stream has now",
        stream_table.stream,
        ", ".join(f"`{name}`" for name in empty),
        stream_table.name,
    )
    return stream_table.warehouse.read_table(stream_table.table_id) or table


def find_null_columns(stream_table: StreamTable, table: bigquery.Table, columns: Sequence[Column]) -> list[str]:
    """Return the names of the columns that :func:`drop_null_columns` drops. See there."""
    names = table_schema.json_columns_of_other_types(table.schema, columns)
    if not names:
        return []
    empty = _empty_columns(stream_table, table, names)
    history = _read_history(stream_table)
    if history is None:
        return empty
    in_history = table_schema.json_columns_of_other_types(history.schema, columns)
    empty_in_history = _empty_columns(stream_table, history, in_history)
    filled = {name.lower() for name in in_history} - {name.lower() for name in empty_in_history}
    return [name for name in empty if name.lower() not in filled]


def _read_history(stream_table: StreamTable) -> bigquery.Table | None:
    history = stream_table.history
    return stream_table.warehouse.read_table(history.history_id) if history else None


def _empty_columns(stream_table: StreamTable, table: bigquery.Table, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    statement = sql.count_values(_id_of(table), names, partition=table_schema.required_filter(table))
    counts = stream_table.statements.run(statement, "count-values").rows[0]
    return [name for name in names if not counts[name]]


def _drop(stream_table: StreamTable, table: bigquery.Table, names: set[str]) -> None:
    present = [field.name for field in table.schema if field.name.lower() in names]
    if present:
        stream_table.statements.run(sql.drop_columns(_id_of(table), present), "drop-columns")


def _id_of(table: bigquery.Table) -> TableId:
    return TableId(table.project, table.dataset_id, table.table_id)
