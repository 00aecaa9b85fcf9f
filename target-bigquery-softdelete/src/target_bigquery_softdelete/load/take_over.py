"""Takes over rows that this target did not write: a whole table, or rows that somebody added to ours."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from target_bigquery_softdelete.bigquery import table_schema
from target_bigquery_softdelete.errors import ForeignTableError
from target_bigquery_softdelete.load.adoption import ADOPTING, ADOPTING_LABEL
from target_bigquery_softdelete.plugin_runtime.plurals import pluralize
from target_bigquery_softdelete.schema.system_columns import DELETED_AT
from target_bigquery_softdelete.sql import tables as sql

if TYPE_CHECKING:
    import datetime as dt

    from google.cloud import bigquery

    from target_bigquery_softdelete.load.stream_table import StreamTable

logger = logging.getLogger(__name__)


def begin_adoption(stream_table: StreamTable, table: bigquery.Table) -> bool:
    """Find out whether a table must be taken over, and return whether it begins with this call.

    An empty table is just used, and so is one with our columns: earlier versions of this target wrote no label.

    Args:
        stream_table: The table.
        table: The same, as BigQuery has it.

    Raises:
        ForeignTableError: If it has rows of somebody else, and nobody asked to take them over.
    """
    adoption = stream_table.adoption
    is_foreign = not table_schema.has_audit_columns(table)
    has_rows = bool(table.num_rows or table.streaming_buffer)
    if adoption.is_running or not ((is_foreign and has_rows) or table.labels.items() >= ADOPTING_LABEL.items()):
        return False
    if is_foreign and not stream_table.warehouse.settings.may_adopt(stream_table.stream):
        raise ForeignTableError(stream_table.stream, stream_table.name, table.num_rows)
    adoption.is_running = True
    return True


def take_over_table(stream_table: StreamTable, table: bigquery.Table, moment: dt.datetime, *, partition: str) -> None:
    """Say of each row of a table, which has our columns by now, what it is.

    Args:
        stream_table: The table.
        table: The same, as BigQuery has it.
        moment: When the rows were written at the latest.
        partition: The column that the table requires in the filter of every statement, if it requires one.

    Raises:
        LeaseLostError: If the run no longer holds its lease.
        WarehouseError: If the statement fails.
    """
    stream_table.adoption.is_labelled = True
    has_moment = table_schema.has_deletion_times(table.schema)
    statement = sql.adopt(stream_table.table_id, has_deletion_times=has_moment, partition=partition)
    taken = stream_table.statements.write(statement, "adopt", synced=moment)
    logger.warning(
        "%s: took over %s with %s. No row is marked deleted for being missing in this run; the next complete "
        "snapshot does that.",
        stream_table.stream,
        stream_table.name,
        pluralize(taken.updated, "row"),
    )
    if not has_moment and any(field.name.lower() == DELETED_AT for field in table.schema):
        logger.warning(
            "%s: the column `%s` of %s holds no times, so its rows count as live.",
            stream_table.stream,
            DELETED_AT,
            stream_table.name,
        )


def end_adoption(stream_table: StreamTable) -> None:
    """Take the label from a table that is taken over, now that the rows of the run are in it.

    Args:
        stream_table: The table.

    Raises:
        WarehouseError: If BigQuery refuses.
    """
    if stream_table.adoption.is_labelled and stream_table.clone is None:
        stream_table.warehouse.remove_label(stream_table.table_id, ADOPTING)
        stream_table.adoption.is_labelled = False


def take_over_rows(stream_table: StreamTable, moment: dt.datetime, *, has_moment: bool, partition: str) -> None:
    """Say of the rows that somebody added to our table what they are. This run does not mark them for being missing.

    Args:
        stream_table: The table.
        moment: When the rows were written at the latest.
        has_moment: Whether the table has a column with times of deletions.
        partition: The column that the table requires in the filter of every statement, if it requires one.

    Raises:
        LeaseLostError: If the run no longer holds its lease.
        WarehouseError: If the statement fails.
    """
    statement = sql.adopt(stream_table.table_id, has_deletion_times=has_moment, partition=partition)
    taken = stream_table.statements.write(statement, "adopt", synced=moment)
    stream_table.adoption.taken_at.append(moment)
    logger.warning(
        "%s: %s had %s that another program wrote. %s as this target's from now on.",
        stream_table.stream,
        stream_table.name,
        pluralize(taken.updated, "row"),
        "It counts" if taken.updated == 1 else "They count",
    )
