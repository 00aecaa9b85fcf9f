"""Checks that the keys of a stream stay different where their column is, or becomes, FLOAT64."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.plugin_runtime.plurals import pluralize
from target_bigquery_softdelete.schema.columns import Kind
from target_bigquery_softdelete.sql import tables as sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from google.cloud.bigquery import ScalarQueryParameter

    from target_bigquery_softdelete.load.stream_table import StreamTable
    from target_bigquery_softdelete.schema.columns import Column


def check_exact_as_double(
    stream_table: StreamTable,
    rows: str,
    pairs: Iterable[tuple[Column, Column]],
    *,
    parameters: Sequence[ScalarQueryParameter] = (),
    partition: str = "",
) -> None:
    """Check that no key loses digits on its way into a column of FLOAT64. Costs a query only where one may.

    Args:
        stream_table: The table of the stream.
        rows: What a FROM clause names to read the keys as they are now: the table itself, or staged rows.
        pairs: The columns of the key as they are there, each with what it becomes.
        parameters: Parameters of that.
        partition: The column that the table requires in the filter of every statement, if it requires one.

    Raises:
        PluginError: If one would.
        WarehouseError: If BigQuery cannot be asked.
    """
    changed = [have for have, want in pairs if want.kind is Kind.FLOAT64 and have.kind is not Kind.FLOAT64]
    if not changed:
        return
    statement = sql.count_lost_keys(rows, changed, partition=partition)
    lost = stream_table.statements.run(statement, "check-keys", parameters=parameters).rows[0]["lost"]
    if lost:
        names = ", ".join(f"`{column.name}`" for column in changed)
        raise PluginError(
            f"{stream_table.stream}: the key {names} of `{stream_table.table_id}` would lose digits as FLOAT64 in "
            f"{pluralize(lost, 'row')}, and rows would become one. Let the stream declare it as an integer, a string, "
            'or with `"format": "decimal"`; if the column is FLOAT64 already, rename the table.'
        )
