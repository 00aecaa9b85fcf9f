"""Writes staged rows of more partitions than BigQuery modifies in one statement: piece by piece, or not at all.

A piece is a range of the column that the table is partitioned by. Each is a MERGE of its own, and the same again
changes nothing: a run that breaks off between two of them leaves rows that the next one completes, for no STATE has
covered them.
Rows that are missing from a snapshot are never marked in pieces: a reader would see the middle.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from google.cloud.bigquery import ScalarQueryParameter

from target_bigquery_softdelete.bigquery.statements import StatementResult
from target_bigquery_softdelete.errors import WarehouseError
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.sql import merge as sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from google.cloud.bigquery.query import _AbstractQueryParameter

    from target_bigquery_softdelete.load.prepare_table import PreparedTable
    from target_bigquery_softdelete.load.stream_table import StreamTable
    from target_bigquery_softdelete.schema.columns import Column
    from target_bigquery_softdelete.sql.source import Source

PIECE_PARTITIONS = 3_000
"""Partitions of the staged rows in one piece. One statement may modify 4,000
(https://cloud.google.com/bigquery/quotas#partitioned_tables), and rows that move come from others, which count, too."""

_TOO_MANY = "Too many partitions produced by query"


def is_too_many(error: WarehouseError) -> bool:
    """Return whether BigQuery refused a statement because it would modify too many partitions."""
    return _TOO_MANY in str(error)


@contextmanager
def naming_partitions(table: StreamTable, prepared: PreparedTable) -> Iterator[None]:
    """Say what to do if BigQuery refuses a statement in the block because it would modify too many partitions.

    Raises:
        PluginError: If it does.
    """
    try:
        yield
    except WarehouseError as error:
        if not is_too_many(error):
            raise
        raise PluginError(
            f"{table.stream}: this run would write into more than 4,000 partitions of "
            f"`{table.table_id}` in one statement, which BigQuery refuses. Partition it by a larger unit: set "
            f"`partition_by` of the stream to `{prepared.partitioned_by}:month`, put the table out of the way, and "
            "read the stream in full."
        ) from error


def write_merge(  # noqa: PLR0913 - what is written, where, and how it may be divided
    table: StreamTable,
    prepared: PreparedTable,
    source: Source,
    statement: str,
    parameters: Sequence[_AbstractQueryParameter] = (),
    *,
    mark_deleted: bool = True,
    divisible: bool = True,
    rows: Sequence[ScalarQueryParameter] = (),
) -> StatementResult:
    """Run a MERGE of staged rows, and if it would modify too many partitions, write the rows piece by piece.

    Args:
        table: The table.
        prepared: The same table, ready for these rows.
        source: The rows.
        statement: The MERGE.
        parameters: Its parameters.
        mark_deleted: Whether it marks rows deleted whose records say so.
        divisible: Whether it marks no row deleted for being missing.
        rows: The parameter with the rows, if the statement carries them itself. It is among the others.

    Returns:
        What it changed, or all pieces together.

    Raises:
        PluginError: If it would modify too many partitions, and cannot be divided.
        WarehouseError: If a statement fails.
    """
    with naming_partitions(table, prepared):
        try:
            return table.statements.write(statement, "merge", parameters=parameters)
        except WarehouseError as error:
            by_name = {column.name.lower(): column for column in source.columns.columns}
            column = by_name.get(prepared.partitioned_by.lower())
            if not (divisible and column and is_too_many(error)):
                raise
            return _write_pieces(table, prepared, source, column, mark_deleted=mark_deleted, rows=rows)


def _write_pieces(  # noqa: PLR0913 - what is written, and where
    table: StreamTable,
    prepared: PreparedTable,
    source: Source,
    column: Column,
    *,
    mark_deleted: bool,
    rows: Sequence[ScalarQueryParameter],
) -> StatementResult:
    query = sql.pieces(source, column.name, prepared.partition_order)
    most = [ScalarQueryParameter("most", "INT64", PIECE_PARTITIONS)]
    statement = sql.merge(
        table.table_id,
        source,
        mark_missing_deleted=False,
        mark_deleted=mark_deleted,
        partition=prepared.partition_filter,
        piece=column.name,
    )
    total, kind = StatementResult([]), str(column.kind)
    # The first piece also has the rows without a value, which may be the only ones.
    found_pieces = table.statements.run(query, "pieces", parameters=[*rows, *most]).rows or [
        {"first": None, "last": None}
    ]
    for number, found in enumerate(found_pieces):
        parameters = [
            *rows,
            ScalarQueryParameter("piece_first", kind, found["first"]),
            ScalarQueryParameter("piece_last", kind, found["last"]),
            ScalarQueryParameter("piece_null", "BOOL", number == 0),
        ]
        done = table.statements.write(statement, "merge-piece", parameters=parameters)
        total = replace(total, inserted=total.inserted + done.inserted, updated=total.updated + done.updated)
    return total
