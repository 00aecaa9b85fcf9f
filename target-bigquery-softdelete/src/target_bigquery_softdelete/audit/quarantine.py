"""The quarantine: a row for each record that does not fit its schema, in `<log_dataset>.etl_rejected_records`."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter, SchemaField

from target_bigquery_softdelete.audit.log_table import ORIGIN_FIELDS, LogTable
from target_bigquery_softdelete.sql import tables as sql

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from target_bigquery_softdelete.bigquery.warehouse import Warehouse
    from target_bigquery_softdelete.records.rejects import Entry

REJECTED_TABLE = "etl_rejected_records"

REJECTED_FIELDS = (
    SchemaField("run_id", "STRING", description="The run that rejected the record"),
    *ORIGIN_FIELDS,
    SchemaField("table_name", "STRING", description="Full name of the table that the record is missing from"),
    SchemaField("record_key", "STRING", description="Key of the record, as JSON; NULL when it cannot be read"),
    SchemaField("reason", "STRING", description="What does not fit"),
    SchemaField("record", "STRING", description="The record as it came, as JSON; a long one is cut off"),
    SchemaField("rejected", "TIMESTAMP", description="When it was rejected"),
    SchemaField("open", "BOOL", description="FALSE when a later version of the record has come"),
)


class Quarantine:
    """The rejected records of one company."""

    def __init__(self, warehouse: Warehouse, run: Mapping[str, str | None], folder: Path) -> None:
        """Describe the quarantine. The table is read when it is first needed.

        Args:
            warehouse: Where it is.
            run: `run_id`, `company` and `tenant_id`, the same for all rows.
            folder: A temporary folder.
        """
        self._table = LogTable(warehouse, REJECTED_TABLE, REJECTED_FIELDS, folder)
        self.table_id = self._table.table_id
        self._warehouse = warehouse
        self._run = run
        self._jobs = 0
        self._open_keys: dict[str, list[str]] | None = None
        # One stream at a time: BigQuery queues concurrent statements that change the same table, or lets them fail.
        self._lock = threading.Lock()

    def _read_all_open_keys(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        if self._warehouse.read_table(self.table_id):
            for row in self._warehouse.statements.run(sql.open_rejects(self.table_id), "open-rejects").rows:
                found.setdefault(row["table_name"], []).append(row["record_key"])
        return found

    def read_open_keys(self, table_name: str) -> list[str]:
        """Return the keys of a table's open entries from earlier runs. The first call reads those of all tables.

        Raises:
            WarehouseError: If BigQuery cannot be asked.
        """
        with self._lock:
            if self._open_keys is None:
                self._open_keys = self._read_all_open_keys()
            return self._open_keys.get(table_name, [])

    def flush(self, stream: str, table_name: str, entries: Sequence[Entry], closed: Collection[str]) -> None:
        """Close the entries of records that have come again, and add new entries.

        Args:
            stream: Name of the stream.
            table_name: Full name of its table.
            entries: The new entries.
            closed: Keys of records of which a good version has come since.

        Raises:
            WarehouseError: If BigQuery refuses them.
        """
        with self._lock:
            self._jobs += 1
            if closed and self._warehouse.read_table(self.table_id):
                parameters = [
                    ScalarQueryParameter("table_name", "STRING", table_name),
                    ArrayQueryParameter("record_keys", "STRING", list(closed)),
                ]
                name = f"close-rejects-{self._jobs}"
                self._warehouse.statements.run(sql.close_rejects(self.table_id), name, parameters=parameters)
            if entries:
                constant = {**self._run, "stream": stream, "table_name": table_name}
                self._table.append([{**constant, **vars(entry)} for entry in entries], f"{REJECTED_TABLE}-{self._jobs}")
