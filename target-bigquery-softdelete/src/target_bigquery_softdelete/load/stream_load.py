"""Brings the records of one stream into its table: stage, prepare, merge, record, drop."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from target_bigquery_softdelete.audit.stream_report import StreamReport
from target_bigquery_softdelete.errors import DeletesRefusedError, NeedsBigNumericError
from target_bigquery_softdelete.load.merge import append, mark_all_deleted, merge, replace
from target_bigquery_softdelete.load.prepare_table import prepare_existing_table, prepare_table
from target_bigquery_softdelete.load.rejections import Rejections
from target_bigquery_softdelete.load.stream_stages import StreamStages
from target_bigquery_softdelete.load.stream_table import stream_table
from target_bigquery_softdelete.plugin_runtime.clock import utc_now
from target_bigquery_softdelete.schema.from_json_schema import table_columns
from target_bigquery_softdelete.schema.naming import table_name
from target_bigquery_softdelete.singer.versions import VersionTracker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_bigquery_softdelete.audit.stream_report import MergeResult
    from target_bigquery_softdelete.context import Run
    from target_bigquery_softdelete.load.stage import StagingTable
    from target_bigquery_softdelete.schema.columns import TableColumns
    from target_bigquery_softdelete.schema.json_schema import JsonSchema
    from target_bigquery_softdelete.sql.identifiers import TableId

logger = logging.getLogger(__name__)


class StreamLoad:
    """The load of one stream in one run.

    Each schema that the stream has gets a staging table of its own. They are merged into the one table in the order
    in which they came.
    """

    def __init__(self, run: Run, stream: str, schema: JsonSchema, key_properties: Sequence[str]) -> None:
        """Begin to load a stream.

        Args:
            run: The run.
            stream: Name of the stream.
            schema: JSON Schema of its records.
            key_properties: Source names of its key.

        Raises:
            PluginError: If the stream cannot have a table.
        """
        table_id = str(run.warehouse.table_id(table_name(stream)))
        self._run = run
        self._stream = stream
        self._table = stream_table(run, stream, keyed=bool(key_properties))
        self._versions = VersionTracker(stream)
        self._rejections = Rejections(run, stream, table_id)
        columns = self._columns(schema, key_properties)
        self._stages = StreamStages(run, stream, columns, versions=self._versions, rejections=self._rejections)
        self.report = StreamReport(stream, table_id, dry_run=run.settings.dry_run)
        self.rows_merged = 0
        """Records that are merged."""
        self.unmerged_rows = 0
        """Records that were read since the last merge."""

    @property
    def buffered_bytes(self) -> int:
        """Size of the block of raw records that is in memory."""
        return self._stages.present.buffered_bytes

    @property
    def merges_early(self) -> bool:
        """Whether the rows so far may be merged before the end. A snapshot is one MERGE, at its end."""
        return not self._versions.announced and (self._is_keyed or not self._replaces)

    @property
    def _is_keyed(self) -> bool:
        return bool(self._stages.present.columns.key)

    @property
    def _replaces(self) -> bool:
        """Whether a complete snapshot of a stream without a key replaces the table."""
        return self._run.settings.keyless_streams == "replace"

    def count_read(self, version: int | None, count: int) -> None:
        """Count records that were read.

        Args:
            version: Version of the snapshot that they belong to, where the tap says so.
            count: How many there are.
        """
        self.report.rows_read += count
        self.unmerged_rows += count
        self._versions.count_records(version, count)

    def append(self, records: Sequence[bytes]) -> None:
        """Take records into the block in memory: JSON objects as bytes."""
        self._stages.present.append(records)

    def activate_version(self, version: int) -> None:
        """Take an ACTIVATE_VERSION message: the snapshot of that version is complete."""
        self._versions.activate(version)

    def convert(self) -> None:
        """Convert the block in memory and write it to the local file.

        Raises:
            PluginError: If a record does not fit its schema.
        """
        try:
            self._stages.convert()
        except NeedsBigNumericError as error:
            logger.info("%s: `%s` needs BIGNUMERIC", self._stream, error.place)
            records = self._stages.present.take_block()
            self._merge_and_begin(self._stages.present.columns.with_bignumeric(error.place))
            self._stages.present.append(records)
            self.convert()

    def change_schema(self, schema: JsonSchema, key_properties: Sequence[str]) -> None:
        """Merge the rows so far, and go on with another schema.

        Raises:
            PluginError: If that fails.
        """
        self._merge_and_begin(self._columns(schema, key_properties))

    def merge_early(self) -> None:
        """Merge the rows so far, before the end of the stream.

        Raises:
            PluginError: If that fails.
        """
        self._merge_and_begin(self._stages.present.columns)

    def _merge_and_begin(self, columns: TableColumns) -> None:
        """Merge the present stage, and begin one with these columns."""
        self.convert()
        stage = self._finish_stage()
        if stage is not None:
            self._drop_or_keep(stage, merged=self._merge_stage(stage))
        if columns.key != self._stages.present.columns.key:
            self._versions.invalidate("its key changed on the way")
        self._rejections.flush()
        self._stages.begin(columns)
        self.unmerged_rows = 0

    def _merge_stage(self, stage: StagingTable) -> bool:
        """Merge a stage before the end of the stream, and return whether that can be done so early."""
        if stage.columns.key:
            self._merge(stage, complete=False)
        elif not self._replaces:
            self._append(stage)
        else:
            return False  # only at the end is it known whether the snapshot is complete
        return True

    def _drop_or_keep(self, stage: StagingTable, *, merged: bool) -> None:
        if merged and not self._versions.versioned:
            self._versions.invalidate("records without a version came before it")
            stage.drop()
        else:
            self._stages.earlier.append(stage)  # its keys tell which rows are missing, or its rows are not written yet

    def finish(self) -> None:
        """Merge the rest, and mark rows deleted if a complete snapshot says so.

        Raises:
            PluginError: If that fails.
        """
        self.convert()
        stage = self._finish_stage()
        if self._is_keyed and self._versions.empty:
            self._mark_all_deleted()
        elif self._is_keyed:
            self._merge_last(stage)
        else:
            self._write_keyless([*self._stages.earlier, *([stage] if stage else [])])
        self._rejections.flush()
        self.unmerged_rows = 0

    def _finish_stage(self) -> StagingTable | None:
        stage = self._stages.finish_present()
        self.report.bytes_staged += stage.bytes_staged if stage else 0
        return stage

    def _merge_last(self, stage: StagingTable | None) -> None:
        if not self._versions.complete:
            if stage is not None:
                self._merge(stage, complete=False)
            return
        rows = stage.rows if stage else 0
        if stage is None:
            # All rows are merged or rejected, but missing rows are not marked yet.
            stage = self._stages.reuse_or_create()
        self._stages.load_rejected_keys()
        self._merge(stage, complete=True, rows=rows, seen=self._stages.seen_key_tables(stage))

    def _write_keyless(self, stages: Sequence[StagingTable]) -> None:
        if stages and self._replaces and self._versions.complete:
            self._replace(stages)
            return
        if stages and self._replaces:
            logger.warning("%s: not a complete snapshot, so its rows are appended", self._stream)
        for stage in stages:
            self._append(stage)

    def _merge(
        self, stage: StagingTable, *, complete: bool, rows: int | None = None, seen: tuple[TableId, ...] = ()
    ) -> None:
        staged = stage.staged_rows
        prepared = prepare_table(self._table, staged.columns)
        result = merge(self._table, prepared, staged, complete=complete, seen_key_tables=seen)
        self._record(result, staged.count if rows is None else rows)

    def _append(self, stage: StagingTable) -> None:
        staged = stage.staged_rows
        prepared = prepare_table(self._table, staged.columns)
        self._record(append(self._table, prepared, staged), staged.count)

    def _replace(self, stages: Sequence[StagingTable]) -> None:
        parts = [(prepare_table(self._table, stage.columns), stage.staged_rows) for stage in stages]
        result = replace(self._table, parts)
        self._record(result, result.inserted)

    def _mark_all_deleted(self) -> None:
        prepared = prepare_existing_table(self._table)
        if prepared is not None:
            self._record(mark_all_deleted(self._table, prepared, self._stages.present.columns.key), 0)

    def _record(self, result: MergeResult, rows: int) -> None:
        """Add what was written to the report, and the rejected records of the same rows to the quarantine."""
        self.report.add(result)
        self.rows_merged += rows
        self._rejections.flush()
        if result.refusal:
            raise DeletesRefusedError(result.refusal)

    def end_report(self) -> list[str]:
        """Complete the report, and return warnings about the stream."""
        self.report.rows_rejected = self._rejections.count
        self.report.bytes_billed = self._table.statements.bytes_billed
        self.report.slot_ms = self._table.statements.slot_ms
        self.report.ended = utc_now()
        rejected = () if self.report.error else self._rejections.warnings()
        return [*self._versions.warnings(), *rejected]

    def discard(self) -> None:
        """Delete the local file. The staging tables stay until they expire, for a look at what went wrong."""
        self._stages.present.discard()

    def drop(self) -> None:
        """Drop the staging tables, and a dry run's clone.

        Raises:
            WarehouseError: If BigQuery refuses.
        """
        self._stages.drop()
        if self._table.clone:
            self._table.clone.drop()

    def _columns(self, schema: JsonSchema, key_properties: Sequence[str]) -> TableColumns:
        settings = self._run.settings
        return table_columns(
            schema,
            key_properties,
            stream=self._stream,
            naming=settings.column_naming,
            keep_extra=settings.additional_properties == "keep",
        )
