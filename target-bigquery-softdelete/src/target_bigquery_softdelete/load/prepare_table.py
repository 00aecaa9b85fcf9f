"""Creates the table of a stream, or makes it fit the stream's columns, before rows are written into it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from target_bigquery_softdelete.bigquery import table_schema
from target_bigquery_softdelete.bigquery.collation import collated_columns
from target_bigquery_softdelete.bigquery.lifetimes import STAGING_LIFETIME
from target_bigquery_softdelete.bigquery.schema_differences import schema_differences
from target_bigquery_softdelete.bigquery.table_descriptions import without_descriptions
from target_bigquery_softdelete.bigquery.table_layout import layout_of
from target_bigquery_softdelete.bigquery.warehouse import FILLED_LABEL
from target_bigquery_softdelete.errors import CollatedTableError
from target_bigquery_softdelete.load.adoption import ADOPTING_LABEL
from target_bigquery_softdelete.load.describe_table import describe_view, description_label, table_text
from target_bigquery_softdelete.load.key_types import check_exact_as_double
from target_bigquery_softdelete.load.null_columns import drop_null_columns
from target_bigquery_softdelete.load.table_memory import lacks_streams
from target_bigquery_softdelete.load.take_over import begin_adoption, take_over_table
from target_bigquery_softdelete.load.widen_columns import must_widen, widen_columns
from target_bigquery_softdelete.plugin_runtime.clock import utc_now
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.schema.columns import Kind

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from google.cloud import bigquery
    from google.cloud.bigquery import SchemaField

    from target_bigquery_softdelete.bigquery.table_layout import Layout
    from target_bigquery_softdelete.load.stream_table import StreamTable
    from target_bigquery_softdelete.schema.columns import Column, TableColumns

LEAST_BILLED_BYTES = 10 << 20
"""What BigQuery bills for a table that a query names, at least: https://cloud.google.com/bigquery/pricing. A table that
is no larger costs the same whether its key is read or all of it."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PreparedTable:
    """A table that is ready to take rows, as it is after the last change to its schema."""

    fields: Sequence[SchemaField]
    """Its schema."""
    columns: Mapping[str, Column] = field(default_factory=dict)
    """The stream's columns as the table has them, by name. It may lack those that can only be NULL."""
    partition_filter: str = ""
    """The column that every statement must filter by, if the table requires one."""
    partitioned_by: str = ""
    """The column by which it is partitioned, if it is."""
    partition_order: str = ""
    """Expression of that column by which two rows are in one partition."""
    is_new: bool = False
    """Whether this call created it, so that nothing is in it yet."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Its labels."""
    is_empty: bool = False
    """Whether it is known to have no rows at all."""
    rows: int = 0
    """How many rows it has, apart from those that were streamed into it just now."""
    changed: dt.datetime | None = None
    """When this call has changed it, if only its labels, by BigQuery's clock. None if it has not."""
    is_small: bool = False
    """Whether reading all of it costs no more than reading its key."""
    modified: dt.datetime = field(default_factory=utc_now)
    """When it was last changed before this call."""
    schema_changes: Sequence[str] = ()
    """How its schema has changed, in words. None if this call created it."""


def prepare_table(
    stream_table: StreamTable, columns: TableColumns, labels: Mapping[str, str], *, rows_follow: bool = True
) -> PreparedTable:
    """Create the table of a stream, or make it fit these columns. Its live view is made to fit, too.

    Args:
        stream_table: The table.
        columns: The columns of the rows that are to be written.
        labels: Labels that the table must have, besides those of the settings. They are written with what else must
            change, or if it lacks the name of a stream.
        rows_follow: Whether rows will be written. A new table is labelled so at once: if they do not arrive, it has
            lost them.

    Raises:
        PluginError: If the table cannot take such rows.
        WarehouseError: If BigQuery refuses a change.
    """
    _create_clone(stream_table)
    table, is_new = stream_table.warehouse.read_known_table(stream_table.table_id), False
    if table is None:
        filled = FILLED_LABEL if rows_follow else {}
        table, is_new = _create(stream_table, columns, {**labels, **filled})
    schema_before = () if is_new else list(table.schema)
    modified, rows, is_changed = table.modified or utc_now(), table.num_rows or 0, is_new
    if is_new:
        logger.info("%s: created the table %s", stream_table.stream, stream_table.table_id)
    else:
        fitted = _fit(stream_table, table, columns, labels, modified)
        table, is_changed = fitted, fitted is not table
    view = stream_table.live_view
    if view is not None and view.refresh(table.schema, run=stream_table.statements.run):
        describe_view(stream_table, table.schema)
    return PreparedTable(
        fields=table.schema,
        columns=table_schema.columns_in_table(table, columns.columns),
        partition_filter=table_schema.required_filter(table),
        partitioned_by=table_schema.partition_column(table),
        partition_order=table_schema.partition_order(table),
        is_new=is_new,
        labels=table.labels,
        rows=rows,
        changed=(table.modified or utc_now()) if is_changed else None,
        is_small=(table.num_bytes or 0) <= LEAST_BILLED_BYTES,
        modified=modified,
        schema_changes=() if is_new else list(schema_differences(schema_before, table.schema)),
    )


def prepare_existing_table(stream_table: StreamTable) -> PreparedTable | None:
    """Prepare a table into which no row is written. It stays as it is; when there is none, none is created.

    Args:
        stream_table: The table.

    Raises:
        ForeignTableError: If it has rows of somebody else, and nobody asked to take them over.
        WarehouseError: If BigQuery cannot be asked.
    """
    _create_clone(stream_table)
    table = stream_table.warehouse.read_known_table(stream_table.table_id)
    if table is None:
        return None
    begin_adoption(stream_table, table)
    return PreparedTable(
        table.schema,
        partition_filter=table_schema.required_filter(table),
        labels=table.labels,
        is_empty=table.num_rows == 0 and not table.streaming_buffer,
    )


def _create_clone(stream_table: StreamTable) -> None:
    if stream_table.clone is not None:
        stream_table.clone.create()


def _create(stream_table: StreamTable, columns: TableColumns, labels: Mapping[str, str]) -> tuple[bigquery.Table, bool]:
    fields = table_schema.table_fields(_partitionable(stream_table, columns.columns))
    return stream_table.warehouse.create_table(
        stream_table.table_id,
        fields if stream_table.writes_descriptions else without_descriptions(fields),
        layout=replace(_layout(stream_table, columns), labels={**labels, **description_label(stream_table, columns)}),
        lifetime=STAGING_LIFETIME if stream_table.clone else None,
    )


def _partitionable(stream_table: StreamTable, columns: Sequence[Column]) -> Sequence[Column]:
    """Return the columns of a new table: one for integers that partitions it is INT64, whatever their bounds."""
    by = stream_table.warehouse.settings.partitions.get(stream_table.stream)
    if by is None or not by.integers:
        return columns
    return [replace(each, kind=Kind.INT64) if each.is_whole and each.name == by.column else each for each in columns]


def _layout(stream_table: StreamTable, columns: TableColumns) -> Layout:
    settings = stream_table.warehouse.settings
    partition_by = settings.partitions.get(stream_table.stream)
    if partition_by:
        partition_by.check(_partitionable(stream_table, columns.columns), stream_table.stream)
    return layout_of(
        columns,
        description=table_text(stream_table, columns),
        partition_by=partition_by,
        require_partition_filter=settings.require_partition_filter,
    )


def _fit(
    stream_table: StreamTable,
    table: bigquery.Table,
    columns: TableColumns,
    labels: Mapping[str, str],
    modified: dt.datetime,
) -> bigquery.Table:
    """Make an existing table fit: add columns, adopt a table that another system created, widen types."""
    if kind := table_schema.no_table(table):
        raise PluginError(
            f"{stream_table.stream}: `{stream_table.table_id}` is {kind}. Rename it, or give the stream another name "
            "with `__alias__` in `stream_maps`."
        )
    names = {column.name.lower() for column in columns.columns}
    if collated := collated_columns(table.schema, names):
        raise CollatedTableError(stream_table.stream, stream_table.name, collated)
    begins = begin_adoption(stream_table, table)
    partition_filter = table_schema.required_filter(table)
    table = drop_null_columns(stream_table, table, columns.columns)
    change = table_schema.change(table.schema, columns.columns, table=str(stream_table.table_id))
    have = {field.name.lower(): table_schema.column_of(field) for field in table.schema}
    key = {name.lower() for name in columns.key}
    widened = must_widen(table, change.widened, columns.columns)
    pairs = [(have[column.name.lower()], column) for column in widened if column.name.lower() in key]
    check_exact_as_double(stream_table, stream_table.table_id.quoted, pairs, partition=partition_filter)
    wanted = {**labels, **(ADOPTING_LABEL if begins else {})}
    lacks_labels = stream_table.warehouse.lacks_labels(table) or lacks_streams(table.labels, labels)
    if list(change.fields) != list(table.schema) or lacks_labels:
        table = stream_table.warehouse.extend_table(table, change.fields, wanted)
        _log_change(stream_table, change)
    if begins:
        take_over_table(stream_table, table, modified, partition=partition_filter)
    return widen_columns(stream_table, table, widened, columns.key)


def _log_change(stream_table: StreamTable, change: table_schema.SchemaChange) -> None:
    for kind, paths in (("new columns", change.added), ("no longer REQUIRED", change.relaxed)):
        if paths:
            logger.info("%s: %s in %s: %s", stream_table.stream, kind, stream_table.table_id, ", ".join(paths))
