"""Brings the records of one stream into its table: stage, prepare, merge, record, drop."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from target_bigquery_softdelete.audit.stream_report import MergeResult, StreamReport
from target_bigquery_softdelete.bigquery.new_columns import renamed_columns, with_new_columns
from target_bigquery_softdelete.bigquery.warehouse import FILLED_LABEL
from target_bigquery_softdelete.errors import (
    ChangedKeyError,
    DeletesRefusedError,
    LostRowsError,
    NeedsBigNumericError,
    SecondSnapshotError,
    SharedTableError,
    WarehouseError,
)
from target_bigquery_softdelete.load.continuity import check_continuity
from target_bigquery_softdelete.load.describe_table import describe_table
from target_bigquery_softdelete.load.merge import append, mark_all_deleted, merge, remove_all, replace
from target_bigquery_softdelete.load.null_columns import find_null_columns
from target_bigquery_softdelete.load.prepare_table import prepare_existing_table, prepare_table
from target_bigquery_softdelete.load.snapshot_memory import SnapshotMemory
from target_bigquery_softdelete.load.stream_quarantine import StreamQuarantine
from target_bigquery_softdelete.load.stream_staging import StreamStagingTables
from target_bigquery_softdelete.load.stream_table import make_stream_table
from target_bigquery_softdelete.load.swept_rows import find_swept_rows
from target_bigquery_softdelete.load.table_memory import TableMemory, other_streams, stream_labels
from target_bigquery_softdelete.load.take_over import end_adoption
from target_bigquery_softdelete.plugin_runtime.clock import utc_now
from target_bigquery_softdelete.schema.from_json_schema import lists_nothing, suffixed, table_columns
from target_bigquery_softdelete.schema.naming import table_name
from target_bigquery_softdelete.schema.system_columns import EXTRA
from target_bigquery_softdelete.singer.read_ends import ReadEnd, ReadStatus
from target_bigquery_softdelete.singer.versions import TableVersions, VersionTracker
from target_bigquery_softdelete.sql.limits import check_limits

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from target_bigquery_softdelete.audit.quarantine import Rejections
    from target_bigquery_softdelete.context import Run
    from target_bigquery_softdelete.load.prepare_table import PreparedTable
    from target_bigquery_softdelete.load.staging_table import StagingTable
    from target_bigquery_softdelete.load.swept_rows import SweptRows
    from target_bigquery_softdelete.schema.columns import TableColumns
    from target_bigquery_softdelete.schema.json_schema import JsonSchema
    from target_bigquery_softdelete.singer.swept_ranges import SweptRanges
    from target_bigquery_softdelete.sql.identifiers import TableId

LEAST_GROWTH = 1 / 16
"""What share of the rows that are merged a further early merge of a snapshot must add. Each keeps a staging table, and
the last MERGE reads them all: with this there are 16 after 16 equal merges, and 306 after a billion rows, however small
the intervals. BigQuery reads at most 1,000 tables in one query (https://cloud.google.com/bigquery/quotas#query_jobs)."""

MOST_VERSIONS = 10
"""Versions of a stream in one run that are merged one after the other. The rows of further ones count as the last's."""

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
        self._table_id = run.warehouse.table_id(table_name(stream))
        self._run = run
        self._stream = stream
        self._table = make_stream_table(run, stream, keyed=bool(key_properties))
        self._snapshots = SnapshotMemory(run, self._table)
        self._labels = run.warehouse.labels_at_start(self._table_id)
        """Labels of the table, as far as they are known."""
        self._memory = TableMemory.read(self._labels)
        self._versions = TableVersions(
            stream,
            began_earlier=self._memory.has_begun,
            habits=run.tap_habits,
            was_early=self._memory.announced_early,
        )
        self.sources: set[str] = set()
        """The streams of the input that go into the table."""
        self._declared: set[str] = set()
        """The streams that the settings send into it by name."""
        self._quarantine = StreamQuarantine(run, stream, str(self._table_id))
        columns = self.table_columns(schema, key_properties)
        self._staging = StreamStagingTables(run, stream, columns, versions=self._versions, rejections=self._quarantine)
        self.report = StreamReport(stream, str(self._table_id), dry_run=run.settings.dry_run)
        self._staged_before: dict[int, int] = {}
        """For each version but the first: how many staging tables are older than its first record."""
        self.records_merged = 0
        """Records that are merged."""
        self.unmerged_records = 0
        """Records that were read since the last merge."""
        self._resumed: set[str] = set()
        """Streams of the input that go on from a bookmark, as far as is known. The rows before it are not checked."""
        self._in_parts: set[str] = set()
        """Streams of the input of whose pass an earlier run has read a part: no version of this run has all rows."""
        self._waits = False
        """Whether these rows are gone: only a snapshot, which needs no others, may be written."""
        self._has_moved = False
        """Whether the tap has moved the stream's bookmark since the last merge, or since its snapshot began."""
        self._is_finishing = False
        """Whether `finish` has begun, and is not done."""
        self._is_finished = False

    @property
    def expected_sources(self) -> set[str]:
        """The streams of the input that go into the table, and those that the settings send into it."""
        return self.sources | self._declared

    @property
    def is_written(self) -> bool:
        """Whether the table is as the records say that were read, and has the rows that the tap leaves out."""
        if self._is_finishing or self.unmerged_records or self._table.guard.refusal or self._must_check:
            return False
        # Until the end there may be rows that are still to be marked or replaced, or a version to be remembered.
        awaits_end = (
            self._versions.is_activated or self._versions.is_swept or self._staging.unwritten or self.lacks_table
        )
        return self._is_finished or not (awaits_end or self._lacks(self._remembered()))

    @property
    def lacks_table(self) -> bool:
        """Whether there is no table yet."""
        return self._run.warehouse.is_missing(self._table_id)

    @property
    def buffered_bytes(self) -> int:
        """Size of the block of raw records that is in memory."""
        return self._staging.present.buffered_bytes

    @property
    def merges_early(self) -> bool:
        """Whether the rows so far may be merged before the end.

        A snapshot is one MERGE, at its end, unless the tap saves on the way how far it has come.
        """
        if self._versions.is_swept:
            return False
        if self._versions.is_announced:
            return self._is_keyed and self._has_moved and self._has_grown and not self._versions.is_activated
        return not self._waits and (self._is_keyed or not self._replaces)

    @property
    def _must_check(self) -> bool:
        """Whether the table must have the rows of earlier runs, and it is not known that it has."""
        return bool(self._resumed) and not self._versions.is_empty

    @property
    def _has_grown(self) -> bool:
        """Whether enough records came since the last merge to keep another staging table for them."""
        return self.unmerged_records >= LEAST_GROWTH * self._staging.kept_rows

    @property
    def _is_keyed(self) -> bool:
        return bool(self._staging.present.columns.key)

    @property
    def _replaces(self) -> bool:
        """Whether a complete snapshot of a stream without a key replaces the table."""
        return self._run.settings.keyless_streams == "replace"

    def note_source(self, source: str, declared: Collection[str]) -> None:
        """Note that a stream of the input goes into the table.

        Args:
            source: Its name.
            declared: The streams that the settings send into the table by name.

        Raises:
            ExpiringError: If the table would expire.
            SharedTableError: If the table has rows of another stream, and the settings do not say that both go there.
        """
        is_first = not self.sources
        self.sources.add(source)
        self._declared.update(declared)
        self._versions.of(source).note_schema()
        self._versions.expect(declared)
        self._check_streams(self._labels)
        if is_first:
            self._run.warehouse.check_lifetime(self._stream, self._table_id)
            if self._table.history:
                self._run.warehouse.check_lifetime(self._stream, self._table.history.history_id)

    def _check_streams(self, labels: Mapping[str, str]) -> None:
        """Check whose rows a table has, from its labels. Those of other streams keep any row from being marked."""
        others = other_streams(labels, self.sources | self._declared)
        self._versions.expect(others)
        accidental = sorted(self.sources - self._declared)
        if others and accidental:
            raise SharedTableError(accidental[0], others, str(self._table_id), self._stream)

    def begin_snapshot(self, source: str, version: int) -> None:
        """Take note that the next record belongs to a snapshot. The rows so far are merged before its first record.

        So they do not count as present in it: a row that a change brought, or an earlier snapshot of the run, and that
        this one lacks, is gone since.

        Args:
            source: The stream of the input.
            version: The version of the snapshot.

        Raises:
            PluginError: If that fails.
        """
        versions = self._versions.of(source)
        if versions.may_be_whole(version) and source not in self._in_parts:
            self._resumed.discard(source)
        if versions.has_begun(version):
            return
        self._check_single(versions)
        is_first = not self._versions.has_versions
        is_alone = self.sources | self._declared == {source} and versions.begun < MOST_VERSIONS
        if self._is_keyed and self.unmerged_records and (is_first or is_alone):
            self._merge_and_begin(self._staging.present.columns)
        if is_first:
            self._has_moved = False
            self._staged_before[version] = 0
        elif self._is_keyed and is_alone:
            self._staged_before[version] = len(self._staging.earlier)

    def _check_single(self, versions: VersionTracker) -> None:
        """Check that no second snapshot begins whose rows would be added to those of the first one."""
        if self._replaces and not self._is_keyed and versions.begun:
            raise SecondSnapshotError(self._stream)

    def count_read(self, source: str, version: int | None, count: int) -> None:
        """Count records that were read.

        Args:
            source: The stream of the input.
            version: Version of the snapshot that they belong to, where the tap says so.
            count: How many there are.
        """
        self.report.rows_read += count
        self.unmerged_records += count
        self._versions.count_records(source, version, count)

    def note_resumption(self, source: str, version: int | None) -> None:
        """Note that the tap had a bookmark of a stream before it began: it may leave older rows out.

        Args:
            source: The stream of the input.
            version: The version in the bookmark, if there is one.
        """
        self._resumed.add(source)
        self._versions.of(source).note_resumption(version)

    def note_parts(self, source: str) -> None:
        """Note that an earlier run has read a part of the pass with which the tap goes on."""
        self._in_parts.add(source)

    def note_swept(self, source: str, swept: SweptRanges | str) -> None:
        """Note which ranges of a stream of the input the tap has read.

        Args:
            source: The stream.
            swept: The ranges, or why they do not tell which rows are missing.
        """
        if isinstance(swept, str):
            self._versions.note_unswept(swept)
        else:
            self._versions.of(source).note_swept(swept)

    def note_state(self) -> None:
        """Note a STATE message, whatever it says of the stream."""
        self._versions.note_state()

    def note_bookmark(self, source: str, version: int | None) -> None:
        """Note that the tap has moved the bookmark of a stream: after a crash it goes on from there.

        Args:
            source: The stream of the input.
            version: The version in the bookmark, if there is one.
        """
        self._has_moved = True
        self._versions.of(source).note_bookmark(version)

    def append(self, records: Sequence[bytes]) -> None:
        """Take records into the block in memory: JSON objects as bytes."""
        self._staging.present.append(records)

    def activate_version(self, source: str, version: int) -> None:
        """Take an ACTIVATE_VERSION message: the snapshot of that version of a stream of the input is complete."""
        self._versions.of(source).activate(version)

    def convert(self) -> None:
        """Convert the block in memory and write it to the local file.

        Raises:
            PluginError: If a record does not fit its schema.
        """
        try:
            with self._run.stopwatch.staging():
                self._staging.convert()
        except NeedsBigNumericError as error:
            logger.info("%s: `%s` needs BIGNUMERIC", self._stream, error.place)
            records = self._staging.present.take_block()
            self._merge_and_begin(self._fit_names(self._staging.present.columns.with_bignumeric(error.place)))
            self._staging.present.append(records)
            self.unmerged_records += len(records)
            self.convert()

    def table_columns(self, schema: JsonSchema, key_properties: Sequence[str]) -> TableColumns:
        """Return the columns of the stream with a schema.

        Raises:
            PluginError: If it cannot have a table with this schema.
        """
        settings = self._run.settings
        columns = table_columns(
            schema,
            key_properties,
            stream=self._stream,
            rules=settings.column_rules,
        )
        if settings.additional_properties == "ignore" and lists_nothing(schema):
            logger.warning(
                "%s: its schema lists no property, so all that its records have goes into the JSON column `%s`.",
                self._stream,
                EXTRA,
            )
        columns = self._fit_names(columns)
        check_limits(columns, self._table_id, self._stream)
        if renamed := suffixed(columns.columns) if settings.column_naming == "unique" else []:
            logger.info("%s: names that would be one column have a suffix: %s", self._stream, ", ".join(renamed))
        return columns

    def _fit_names(self, columns: TableColumns) -> TableColumns:
        """Return the columns under names that the table can have, if the settings want a new column for a new type."""
        warehouse = self._run.warehouse
        if self._run.settings.on_type_change == "fail" or warehouse.is_missing(self._table_id):
            return columns
        table = warehouse.read_table(self._table_id)
        if table is None:
            return columns
        empty = find_null_columns(self._table, table, columns.columns)
        fitted = with_new_columns(columns, table.schema, self._stream, replaceable=empty)
        if renamed := renamed_columns(columns, fitted):
            logger.info("%s: other types than in the table get a column: %s", self._stream, ", ".join(renamed))
        return fitted

    def change_columns(self, columns: TableColumns) -> None:
        """Merge the rows so far, and go on with other columns.

        Raises:
            PluginError: If that fails, or if one half of the rows would be merged and the other half be replaced.
        """
        if self._replaces and self.report.rows_read and bool(columns.key) is not self._is_keyed:
            raise ChangedKeyError(self._stream)
        self._merge_and_begin(columns)

    def merge_early(self) -> None:
        """Merge the rows so far, before the end of the stream.

        If the table has lost its older rows, they wait: a snapshot, which makes the table whole, may still follow. If
        nothing has come where the tap has looked so far, the table is created: its bookmark says that this is behind.

        Raises:
            PluginError: If that fails.
        """
        try:
            self._check_continuity()
        except LostRowsError:
            self._waits = True
            return
        has_moved = self._has_moved
        if self.unmerged_records:
            self._merge_and_begin(self._staging.present.columns)
        elif not self.lacks_table:
            self._label(self._remembered())
        if has_moved and self.lacks_table:
            self._ensure_table()

    def _merge_and_begin(self, columns: TableColumns) -> None:
        """Merge the present staging, and begin one with these columns."""
        self.convert()
        # The keys of a snapshot are needed until its end; rows that replace others are written together.
        staging = self._finish_staging(
            may_travel=not self._versions.has_versions if self._is_keyed else not self._replaces
        )
        if staging is not None:
            self._check_continuity()
            if self._merge_staged(staging):
                self._drop_or_keep(staging)
            else:
                self._staging.unwritten.append(staging)
        if columns.key != self._staging.present.columns.key:
            self._versions.invalidate("its key changed on the way")
        self._staging.begin(columns)
        self.unmerged_records = 0
        self._has_moved = False

    def _check_continuity(self) -> None:
        if self._must_check:
            check_continuity(self._run.warehouse, self._table_id, self._stream)
            self._resumed.clear()

    def _merge_staged(self, staging: StagingTable) -> bool:
        """Merge a staging before the end of the stream, and return whether that can be done so early."""
        if staging.columns.key:
            self._merge(staging, complete=False)
        elif not self._replaces:
            self._append(staging)
        else:
            return False  # only at the end is it known whether the snapshot is complete
        return True

    def _drop_or_keep(self, staging: StagingTable) -> None:
        if staging.columns.key and self._versions.has_versions:
            self._staging.earlier.append(staging)  # its keys tell what is missing
            return
        try:
            staging.drop()
        except WarehouseError as error:
            logger.warning("%s", error)  # no harm: its rows are in their table, and it expires

    def finish(self) -> None:
        """Merge the rest, and mark rows deleted if a complete snapshot says so.

        Raises:
            DeletesRefusedError: If the guard refused to mark rows deleted, now or before. All else is done.
            LostRowsError: If the tap went on from a bookmark, and the rows before it are not in the table.
            PluginError: If that fails.
        """
        self._is_finishing = True
        self._check_continuity()
        self.convert()
        staging = self._finish_staging(may_travel=True)
        snapshot = self._fingerprint(staging)
        if staging and snapshot and self._snapshots.has(snapshot) and not self._lacks(self._wanted_labels()):
            self._note_equal(staging)
        elif self._versions.is_empty and (self._is_keyed or self._replaces):
            self._write_empty_snapshot()
        elif self._is_keyed:
            self._merge_last(staging)
        else:
            self._write_keyless([*self._staging.unwritten, *([staging] if staging else [])])
        self.unmerged_records = 0
        self._ensure_table()
        self._label(self._wanted_labels())
        self._describe()
        if snapshot and self._versions.is_complete:
            self._snapshots.remember(snapshot, self.report)
        self._is_finishing, self._is_finished = False, True
        self.discard()  # what was sent with statements is no longer needed
        end_adoption(self._table)
        if self._table.guard.refusal:
            raise DeletesRefusedError(self._table.guard.refusal)

    def _fingerprint(self, staging: StagingTable | None) -> str | None:
        """Return what stands for the rows, if they are a complete snapshot."""
        is_whole = self._is_keyed and self._versions.is_complete and not self._quarantine.count
        return self._snapshots.fingerprint(staging.staged_rows, self.sources) if staging and is_whole else None

    def _note_equal(self, staging: StagingTable) -> None:
        """Count the rows of a snapshot to which the table is known to be equal."""
        self.report.add(MergeResult(unchanged=staging.staged_rows.keys or 0))
        self.records_merged += staging.rows

    def _ensure_table(self) -> None:
        """Create or extend the table of a stream without rows, so that it can be queried. A dry run does not."""
        extends = self._run.settings.create_empty_tables and not self.report.rows_read
        if (extends or self._run.warehouse.is_missing(self._table_id)) and not self._table.clone:
            prepared = self._prepare(self._staging.present.columns, rows_follow=False)
            self._labels = prepared.labels

    def _prepare(self, columns: TableColumns, *, rows_follow: bool = True) -> PreparedTable:
        labels = {} if self._table.clone else self._wanted_labels()
        prepared = prepare_table(self._table, columns, labels, rows_follow=rows_follow)
        self._snapshots.note_prepared(prepared)
        self.report.note_schema_changes(prepared.schema_changes)
        self._check_streams(prepared.labels)  # another program may have made the table since the start of the run
        return prepared

    def _wanted_labels(self) -> dict[str, str]:
        """Return the labels that the table must have, besides those of the settings."""
        return {**stream_labels(self.sources), **self._remembered()}

    def _remembered(self) -> dict[str, str]:
        """Return the labels that the table must have before STATE goes out: with it, a version may go on."""
        at_end = self._is_finishing
        versions = self._versions.open_versions(at_end=at_end)
        early = self._versions.announces_early() if at_end else self._memory.announced_early
        return self._memory.labels(versions, early=early) if versions or at_end else {}

    def _lacks(self, labels: Mapping[str, str]) -> bool:
        """Return whether the table lacks one of these labels."""
        return not labels.items() <= self._labels.items()

    def _label(self, labels: Mapping[str, str]) -> None:
        """Label the table, unless it has these labels. The clone of a dry run needs none.

        Raises:
            WarehouseError: If BigQuery refuses.
        """
        if self._table.clone is None and self._lacks(labels):
            self._labels = {**self._labels, **labels}
            self._run.warehouse.label_table(self._table_id, self._labels)
            self._snapshots.note_labelled()

    def _describe(self) -> None:
        """Let the table say what the stream has to say about it, unless it does."""
        if described := describe_table(self._table, self._staging.present.columns, self._labels):
            self._labels = described
            self._snapshots.note_labelled()

    def _finish_staging(self, *, may_travel: bool) -> StagingTable | None:
        with self._run.stopwatch.staging():
            staging = self._staging.finish_present(may_travel=may_travel)
        self.report.bytes_staged += staging.bytes_staged if staging else 0
        return staging

    @property
    def _tells_missing(self) -> bool:
        """Whether the records of this run tell which rows are missing, of the whole table or of a part of it."""
        return self._versions.is_complete or self._versions.swept is not None

    def _merge_last(self, staging: StagingTable | None) -> None:
        if not self._tells_missing:
            if staging is not None:
                self._merge(staging, complete=False)
            return
        has_rows, since = staging is not None, self._staged_before_snapshot
        if staging is None:
            # All rows are merged or rejected, but missing rows are not marked yet.
            staging = self._staging.reuse_or_create(since)
        with self._run.stopwatch.staging():
            self._staging.load_rejected_keys()
        self._merge(staging, complete=True, is_counted=not has_rows, seen=self._staging.seen_key_tables(staging, since))

    @property
    def _staged_before_snapshot(self) -> int:
        """How many of the earlier staging tables are older than the snapshot that tells which rows are missing."""
        (source, *others) = self.sources
        versions, swept = self._versions.of(source), self._versions.swept
        version = None if others else swept.version if swept else versions.last_complete
        # A version past the most has none of its own: the rows since the last one that has count as the snapshot's.
        return 0 if version is None else self._staged_before.get(version, max(self._staged_before.values(), default=0))

    def _write_keyless(self, staging_tables: Sequence[StagingTable]) -> None:
        if self._versions.is_swept:
            self._versions.note_unswept("it has no key")
        if staging_tables and self._replaces and self._versions.is_complete:
            self._replace(staging_tables)
            return
        if staging_tables and self._replaces:
            logger.warning("%s: not a complete snapshot, so its rows are appended", self._stream)
        for staging in staging_tables:
            self._append(staging)

    def _merge(
        self, staging: StagingTable, *, complete: bool, is_counted: bool = False, seen: tuple[TableId, ...] = ()
    ) -> None:
        """Merge a staging table.

        Args:
            staging: The staging table.
            complete: Whether rows that are missing are marked deleted.
            is_counted: Whether its rows were merged before, and only the missing ones are new.
            seen: Other staging tables with keys that came in this run.
        """
        staged = staging.staged_rows
        prepared = self._prepare(staged.columns)
        swept = self._swept_rows(staged.columns, prepared) if complete else None
        complete = complete and self._tells_missing  # the table may turn out to have rows of another stream
        result = merge(self._table, prepared, staged, complete=complete, swept=swept, seen_key_tables=seen)
        if is_counted:
            result = MergeResult(deleted=result.deleted, marked=result.marked)
        self._record(result, 0 if is_counted else staged.count, prepared)

    def _swept_rows(self, columns: TableColumns, prepared: PreparedTable) -> SweptRows | None:
        """Return the rows in the ranges that the tap has read. If the table does not tell them, none are swept."""
        swept = None if self._versions.is_complete else self._versions.swept
        found = find_swept_rows(swept, columns, prepared.columns, self._versions.note_unswept) if swept else None
        if isinstance(found, str):
            self._versions.note_unswept(found)
            return None
        return found

    def _append(self, staging: StagingTable) -> None:
        staged = staging.staged_rows
        prepared = self._prepare(staged.columns)
        self._record(append(self._table, prepared, staged), staged.count, prepared)

    def _replace(self, staging_tables: Sequence[StagingTable]) -> None:
        parts = [(self._prepare(staging.columns), staging.staged_rows) for staging in staging_tables]
        result = replace(self._table, parts)
        self._record(result, result.inserted, parts[-1][0])

    def _write_empty_snapshot(self) -> None:
        prepared = None if self._run.warehouse.is_missing(self._table_id) else prepare_existing_table(self._table)
        if prepared is None or prepared.is_empty:
            return
        key = self._staging.present.columns.key
        result = mark_all_deleted(self._table, prepared, key) if key else remove_all(self._table, prepared)
        self._record(result, 0, prepared)

    def _record(self, result: MergeResult, rows: int, prepared: PreparedTable) -> None:
        """Add what was written to the report."""
        self.report.add(result)
        self._table.guard.count(result)
        self._snapshots.note_merge(prepared, result)
        self._labels = prepared.labels
        self._label({**self._wanted_labels(), **(FILLED_LABEL if result.has_written else {})})
        self.records_merged += rows

    def take_rejections(self) -> Rejections | None:
        """Return what the quarantine must know before STATE says that the rows so far are written."""
        return self._quarantine.take_written() if not self.unmerged_records else None

    def take_rejections_of_failed(self) -> Rejections | None:
        """Return what the quarantine may know of a stream that has failed because of its rejected records."""
        return self._quarantine.take_of_failed()

    def end_report(self) -> list[str]:
        """Complete the report, and return warnings about the stream."""
        self.report.rows_rejected = self._quarantine.count
        self.report.bytes_billed = self._table.statements.bytes_billed
        self.report.slot_ms = self._table.statements.slot_ms
        is_done = self.report.error is None or self.report.rows_marked > 0
        self.report.deletes_allowed = self._run.settings.may_delete_all(self._stream) and is_done
        self.report.ended = utc_now()
        if problem := self._versions.sweep_problem():
            # The tap believes that these rows are marked, so nobody else says that they are not.
            reason = f"what is gone from the part of the full pass that this run has read is not marked: {problem}"
            self.report.note_end(ReadEnd(ReadStatus.INCOMPLETE, reason))
        rejected = () if self.report.error else self._quarantine.warnings()
        return [*self._versions.warnings(), *rejected]

    def discard(self) -> None:
        """Delete the local file. The staging tables stay until they expire, so that you can inspect them."""
        self._staging.present.discard()

    def drop(self) -> None:
        """Drop the staging tables, and a dry run's clone.

        Raises:
            WarehouseError: If BigQuery refuses.
        """
        self._staging.drop()
        if self._table.clone:
            self._table.clone.drop()
