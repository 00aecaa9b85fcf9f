"""Reads from the audit log how many rows of each table earlier runs have marked deleted."""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING

from google.cloud.bigquery import ScalarQueryParameter

from target_bigquery_softdelete.audit.etl_log import LOG_TABLE
from target_bigquery_softdelete.audit.stream_report import EarlierMarks
from target_bigquery_softdelete.errors import WarehouseError
from target_bigquery_softdelete.sql import tables as sql

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from target_bigquery_softdelete.bigquery.server_clock import ServerClock
    from target_bigquery_softdelete.bigquery.warehouse import Warehouse

_NEEDED = ("table_name", "started", "status", "rows_deleted")


class EarlierRuns:
    """The marks of the runs before this one. They are read once, when they are first needed, for all tables."""

    def __init__(
        self,
        warehouse: Warehouse,
        *,
        days: int,
        clock: ServerClock,
        log_columns: Callable[[], Collection[str] | None],
    ) -> None:
        """Describe what is read. Nothing is read yet.

        Args:
            warehouse: Where the log is.
            days: How far back the runs count.
            clock: BigQuery's clock.
            log_columns: Returns the columns that the log had before this run, in lower case; None if there was none.
                This run may have created it meanwhile, and that says nothing about earlier ones.
        """
        self._warehouse = warehouse
        self._days = days
        self._clock = clock
        self._log_columns = log_columns
        self._lock = threading.Lock()
        self._since: dt.datetime | None = None
        self._marked: dict[str, EarlierMarks] | None = None
        self._unknown = ""

    def marks_of(self, table_name: str) -> EarlierMarks:
        """Return how many rows of a table were marked in the days that count, or why that cannot be known.

        Runs count from the last one that was allowed to mark any number. Dry runs do not count.

        Args:
            table_name: Full name of the table.
        """
        with self._lock:
            if self._marked is None and not self._unknown:
                self._read()
        none = EarlierMarks(unknown=self._unknown, since=self._since)
        return (self._marked or {}).get(table_name, none)

    def _read(self) -> None:
        log_id = self._warehouse.log_id(LOG_TABLE)
        try:
            names = self._log_columns()
            if names is None:
                self._unknown = f"the table `{log_id}` does not exist"
            elif missing := [name for name in _NEEDED if name not in names]:
                self._unknown = f"the table `{log_id}` has no column `{missing[0]}`"
            else:
                self._marked = self._query(names)
        except WarehouseError as error:
            self._unknown = str(error).rstrip(".")

    def _query(self, names: Collection[str]) -> dict[str, EarlierMarks]:
        """Return the marks by table. The log has columns with these names."""
        statement = sql.earlier_marks(
            self._warehouse.log_id(LOG_TABLE),
            has_marked="rows_marked" in names,
            has_allowed="deletes_allowed" in names,
        )
        since = self._since = self._clock.now() - dt.timedelta(days=self._days)
        parameters = [ScalarQueryParameter("since", "TIMESTAMP", since)]
        rows = self._warehouse.statements.run(statement, "earlier-marks", parameters=parameters).rows
        return {
            row["table_name"]: EarlierMarks(row["marked"], deleted=row["deleted"], since=row["since"]) for row in rows
        }
