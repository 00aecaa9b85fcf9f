"""Gives columns of a table a wider type, also those that it is organized by.

BigQuery changes no column that is part of a primary key, and clusters by no FLOAT64. So the primary key is dropped, the
columns change, and the key is declared again: in one script, which goes on when the run dies. The table has a label
meanwhile, by which a later run knows that the key may be missing, and declares it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from target_bigquery_softdelete.bigquery import table_schema
from target_bigquery_softdelete.bigquery.table_layout import clusterable, primary_key
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.sql import tables as sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.cloud import bigquery

    from target_bigquery_softdelete.load.stream_table import StreamTable
    from target_bigquery_softdelete.schema.columns import Column

REKEYING, REKEYING_LABEL = "rekeying", {"rekeying": "true"}
"""Label of a table from before its primary key is dropped until it is declared again."""

logger = logging.getLogger(__name__)


def must_widen(table: bigquery.Table, widened: Sequence[Column], columns: Sequence[Column]) -> list[Column]:
    """Return the columns to widen, without an INT64 column that partitions the table and is for integers.

    BigQuery changes no column that a table is partitioned by. An integer of an unsigned type that fits INT64 is written
    into it; one that does not fails its stream.

    Args:
        table: The table.
        widened: The columns that would get a wider type, with that type.
        columns: The columns of the stream.
    """
    whole = {column.name.lower() for column in columns if column.is_whole}
    partition = table_schema.partition_column(table).lower()
    return [column for column in widened if column.name.lower() != partition or partition not in whole]


def widen_columns(
    stream_table: StreamTable, table: bigquery.Table, widened: Sequence[Column], key: Sequence[str]
) -> bigquery.Table:
    """Widen columns of a table, and declare its primary key if that was dropped for it, by this run or by another.

    Args:
        stream_table: The table.
        table: The same table, as it is.
        widened: The columns that get a wider type, with that type.
        key: Names of the columns of the stream's key.

    Returns:
        The table as it is afterwards.

    Raises:
        PluginError: If the table is partitioned by such a column.
        WarehouseError: If BigQuery refuses a change.
    """
    warehouse, has_label = stream_table.warehouse, table.labels.items() >= REKEYING_LABEL.items()
    if not widened and not has_label:
        return table
    _check_partitioning(stream_table, table, widened)
    wide = {column.name.lower() for column in widened}
    declared = table_schema.primary_key(table)
    drops = bool(wide & {name.lower() for name in declared})
    if drops and not has_label:
        warehouse.label_table(stream_table.table_id, {**table.labels, **REKEYING_LABEL})
    adds = _declarable(table, widened, key) if drops or (has_label and not declared) else ()
    clustering = [name for name in table.clustering_fields or [] if name.lower() not in _unclusterable(widened)]
    if clustering != list(table.clustering_fields or []):
        warehouse.cluster_table(stream_table.table_id, clustering)
    if widened or adds:
        statement = sql.change_columns(stream_table.table_id, widened, drops_key=drops, key=adds)
        stream_table.statements.run(statement, "widen")
    if drops or has_label:
        warehouse.remove_label(stream_table.table_id, REKEYING)
    types = ", ".join(f"{column.name} {column.sql_type}" for column in widened)
    logger.info("%s: wider types in %s: %s", stream_table.stream, stream_table.table_id, types or "none")
    return warehouse.read_table(stream_table.table_id) or table


def _check_partitioning(stream_table: StreamTable, table: bigquery.Table, widened: Sequence[Column]) -> None:
    partition = table_schema.partition_column(table).lower()
    for column in widened:
        if column.name.lower() == partition:
            raise PluginError(
                f"{stream_table.stream}: the column `{column.name}` of `{stream_table.table_id}` would have to become "
                f"{column.sql_type}, and BigQuery does not change the column that a table is partitioned by. Let the "
                "stream declare its former type, or copy the table into one that is partitioned otherwise."
            )


def _declarable(table: bigquery.Table, widened: Sequence[Column], key: Sequence[str]) -> tuple[str, ...]:
    """Return the primary key that the table can have with the wider types: none with a FLOAT64 in it."""
    columns = {field.name.lower(): table_schema.column_of(field) for field in table.schema}
    columns |= {column.name.lower(): column for column in widened}
    return primary_key([columns[name.lower()] for name in key])


def _unclusterable(widened: Sequence[Column]) -> set[str]:
    return {column.name.lower() for column in widened if not clusterable(column)}
