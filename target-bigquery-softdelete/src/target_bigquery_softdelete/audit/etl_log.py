"""The audit log: one row for each stream of each run, in `<log_dataset>.etl_logs`."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from google.cloud.bigquery import SchemaField

from target_bigquery_softdelete.load.delete_guard import DeletesRefusedError
from target_bigquery_softdelete.plugin_runtime.clock import utc_now
from target_bigquery_softdelete.plugin_runtime.redaction import redact
from target_bigquery_softdelete.runtime.temp_files import writing

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence
    from pathlib import Path

    from target_bigquery_softdelete.bigquery.warehouse import Warehouse

LOG_TABLE = "etl_logs"

SOFTWARE = f"target-bigquery-softdelete {version('target-bigquery-softdelete')}"

SUCCESS, FAILED, REFUSED = "success", "failed", "deletes_refused"
DRY_RUN = "dry_run"

LOG_FIELDS = (
    SchemaField("run_id", "STRING", description="The run; the same for all its streams"),
    SchemaField("company", "STRING", description="Label `company` of the target's settings"),
    SchemaField("tenant_id", "STRING", description="Tenant of the target's settings"),
    SchemaField("stream", "STRING", description="Name of the Singer stream"),
    SchemaField("table_name", "STRING", description="Full name of the table"),
    SchemaField("started", "TIMESTAMP", description="When the first message of the stream was read"),
    SchemaField("ended", "TIMESTAMP", description="When the stream was done with"),
    SchemaField(
        "status",
        "STRING",
        description="success, failed, deletes_refused (the upserts have landed), or dry_run and what would be",
    ),
    SchemaField("rows_read", "INT64", description="Records that the tap sent"),
    SchemaField("rows_inserted", "INT64", description="Rows with a key that the table did not have"),
    SchemaField("rows_updated", "INT64", description="Live rows in which a column changed"),
    SchemaField("rows_deleted", "INT64", description="Rows that were marked DELETE"),
    SchemaField("rows_restored", "INT64", description="Rows that were marked DELETE and came back"),
    SchemaField("rows_unchanged", "INT64", description="Rows that were read and left alone"),
    SchemaField("rows_rejected", "INT64", description="Records that did not fit their schema"),
    SchemaField("bytes_staged", "INT64", description="Size of the staged Parquet files"),
    SchemaField("bytes_billed", "INT64", description="Bytes that BigQuery bills for the statements on the table"),
    SchemaField("slot_ms", "INT64", description="Slot time of these statements, in milliseconds"),
    SchemaField("error", "STRING", description="Why the stream failed, or why deletes were refused"),
    SchemaField("software_version", "STRING", description="Version of target-bigquery-softdelete"),
)

MOST_SHOWN_STREAMS = 20

_ARROW_TYPES = {"STRING": pa.string(), "TIMESTAMP": pa.timestamp("us", "UTC"), "INT64": pa.int64()}


@dataclass(frozen=True)
class MergeResult:
    """What one merge did, in rows."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    restored: int = 0
    unchanged: int = 0
    refusal: str | None = None
    """Why missing rows were not marked deleted, where the guard said so."""


@dataclass
class StreamReport:
    """What happened to one stream in this run. The counts are exact."""

    stream: str
    table_name: str
    started: dt.datetime = field(default_factory=utc_now)
    ended: dt.datetime | None = None
    status: str = SUCCESS
    rows_read: int = 0
    rows_inserted: int = 0
    rows_updated: int = 0
    rows_deleted: int = 0
    rows_restored: int = 0
    rows_unchanged: int = 0
    rows_rejected: int = 0
    bytes_staged: int = 0
    bytes_billed: int = 0
    slot_ms: int = 0
    error: str | None = None
    dry_run: bool = False
    """Whether the counts are of what a real run would have done."""

    @property
    def row(self) -> dict[str, Any]:
        """The stream's part of its row in the log."""
        status = self.status if not self.dry_run else DRY_RUN if self.status == SUCCESS else f"{DRY_RUN}_{self.status}"
        return {**vars(self), "status": status, "error": redact(self.error) if self.error else None}

    def add(self, result: MergeResult) -> None:
        """Add what one merge did."""
        self.rows_inserted += result.inserted
        self.rows_updated += result.updated
        self.rows_deleted += result.deleted
        self.rows_restored += result.restored
        self.rows_unchanged += result.unchanged

    def fail(self, error: Exception) -> None:
        """Note why the stream did not end well."""
        self.status = REFUSED if isinstance(error, DeletesRefusedError) else FAILED
        self.error = str(error)

    def summary(self) -> str:
        """Return the counts as one line."""
        counts = ", ".join(
            f"{name} {getattr(self, f'rows_{name}')}"
            for name in ("read", "inserted", "updated", "deleted", "restored", "unchanged")
        )
        rejected = f", rejected {self.rows_rejected}" if self.rows_rejected else ""
        return f"{'dry run: ' * self.dry_run}{self.stream}: {counts}{rejected}"


def progress(streams: Sequence[tuple[StreamReport, int]]) -> str:
    """Return how far a run got, as one line: those streams first that lack most.

    Args:
        streams: Reports, each with the number of rows that are merged.
    """
    behind = sorted(streams, key=lambda one: one[1] - one[0].rows_read)
    shown = [f"{report.stream}: {report.rows_read} rows read, {merged} merged" for report, merged in behind]
    more = f"; and {len(shown) - MOST_SHOWN_STREAMS} more streams" if len(shown) > MOST_SHOWN_STREAMS else ""
    return "; ".join(shown[:MOST_SHOWN_STREAMS]) + more if shown else "No stream was read"


def write_reports(warehouse: Warehouse, reports: Sequence[StreamReport], run: dict[str, Any], folder: Path) -> None:
    """Append the rows of a run to the audit log.

    Args:
        warehouse: Where the log is.
        reports: One for each stream.
        run: `run_id`, `company` and `tenant_id`, the same for all rows.
        folder: A temporary folder.

    Raises:
        WarehouseError: If BigQuery does not take them.
    """
    constant = {**run, "software_version": version("target-bigquery-softdelete")}
    rows = [{**constant, **report.row} for report in reports]
    schema = pa.schema([(one.name, _ARROW_TYPES[one.field_type]) for one in LOG_FIELDS])
    path = folder / f"{LOG_TABLE}.parquet"
    with writing(folder, LOG_TABLE):
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)

    table_id = warehouse.log_id(LOG_TABLE)
    table, _ = warehouse.create_table(table_id, LOG_FIELDS)
    known = {one.name for one in table.schema}
    missing = [one for one in LOG_FIELDS if one.name not in known]
    if missing:
        warehouse.extend_table(table, [*table.schema, *missing])
    warehouse.load(path, table_id, LOG_FIELDS, LOG_TABLE)
    path.unlink()
