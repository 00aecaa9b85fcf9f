"""Checks that a stream which goes on from a bookmark still has the rows before the bookmark in its table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_bigquery_softdelete.errors import LostRowsError
from target_bigquery_softdelete.load.table_memory import names_streams

if TYPE_CHECKING:
    from target_bigquery_softdelete.bigquery.warehouse import Warehouse
    from target_bigquery_softdelete.sql.identifiers import TableId


def check_continuity(warehouse: Warehouse, table_id: TableId, stream: str) -> None:
    """Check that a table has not lost the rows of earlier runs. Costs at most one request.

    A table that never had a row has no label that says so, and may be empty: nothing has come yet.

    Args:
        warehouse: Where it is.
        table_id: The table of the stream, in a dry run too.
        stream: The stream, of which the tap reads only what came after a bookmark.

    Raises:
        LostRowsError: If the table does not exist, or had rows and has none now.
        WarehouseError: If BigQuery cannot be asked.
    """
    if warehouse.was_never_filled(table_id):
        return
    table = warehouse.read_table(table_id)
    if table is None:
        raise LostRowsError(stream, str(table_id), "does not exist")
    # This target labels what it makes. A table without labels was made anew, by `CREATE OR REPLACE TABLE` for instance.
    is_empty = table.num_rows == 0 and not table.streaming_buffer
    if is_empty and (warehouse.is_labelled_filled(table) or not names_streams(table.labels)):
        raise LostRowsError(stream, str(table_id), "was emptied")
