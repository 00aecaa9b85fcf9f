"""The quarantine: a row for each record that does not fit its schema, in `<log_dataset>.etl_rejected_records`."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.cloud.bigquery import ArrayQueryParameter, SchemaField

from target_bigquery_softdelete.audit.log_table import ORIGIN_FIELDS, LogTable
from target_bigquery_softdelete.runtime.about import SOFTWARE
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


@dataclass(frozen=True)
class Rejections:
    """What the quarantine is to know of one stream."""

    stream: str
    table_name: str
    """Full name of its table."""
    entries: Sequence[Entry]
    """New entries."""
    closed: Collection[str]
    """Keys of records of which a good version has come since."""


class Quarantine:
    """The rejected records of one company. Whatever the number of streams, it is read and written by a few requests."""

    def __init__(self, warehouse: Warehouse, run: Mapping[str, str | None], folder: Path) -> None:
        """Describe the quarantine. The table is read when it is first needed.

        Args:
            warehouse: Where it is.
            run: `run_id`, `company` and `tenant_id`, the same for all rows.
            folder: A temporary folder.
        """
        self._table = LogTable(
            warehouse,
            REJECTED_TABLE,
            REJECTED_FIELDS,
            folder,
            partition_by="rejected",
            description=f"Records that did not fit their schema, written by {SOFTWARE}",
        )
        self.table_id = self._table.table_id
        self._warehouse = warehouse
        self._run = run
        self._writes = 0
        self._exists = False
        self._open_keys: dict[str, list[str]] | None = None
        self._lock = threading.Lock()

    def _read_all_open_keys(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        self._exists = self._warehouse.read_table(self.table_id) is not None
        if self._exists:
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

    def write(self, streams: Sequence[Rejections]) -> None:
        """Close the entries of records that have come again, and add new entries: one statement and one load job.

        Raises:
            PluginError: If the temporary folder is full.
            WarehouseError: If BigQuery refuses them.
        """
        self._writes += 1
        closed = [f"{stream.table_name}\n{key}" for stream in streams for key in stream.closed]
        if closed and self._exists:
            parameters = [ArrayQueryParameter("entries", "STRING", closed)]
            name = f"close-rejects-{self._writes}"
            self._warehouse.statements.run(sql.close_rejects(self.table_id), name, parameters=parameters)
        rows = [
            {**self._run, "stream": stream.stream, "table_name": stream.table_name, **vars(entry)}
            for stream in streams
            for entry in stream.entries
        ]
        if rows:
            self._table.append(rows, f"{REJECTED_TABLE}-{self._writes}")
            self._exists = True
