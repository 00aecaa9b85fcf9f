"""The sink of one stream. It conducts: convert, stage, load, merge and log are modules of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.sinks import Sink

from target_bigquery_softdelete.audit.stream_report import StreamReport
from target_bigquery_softdelete.errors import DeletesRefusedError, NeedsBigNumericError
from target_bigquery_softdelete.load.dry_run import StandIn
from target_bigquery_softdelete.load.history import History
from target_bigquery_softdelete.load.live_view import LiveView
from target_bigquery_softdelete.load.merge import Staged, TableMerge
from target_bigquery_softdelete.load.stage import Stage
from target_bigquery_softdelete.plugin_runtime.clock import utc_now
from target_bigquery_softdelete.plugin_runtime.compat import override
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.records.rejects import Rejects
from target_bigquery_softdelete.schema.columns import TableColumns, table_columns
from target_bigquery_softdelete.schema.naming import history_name, live_name, table_name
from target_bigquery_softdelete.singer.versions import Snapshots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from target_bigquery_softdelete.audit.stream_report import MergeResult
    from target_bigquery_softdelete.records.block_converter import Converted
    from target_bigquery_softdelete.schema.json_schema import JsonSchema
    from target_bigquery_softdelete.sql.identifiers import TableId
    from target_bigquery_softdelete.target import TargetBigQuerySoftDelete


class BigQuerySoftDeleteSink(Sink):
    """Takes the records of one stream into its table.

    The sink lives as long as the stream. Each schema that the stream has gets a stage of its own; they are merged into
    the one table in the order in which they came. An error ends the stream, not the run: it is kept in `error`.
    """

    def __init__(
        self,
        target: TargetBigQuerySoftDelete,
        stream_name: str,
        schema: JsonSchema,
        key_properties: Sequence[str] | None,
    ) -> None:
        super().__init__(target, stream_name, schema, key_properties)
        self._run = target.run
        self._settings = target.run.settings
        table_id = self._run.warehouse.table_id(table_name(stream_name))
        self._stand_in = self._new_stand_in(table_id) if self._settings.dry_run else None
        self._merge = self._new_merge(table_id, keyed=bool(key_properties))
        self._snapshots = Snapshots(stream_name)
        self._rejects = self._new_rejects(str(table_id))
        self._present: list[Stage] = []
        """The keys of rejected records of a snapshot: they were there, so their rows are not missing."""
        self._stage_count = 0
        self._stage = self._new_stage(self._columns(self.schema, self.key_properties))
        self._earlier: list[Stage] = []
        """Stages before the present one whose tables are still needed."""
        self.report = StreamReport(stream_name, str(table_id), dry_run=self._settings.dry_run)
        self.rows_merged = 0
        """Records that are merged."""
        self.error: PluginError | None = None

    @property
    @override
    def include_sdc_metadata_properties(self) -> bool:
        # `_etl_synced` and `_etl_operation` say what the `_sdc_*` columns would; those change with every run.
        return False

    @override
    def get_validator(self) -> None:
        # The conversion is the validation: every record passes it, at native speed.
        return None

    @property
    def buffered_bytes(self) -> int:
        """Size of the block of raw records that is in memory."""
        return self._stage.buffered_bytes

    @property
    def unmerged_rows(self) -> int:
        """Records that were read since the last merge."""
        return self.current_size

    @property
    def merges_early(self) -> bool:
        """Whether the rows so far may be merged before the end. A snapshot is one MERGE, at its end."""
        keyed = bool(self.key_properties)
        return not self._snapshots.announced and (keyed or self._settings.keyless_streams == "append")

    def change_schema(self, schema: JsonSchema, key_properties: Sequence[str]) -> None:
        """Take a changed SCHEMA message: what came before it is merged as it was announced."""
        self.original_schema = self.schema = schema
        self._remove_sdc_metadata_from_schema()
        self._key_properties = list(key_properties)
        self._attempt(lambda: self._next_stage(self._columns(self.schema, key_properties)))

    def append(self, records: Sequence[bytes], version: int | None) -> None:
        """Take records.

        Args:
            records: Each a JSON object as bytes.
            version: Version of the snapshot that they belong to, where the tap says so.
        """
        self.tally_record_read(len(records))
        self.record_counter_metric.increment(len(records))
        self.report.rows_read += len(records)
        self._snapshots.records(version, len(records))
        if self.error is None:
            self._stage.append(records)

    @override
    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Take one record as the SDK hands it over."""
        self.append([msgspec.json.encode(record)], None)

    @override
    def activate_version(self, new_version: int) -> None:
        """Take an ACTIVATE_VERSION message: the snapshot of that version is complete."""
        self._snapshots.activate(new_version)

    def convert(self) -> None:
        """Convert the block that is in memory and write it to the local file."""
        self._attempt(self._convert)

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        """Merge the rows so far, before the end of the stream."""
        self._attempt(lambda: self._next_stage(self._stage.columns))

    def finish(self) -> None:
        """Merge what is left, and mark rows deleted if a complete snapshot says so."""
        self._attempt(self._finish)
        for warning in (*self._snapshots.warnings(), *self._quarantined()):
            self.logger.warning("%s", warning)
        self.report.rows_rejected = self._rejects.count
        self.report.bytes_billed = self._merge.bytes_billed
        self.report.slot_ms = self._merge.slot_ms
        self.report.ended = utc_now()

    @override
    def clean_up(self) -> None:
        """Remove the staging tables. Those of a failed stream stay, to be looked at, until they expire."""
        if self.error is None:
            for stage in (*self._earlier, *self._present, self._stage):
                self._attempt(stage.drop)
            if self._stand_in:
                self._attempt(self._stand_in.drop)

    def _attempt(self, step: Callable[[], object]) -> None:
        if self.error is not None:
            return
        try:
            step()
        except PluginError as error:
            self.fail(error)
        except Exception as error:
            self.logger.debug("Where it happened:", exc_info=error)
            self.fail(PluginError(f"{self.stream_name}: unexpected {type(error).__name__}: {error}"))

    def fail(self, error: PluginError) -> None:
        """End the stream with an error. The first one counts."""
        if self.error is not None:
            return
        self.error = error
        self.report.fail(error)
        self._stage.discard()
        self.logger.error("%s", error)
        error.reported = True

    def _columns(self, schema: JsonSchema, key_properties: Sequence[str]) -> TableColumns:
        return table_columns(
            schema,
            key_properties,
            stream=self.stream_name,
            naming=self._settings.column_naming,
            keep_extra=self._settings.additional_properties == "keep",
        )

    def _new_merge(self, table_id: TableId, *, keyed: bool) -> TableMerge:
        warehouse, settings, stream = self._run.warehouse, self._settings, self.stream_name
        history = live_view = None
        if settings.has_history(stream, keyed=keyed):
            history = History(warehouse, table_id, warehouse.table_id(history_name(stream)))
        if settings.live_views:
            live_view = LiveView(warehouse, table_id, warehouse.table_id(live_name(stream)))
        return TableMerge(
            warehouse,
            self._stand_in.table_id if self._stand_in else table_id,
            settings.delete_limits,
            stream=stream,
            lease=self._run.lease,
            history=history,
            live_view=live_view,
            stand_in=self._stand_in,
        )

    def _new_stand_in(self, table_id: TableId) -> StandIn:
        warehouse = self._run.warehouse
        name = f"{table_id.table}__{self._run.run_id}_0"  # the stages count from 1
        return StandIn(warehouse, table_id, warehouse.staging_id(name))

    def _new_stage(self, columns: TableColumns) -> Stage:
        self._stage_count += 1
        name = f"{table_name(self.stream_name)}__{self._run.run_id}_{self._stage_count}"
        return Stage(
            self.stream_name,
            columns,
            self._run.warehouse.staging_id(name),
            warehouse=self._run.warehouse,
            folder=self._run.folder,
            executor=self._run.loads,
            rejects=self._run.quarantine is not None,
        )

    def _new_rejects(self, table_name: str) -> Rejects:
        quarantine = self._run.quarantine
        open_keys = quarantine.open_keys(table_name) if quarantine else ()
        return Rejects(self.stream_name, self._settings.max_rejected_records, open_keys)

    def _convert(self) -> None:
        try:
            converted = self._stage.convert()
            if converted is not None and self._run.quarantine is not None:
                self._reject(converted)
        except NeedsBigNumericError as error:
            self.logger.info("%s: `%s` needs BIGNUMERIC", self.stream_name, error.place)
            records = self._stage.take_block()
            self._next_stage(self._stage.columns.with_bignumeric(error.place))
            self._stage.append(records)
            self._convert()

    def _reject(self, converted: Converted) -> None:
        """Keep account of the records that do not fit, and of what their keys say of a snapshot."""
        keys = self._rejects.take(converted, self._stage.columns)
        if self._rejects.unreadable_keys:
            self._snapshots.void("a record was rejected whose key cannot be read")
        if keys and self._snapshots.versioned:
            present = self._present_stage(TableColumns(self._stage.columns.key_columns(), self._stage.columns.key))
            present.append([text.encode() for text in keys])
            present.convert()

    def _present_stage(self, key: TableColumns) -> Stage:
        if not self._present or self._present[-1].columns != key:
            self._present.append(self._new_stage(key))
        return self._present[-1]

    def _settle(self) -> None:
        """Write down which records were rejected, and which of them have come again: after their rows, before STATE."""
        entries, settled = self._rejects.settle()
        if self._run.quarantine is not None and (entries or settled) and not self._settings.dry_run:
            self._run.quarantine.flush(self.stream_name, self.report.table_name, entries, settled)

    def _quarantined(self) -> Iterator[str]:
        if self._run.quarantine is not None and self._rejects.count and self.error is None:
            yield (
                f"{self.stream_name}: {self._rejects.count} records do not fit their schema; they are in "
                f"`{self._run.quarantine.table_id}`. The first one: {self._rejects.first_reason}"
            )

    def _next_stage(self, columns: TableColumns) -> None:
        """Merge the present stage and begin one with these columns."""
        self._convert()
        stage = self._finished_stage()
        if stage is not None:
            self._keep_or_drop(stage, merged=self._merge_stage(stage))
        if columns.key != self._stage.columns.key:
            self._snapshots.void("its key changed on the way")
        self._settle()
        self._stage = self._new_stage(columns)
        self.mark_drained()

    def _merge_stage(self, stage: Stage) -> bool:
        staged = _staged(stage)
        if stage.columns.key:
            self._count(self._merge.merge(staged, complete=False), stage.rows)
        elif self._settings.keyless_streams == "append":
            self._count(self._merge.append(staged), stage.rows)
        else:
            return False  # at the end it is known whether the snapshot is complete
        return True

    def _keep_or_drop(self, stage: Stage, *, merged: bool) -> None:
        if merged and not self._snapshots.versioned:
            self._snapshots.void("records without a version came before it")
            stage.drop()
        else:
            self._earlier.append(stage)  # its keys tell which rows are missing, or its rows are still to be written

    def _finished_stage(self) -> Stage | None:
        """Return the present stage with all its rows loaded, or nothing when it has none."""
        if not self._stage.rows:
            return None
        self._stage.finish()
        self.report.bytes_staged += self._stage.bytes_staged
        if self._stage.dropped_nulls:
            self.logger.warning(
                "%s: left out %d null elements of arrays, which BigQuery cannot store",
                self.stream_name,
                self._stage.dropped_nulls,
            )
        return self._stage

    def _finish(self) -> None:
        self._convert()
        stage = self._finished_stage()
        if self._snapshots.empty and self.key_properties:
            self._count(self._merge.empty_snapshot(self._stage.columns))
        elif self.key_properties:
            self._finish_keyed(stage)
        else:
            self._finish_keyless(stage)
        self._settle()

    def _finish_keyed(self, stage: Stage | None) -> None:
        complete = self._snapshots.complete
        rows = stage.rows if stage else 0
        if stage is None and complete:
            # All rows are merged, or rejected; what is missing is not marked yet.
            stage = self._earlier[-1] if self._earlier else self._without_rows()
        if stage is not None:
            also_present = tuple(one.table_id for one in self._also_present() if one is not stage) if complete else ()
            staged = _staged(stage)
            self._count(self._merge.merge(staged, complete=complete, also_present=also_present), rows)

    def _without_rows(self) -> Stage:
        self._stage.create()
        return self._stage

    def _also_present(self) -> list[Stage]:
        """Return the stages that tell which keys were seen, apart from those that are being merged."""
        for stage in self._present:
            stage.finish()
        return [*self._present, *self._earlier]

    def _finish_keyless(self, stage: Stage | None) -> None:
        stages = [one for one in (*self._earlier, stage) if one is not None]
        staged = [_staged(one) for one in stages]
        rows = sum(one.rows for one in stages)
        if staged and self._settings.keyless_streams == "replace" and self._snapshots.complete:
            self._count(self._merge.replace(staged, rows), rows)
            return
        if staged and self._settings.keyless_streams == "replace":
            self.logger.warning("%s: not a complete snapshot, so its rows are appended", self.stream_name)
        for one, from_stage in zip(staged, stages, strict=True):
            self._count(self._merge.append(one), from_stage.rows)

    def _count(self, result: MergeResult, rows: int = 0) -> None:
        self.report.add(result)
        self.rows_merged += rows
        self._settle()
        if result.refusal:
            raise DeletesRefusedError(result.refusal)


def _staged(stage: Stage) -> Staged:
    return Staged(stage.table_id, stage.columns, stage.ranges, has_deletions=stage.has_deletions)
