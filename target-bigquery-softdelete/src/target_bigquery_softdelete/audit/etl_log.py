"""The audit log: one row for each stream of each run, in `<log_dataset>.etl_logs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.cloud.bigquery import SchemaField

from target_bigquery_softdelete.audit.log_table import ORIGIN_FIELDS, LogTable
from target_bigquery_softdelete.runtime.about import SOFTWARE, VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from target_bigquery_softdelete.audit.stream_report import StreamReport
    from target_bigquery_softdelete.bigquery.warehouse import Warehouse
    from target_bigquery_softdelete.sql.identifiers import TableId

LOG_TABLE = "etl_logs"

LOG_FIELDS = (
    SchemaField("run_id", "STRING", description="The run; the same for all its streams"),
    *ORIGIN_FIELDS,
    SchemaField("table_name", "STRING", description="Full name of the table"),
    SchemaField("started", "TIMESTAMP", description="When the first message of the stream was read"),
    SchemaField("ended", "TIMESTAMP", description="When the stream ended"),
    SchemaField(
        "status",
        "STRING",
        description="success: read to its end, and written. skipped, incomplete: the tap says why. failed. "
        "deletes_refused: the upserts have landed. In a dry run dry_run, or dry_run_ and one of the others",
    ),
    SchemaField("rows_read", "INT64", description="Records that the tap sent"),
    SchemaField("rows_inserted", "INT64", description="Rows with a key that the table did not have"),
    SchemaField("rows_updated", "INT64", description="Live rows in which a column changed"),
    SchemaField("rows_deleted", "INT64", description="Rows that were marked DELETE"),
    SchemaField("rows_marked", "INT64", description="Those of them that were live before; the others are new"),
    SchemaField("rows_restored", "INT64", description="Rows that were marked DELETE and came back"),
    SchemaField("rows_unchanged", "INT64", description="Rows that were read and left alone"),
    SchemaField("rows_rejected", "INT64", description="Records that did not fit their schema"),
    SchemaField(
        "bytes_staged", "INT64", description="Size of the staged Parquet files, or of the rows that statements carried"
    ),
    SchemaField("bytes_billed", "INT64", description="Bytes that BigQuery bills for the statements on the table"),
    SchemaField("slot_ms", "INT64", description="Slot time of these statements, in milliseconds"),
    SchemaField(
        "source_ms",
        "INT64",
        description="Milliseconds of the whole run, the same in all its rows, that it waited for the tap's next line",
    ),
    SchemaField(
        "staging_ms",
        "INT64",
        description="Milliseconds of the whole run that it waited for the conversion and the loading of rows",
    ),
    SchemaField(
        "bigquery_ms",
        "INT64",
        description="Milliseconds of the whole run that are left until its last stream ended: lease, checks, merges",
    ),
    SchemaField(
        "deletes_allowed",
        "BOOL",
        description="Whether the run marked without limits (allow_mass_delete)",
    ),
    SchemaField("error", "STRING", description="Why the status is not success"),
    SchemaField(
        "schema_changes",
        "STRING",
        description="How the source has changed: new columns, other types, and fields that have no column",
    ),
    SchemaField(
        "fingerprint", "STRING", description="What stands for the complete snapshot that the table was equal to"
    ),
    SchemaField(
        "table_state", "STRING", description="When the table, and its history, were last changed then, and their rows"
    ),
    SchemaField("software_version", "STRING", description="Version of target-bigquery-softdelete"),
)


def etl_log(warehouse: Warehouse, folder: Path) -> LogTable:
    """Return the audit log. It is not created yet.

    Args:
        warehouse: Where it is.
        folder: A temporary folder.
    """
    description = f"One row for each stream of each run, written by {SOFTWARE}"
    return LogTable(warehouse, LOG_TABLE, LOG_FIELDS, folder, partition_by="started", description=description)


def write_reports(log: LogTable, reports: Sequence[StreamReport], run: dict[str, Any], a_table: TableId) -> None:
    """Append the rows of a run to the audit log.

    Args:
        log: The log.
        reports: The report of each stream.
        run: Columns that are the same for all rows: `run_id`, `company`, `tenant_id`, and where the time went.
        a_table: Any name of a table in the dataset of the tables.

    Raises:
        WarehouseError: If BigQuery refuses them.
    """
    rows = [{**run, "software_version": VERSION, **report.row} for report in reports]
    has_changes = any(report.expected_rows is not None for report in reports)
    log.append(rows, LOG_TABLE, states_of=a_table if has_changes else None)
