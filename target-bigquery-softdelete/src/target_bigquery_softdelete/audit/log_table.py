"""A table of the log dataset to which a run appends rows."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from google.cloud.bigquery import ScalarQueryParameter, SchemaField

from target_bigquery_softdelete.bigquery.table_layout import Layout
from target_bigquery_softdelete.bigquery.table_schema import column_of
from target_bigquery_softdelete.config.options import PartitionBy
from target_bigquery_softdelete.records.inline_rows import NUL, sent_bytes, texts
from target_bigquery_softdelete.runtime.temp_files import name_disk_errors
from target_bigquery_softdelete.schema.columns import Column, Kind
from target_bigquery_softdelete.sql.inline import ROWS_PARAMETER
from target_bigquery_softdelete.sql.table_states import ADDED_COLUMNS, log_rows, log_rows_with_states

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from target_bigquery_softdelete.bigquery.warehouse import Warehouse
    from target_bigquery_softdelete.sql.identifiers import TableId

_ARROW_TYPES = {
    "STRING": pa.string(),
    "TIMESTAMP": pa.timestamp("us", "UTC"),
    "INT64": pa.int64(),
    "BOOL": pa.bool_(),
}

_STATE_COLUMNS = tuple(Column(name, name, Kind.INT64) for name in ADDED_COLUMNS)
"""What rows have besides the columns of the log, so that they can get the states of their tables."""

MOST_INLINE_BYTES = 4_000_000
"""Rows that take more in a request are loaded from a file. A request may have 10 MB."""

ORIGIN_FIELDS = (
    SchemaField("company", "STRING", description="Label `company` of the target's settings"),
    SchemaField("tenant_id", "STRING", description="Tenant of the target's settings"),
    SchemaField("stream", "STRING", description="Name of the Singer stream"),
)
"""The columns that say where a row of a log table comes from."""


class LogTable:
    """One table of the log dataset. It is created, or gets missing columns, when rows are appended."""

    def __init__(  # noqa: PLR0913 - what it is, and where
        self,
        warehouse: Warehouse,
        name: str,
        fields: Sequence[SchemaField],
        folder: Path,
        *,
        partition_by: str,
        description: str,
    ) -> None:
        """Describe the table. Nothing is created yet.

        Args:
            warehouse: Where it is.
            name: Its name in the log dataset.
            fields: Its schema: columns of the types STRING, TIMESTAMP, INT64 and BOOL.
            folder: A temporary folder.
            partition_by: The TIMESTAMP column by whose months a new table is partitioned. It is clustered by stream.
                One that exists stays as it is: BigQuery cannot change that.
            description: What is in it.
        """
        self.table_id = warehouse.log_id(name)
        self._warehouse = warehouse
        self._fields = fields
        self._folder = folder
        self._layout = Layout(
            clustering=("stream",), partition_by=PartitionBy(partition_by, "MONTH"), description=description
        )
        self._columns = [*map(column_of, fields), *_STATE_COLUMNS]
        self._arrow_schema = pa.schema([(column.name, _ARROW_TYPES[column.sql_type]) for column in self._columns])
        self._lock = threading.Lock()
        self._is_ready = False
        """Whether it is known to exist with all columns."""
        self.columns_before: frozenset[str] | None = None
        """The columns that it had before this run, in lower case. None if there was none, or it was not looked at."""

    def append(self, rows: Sequence[Mapping[str, Any]], job_name: str, *, states_of: TableId | None = None) -> None:
        """Append rows with one job.

        Args:
            rows: Values by column. A missing one becomes NULL.
            job_name: What the job is, unique in the run.
            states_of: Any name of a table in the dataset of the tables, if rows are to get the states of their tables.
                See :func:`~target_bigquery_softdelete.sql.table_states.log_rows_with_states`.

        Raises:
            PluginError: If the temporary folder is full.
            WarehouseError: If BigQuery refuses the rows.
        """
        self.create_or_extend()
        table = pa.Table.from_pylist(list(rows), schema=self._arrow_schema)
        text = msgspec.json.encode(texts(table, self._columns)).decode()
        if sent_bytes(text) > MOST_INLINE_BYTES or NUL in text:
            self._load(table.select([field.name for field in self._fields]), job_name)
            return
        if states_of is None:
            sql = log_rows(self._columns[: len(self._fields)])
        else:
            sql = log_rows_with_states(self._columns, states_of)
        parameters = [ScalarQueryParameter(ROWS_PARAMETER, "STRING", text)]
        self._warehouse.statements.run(sql, job_name, parameters=parameters, append_to=self.table_id, with_costs=False)

    def _load(self, table: pa.Table, job_name: str) -> None:
        path = self._folder / f"{job_name}.parquet"
        with name_disk_errors(self._folder, self.table_id.table):
            pq.write_table(table, path)
        self._warehouse.statements.load(path, self.table_id, self._fields, job_name)
        path.unlink()

    def create_or_extend(self) -> None:
        """Create the table, or add the columns that it lacks, unless it is known to be as it must.

        Raises:
            WarehouseError: If BigQuery refuses.
        """
        with self._lock:
            if not self._is_ready:
                self._create_or_extend()
                self._is_ready = True

    def note_complete(self) -> None:
        """Note that it is known to exist with all columns, so that nothing needs to be asked."""
        self.columns_before = frozenset(field.name.lower() for field in self._fields)
        self._is_ready = True

    def _create_or_extend(self) -> None:
        table, is_new = self._warehouse.create_table(self.table_id, self._fields, layout=self._layout)
        known = {field.name for field in table.schema}
        self.columns_before = None if is_new else frozenset(name.lower() for name in known)
        missing = [field for field in self._fields if field.name not in known]
        if missing:
            self._warehouse.extend_table(table, [*table.schema, *missing])
