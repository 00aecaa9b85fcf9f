"""Reads from the audit log how many rows of a table earlier runs have marked deleted."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from google.cloud.bigquery import ScalarQueryParameter

from target_bigquery_softdelete.audit.etl_log import LOG_TABLE
from target_bigquery_softdelete.errors import WarehouseError
from target_bigquery_softdelete.load.delete_guard import EarlierMarks
from target_bigquery_softdelete.plugin_runtime.clock import utc_now
from target_bigquery_softdelete.sql import tables as sql

if TYPE_CHECKING:
    from target_bigquery_softdelete.load.stream_table import StreamTable

_NEEDED = ("table_name", "started", "status", "rows_deleted")


def read_earlier_marks(table: StreamTable) -> EarlierMarks:
    """Return how many rows of a table were marked in the days that count, or why that cannot be known.

    Runs count from the last one that was allowed to mark any number. Dry runs do not count.

    Args:
        table: The table.

    Raises:
        PluginError: If the run no longer holds its lease.
    """
    log_id = table.warehouse.log_id(LOG_TABLE)
    since = utc_now() - dt.timedelta(days=table.guard.days)
    try:
        log = table.warehouse.read_table(log_id)
        if log is None:
            return EarlierMarks(unknown=f"the table `{log_id}` does not exist")
        names = {field.name.lower() for field in log.schema}
        if missing := [name for name in _NEEDED if name not in names]:
            return EarlierMarks(unknown=f"the table `{log_id}` has no column `{missing[0]}`")
        statement = sql.earlier_marks(log_id, has_marked="rows_marked" in names, has_allowed="deletes_allowed" in names)
        parameters = [
            ScalarQueryParameter("table_name", "STRING", table.name or str(table.table_id)),
            ScalarQueryParameter("since", "TIMESTAMP", since),
        ]
        (row,) = table.statements.run(statement, "earlier-marks", parameters=parameters).rows
    except WarehouseError as error:
        return EarlierMarks(unknown=str(error).rstrip("."))
    return EarlierMarks(row["marked"])
