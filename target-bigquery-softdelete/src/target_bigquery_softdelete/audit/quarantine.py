"""Records that do not fit their schema: one row for each, in `<log_dataset>.etl_rejected_records`."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter, SchemaField

from target_bigquery_softdelete.runtime.temp_files import writing
from target_bigquery_softdelete.sql import tables as sql

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from target_bigquery_softdelete.bigquery.warehouse import Warehouse
    from target_bigquery_softdelete.records.rejects import Entry

REJECTED_TABLE = "etl_rejected_records"

REJECTED_FIELDS = (
    SchemaField("run_id", "STRING", description="The run that rejected the record"),
    SchemaField("company", "STRING", description="Label `company` of the target's settings"),
    SchemaField("tenant_id", "STRING", description="Tenant of the target's settings"),
    SchemaField("stream", "STRING", description="Name of the Singer stream"),
    SchemaField("table_name", "STRING", description="Full name of the table that the record is missing from"),
    SchemaField("record_key", "STRING", description="Key of the record, as JSON; NULL when it cannot be read"),
    SchemaField("reason", "STRING", description="What does not fit"),
    SchemaField("record", "STRING", description="The record as it came, as JSON; a long one is cut off"),
    SchemaField("rejected", "TIMESTAMP", description="When it was rejected"),
    SchemaField("open", "BOOL", description="FALSE when a later version of the record has come"),
)

_ARROW_TYPES = {"STRING": pa.string(), "TIMESTAMP": pa.timestamp("us", "UTC"), "BOOL": pa.bool_()}
_ARROW_SCHEMA = pa.schema([(one.name, _ARROW_TYPES[one.field_type]) for one in REJECTED_FIELDS])


class Quarantine:
    """The rejected records of one company."""

    def __init__(self, warehouse: Warehouse, run: Mapping[str, str | None], folder: Path) -> None:
        """Look at the table no earlier than needed.

        Args:
            warehouse: Where it is.
            run: `run_id`, `company` and `tenant_id`, the same for all rows.
            folder: A temporary folder.
        """
        self.table_id = warehouse.log_id(REJECTED_TABLE)
        self._warehouse = warehouse
        self._run = run
        self._folder = folder
        self._jobs = 0
        # One at a time: BigQuery lets statements that change one table wait for one another, or fail.
        self._lock = threading.Lock()

    @cached_property
    def _open_keys(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        if self._warehouse.table(self.table_id):
            for row in self._warehouse.run(sql.open_rejects(self.table_id), "open-rejects").rows:
                found.setdefault(row["table_name"], []).append(row["record_key"])
        return found

    def open_keys(self, table_name: str) -> list[str]:
        """Return the keys of open entries of earlier runs.

        Raises:
            WarehouseError: If BigQuery does not tell.
        """
        return self._open_keys.get(table_name, [])

    def settle(self, stream: str, table_name: str, entries: Sequence[Entry], settled: Collection[str]) -> None:
        """Close entries, and then add new ones.

        Args:
            stream: Name of the stream.
            table_name: Full name of its table.
            entries: The new ones.
            settled: Keys of which a later version has come.

        Raises:
            WarehouseError: If BigQuery does not take them.
        """
        with self._lock:
            self._jobs += 1
            if settled and self._warehouse.table(self.table_id):
                parameters = [
                    ScalarQueryParameter("table_name", "STRING", table_name),
                    ArrayQueryParameter("record_keys", "STRING", list(settled)),
                ]
                name = f"close-rejects-{self._jobs}"
                self._warehouse.run(sql.close_rejects(self.table_id), name, parameters=parameters)
            if entries:
                constant = {**self._run, "stream": stream, "table_name": table_name}
                self._load([{**constant, **vars(entry)} for entry in entries])

    def _load(self, rows: list[dict[str, Any]]) -> None:
        name = f"{REJECTED_TABLE}-{self._jobs}"
        path = self._folder / f"{name}.parquet"
        with writing(self._folder, REJECTED_TABLE):
            pq.write_table(pa.Table.from_pylist(rows, schema=_ARROW_SCHEMA), path)
        self._warehouse.create_table(self.table_id, REJECTED_FIELDS)
        self._warehouse.load(path, self.table_id, REJECTED_FIELDS, name)
        path.unlink()
