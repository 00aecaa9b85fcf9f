"""The staging tables of one stream: one for each of its schemas, and those with the keys of rejected records."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from target_bigquery_softdelete.load.staging_table import StagingTable
from target_bigquery_softdelete.schema.columns import TableColumns
from target_bigquery_softdelete.schema.naming import table_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_bigquery_softdelete.context import Run
    from target_bigquery_softdelete.load.stream_quarantine import StreamQuarantine
    from target_bigquery_softdelete.records.block_converter import Converted
    from target_bigquery_softdelete.singer.versions import TableVersions
    from target_bigquery_softdelete.sql.identifiers import TableId

logger = logging.getLogger(__name__)


class StreamStagingTables:
    """The present staging table of a stream, and the earlier ones that are still needed."""

    def __init__(
        self, run: Run, stream: str, columns: TableColumns, *, versions: TableVersions, rejections: StreamQuarantine
    ) -> None:
        """Begin the first staging table. Nothing is created yet.

        Args:
            run: The run.
            stream: Name of the stream.
            columns: Its columns at first.
            versions: Its snapshots. They learn of rejected records.
            rejections: Takes its rejected records.
        """
        self._run = run
        self._stream = stream
        self._versions = versions
        self._quarantine = rejections
        self._count = 0
        self.present = self._new(columns)
        """The staging table that takes records."""
        self.earlier: list[StagingTable] = []
        """Those before it whose rows are written, and whose keys tell which are missing."""
        self.unwritten: list[StagingTable] = []
        """Those before it whose rows are not written yet. They have no key."""
        self._rejected_keys: list[StagingTable] = []
        """The keys of rejected records of a snapshot: their rows are at the source, so they are not missing."""

    def _new(self, columns: TableColumns) -> StagingTable:
        self._count += 1
        name = f"{table_name(self._stream)}__{self._run.run_id}_{self._count}"
        return StagingTable(
            self._stream,
            columns,
            self._run.warehouse.staging_id(name),
            warehouse=self._run.warehouse,
            folder=self._run.ensure_folder(),
            executor=self._run.ensure_load_threads(),
            room=self._run.inline_room,
            file_room=self._run.file_room,
            rejects=self._run.settings.on_invalid_record == "quarantine",
        )

    @property
    def kept_rows(self) -> int:
        """Rows of the earlier staging tables that are still needed."""
        return sum(staging.rows for staging in self.earlier)

    def begin(self, columns: TableColumns) -> None:
        """Begin another staging table."""
        self.present = self._new(columns)

    def convert(self) -> None:
        """Convert the block in memory and write it to the local file.

        Raises:
            PluginError: If a record does not fit its schema.
            NeedsBigNumericError: If the columns must be wider. The block stays as it is.
        """
        converted = self.present.convert()
        if converted is not None:
            self._take_rejected(converted)

    def _take_rejected(self, converted: Converted) -> None:
        """Take the records that do not fit, and note what their keys say about the snapshot."""
        columns = self.present.columns
        keys = self._quarantine.take(converted, columns)
        if self._quarantine.has_unreadable_keys:
            self._versions.invalidate("a record was rejected whose key cannot be read")
        if keys and self._versions.has_versions:
            self._stage_keys(keys, TableColumns(columns.key_columns(), columns.key))

    def _stage_keys(self, keys: Sequence[str], columns: TableColumns) -> None:
        if not self._rejected_keys or self._rejected_keys[-1].columns != columns:
            self._rejected_keys.append(self._new(columns))
        self._rejected_keys[-1].append([key.encode() for key in keys])
        self._rejected_keys[-1].convert()

    def finish_present(self, *, may_travel: bool) -> StagingTable | None:
        """Load the rest of the present staging table and return it, or nothing when it has no rows.

        Args:
            may_travel: Whether statements may carry its rows, if nothing else needs them in a table.

        Raises:
            PluginError: If a record does not fit, or a load fails.
        """
        if not self.present.rows:
            return None
        self.present.finish(may_travel=may_travel and not (self.earlier or self.unwritten or self._rejected_keys))
        if self.present.dropped_nulls:
            logger.warning(
                "%s: left out %d null elements of arrays, which BigQuery cannot store",
                self._stream,
                self.present.dropped_nulls,
            )
        return self.present

    def reuse_or_create(self, since: int) -> StagingTable:
        """Return the last of the earlier staging tables, or create the present one without rows when there is none.

        Args:
            since: How many of the earlier ones do not count.

        Raises:
            WarehouseError: If BigQuery refuses.
        """
        if len(self.earlier) > since:
            return self.earlier[-1]
        self.present.create()
        return self.present

    def load_rejected_keys(self) -> None:
        """Load the keys of rejected records, and wait until they are there.

        Raises:
            WarehouseError: If a load fails.
        """
        for keys in self._rejected_keys:
            keys.finish(may_travel=False)

    def seen_key_tables(self, merged: StagingTable, since: int) -> tuple[TableId, ...]:
        """Return the staging tables, other than the one to be merged, with keys that are at the source.

        Args:
            merged: The one to be merged.
            since: How many of the earlier ones have only keys of a snapshot before the last one.
        """
        seen = (*self._rejected_keys, *self.earlier[since:])
        return tuple(staging.table_id for staging in seen if staging is not merged)

    def drop(self) -> None:
        """Drop all staging tables.

        Raises:
            WarehouseError: If BigQuery refuses.
        """
        for staging in (*self.earlier, *self.unwritten, *self._rejected_keys, self.present):
            staging.drop()
