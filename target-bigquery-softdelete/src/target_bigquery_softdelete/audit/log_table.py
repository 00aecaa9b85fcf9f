"""A table of the log dataset to which a run appends rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from google.cloud.bigquery import SchemaField

from target_bigquery_softdelete.bigquery.table_layout import Layout
from target_bigquery_softdelete.config.options import PartitionBy
from target_bigquery_softdelete.runtime.temp_files import name_disk_errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from target_bigquery_softdelete.bigquery.warehouse import Warehouse

_ARROW_TYPES = {
    "STRING": pa.string(),
    "TIMESTAMP": pa.timestamp("us", "UTC"),
    "INT64": pa.int64(),
    "BOOL": pa.bool_(),
}


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
        self._arrow_schema = pa.schema([(field.name, _ARROW_TYPES[field.field_type]) for field in fields])

    def append(self, rows: Sequence[Mapping[str, Any]], job_name: str) -> None:
        """Append rows with one load job.

        Args:
            rows: Values by column. A missing one becomes NULL.
            job_name: What the job is, unique in the run.

        Raises:
            PluginError: If the temporary folder is full.
            WarehouseError: If BigQuery refuses the rows.
        """
        path = self._folder / f"{job_name}.parquet"
        with name_disk_errors(self._folder, self.table_id.table):
            pq.write_table(pa.Table.from_pylist(list(rows), schema=self._arrow_schema), path)
        self._create_or_extend()
        self._warehouse.statements.load(path, self.table_id, self._fields, job_name)
        path.unlink()

    def _create_or_extend(self) -> None:
        table, _ = self._warehouse.create_table(self.table_id, self._fields, layout=self._layout)
        known = {field.name for field in table.schema}
        missing = [field for field in self._fields if field.name not in known]
        if missing:
            self._warehouse.extend_table(table, [*table.schema, *missing])
