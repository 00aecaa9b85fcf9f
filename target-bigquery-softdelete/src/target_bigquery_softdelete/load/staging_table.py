"""Stages the records of one stream with one schema: block by block, file by file, into a staging table.

At most one block of raw bytes is in memory. A full block becomes a row group of a local Parquet file; a full file is
loaded in the background while the next one is being written.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from target_bigquery_softdelete.bigquery.lifetimes import STAGING_LIFETIME
from target_bigquery_softdelete.bigquery.table_layout import partitionable
from target_bigquery_softdelete.bigquery.table_schema import staging_fields
from target_bigquery_softdelete.plugin_runtime.heap import give_memory_back
from target_bigquery_softdelete.records.arrow import extremes, has_deletions, staged_schema
from target_bigquery_softdelete.records.block_converter import BlockConverter
from target_bigquery_softdelete.records.inline_rows import can_travel, inline_rows
from target_bigquery_softdelete.runtime.temp_files import name_disk_errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from concurrent.futures import Executor, Future
    from pathlib import Path

    from target_bigquery_softdelete.bigquery.warehouse import Warehouse
    from target_bigquery_softdelete.records.block_converter import Converted
    from target_bigquery_softdelete.records.inline_rows import InlineRows
    from target_bigquery_softdelete.runtime.file_room import FileRoom
    from target_bigquery_softdelete.runtime.inline_room import InlineRoom
    from target_bigquery_softdelete.schema.columns import TableColumns
    from target_bigquery_softdelete.sql.identifiers import TableId

_AT_WORK = threading.BoundedSemaphore(8)
"""Lets so many streams write their rows as text at the same time: that takes several times their size in memory."""

_CONVERTING = threading.BoundedSemaphore(2)
"""Lets so many blocks be converted at the same time: that, too, takes several times their size. At the end of the input
all streams have a block left."""


@dataclass(frozen=True)
class StagedRows:
    """The rows of a staging table, ready to be merged."""

    table_id: TableId
    columns: TableColumns
    count: int
    ranges: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    """First and last value of those columns of the key by which a table may be partitioned."""
    has_deletions: bool = True
    """Whether some of them may say that they are deleted."""
    inline: InlineRows | None = None
    """The rows, if the statements carry them. There is no staging table then."""

    @property
    def inline_text(self) -> str | None:
        """The rows as statements carry them, if they do."""
        return self.inline.text if self.inline else None

    @property
    def keys(self) -> int | None:
        """How many different keys they have, if that is known."""
        return len(self.inline.last_of_keys) if self.inline and self.columns.key else None


class StagingTable:
    """The records of one stream with one schema, on their way into one staging table.

    As long as they are few, they stay in memory, converted: then the statements can carry them, and no staging table is
    needed.
    """

    def __init__(  # noqa: PLR0913 - what it is, and the three places that it writes to
        self,
        stream: str,
        columns: TableColumns,
        table_id: TableId,
        *,
        warehouse: Warehouse,
        folder: Path,
        executor: Executor,
        room: InlineRoom,
        file_room: FileRoom,
        rejects: bool = False,
    ) -> None:
        self.columns = columns
        self.table_id = table_id
        self.rows = 0
        self.dropped_nulls = 0
        self.bytes_staged = 0
        self.ranges: dict[str, tuple[Any, Any]] = {}
        """First and last value of those columns of the key by which a table may be partitioned."""
        self.has_deletions = False
        """Whether a record says that its row is deleted."""
        self._ranged = partitionable(columns.key_columns())
        self._converter = BlockConverter(columns, stream, rejects=rejects)
        self._warehouse = warehouse
        self._stream = stream
        self._folder = folder
        self._executor = executor
        self._block = bytearray()
        self._unconverted = 0
        self._writer: pq.ParquetWriter | None = None
        self._path: Path | None = None
        self._loads: list[Future[None]] = []
        self._created = False
        self._creation: Future[None] | None = None
        """The creation of the staging table, in the background."""
        self._room = room
        self._file_room = file_room
        self._held: list[pa.Table] | None = [] if can_travel(columns) else None
        """The converted blocks, while they are few. None if they are written to a file."""
        self._held_bytes = 0
        self._inline: InlineRows | None = None

    @property
    def buffered_bytes(self) -> int:
        """Size of the block that is in memory."""
        return len(self._block)

    @property
    def staged_rows(self) -> StagedRows:
        """What the table holds, once it is finished."""
        return StagedRows(
            self.table_id,
            self.columns,
            self.rows,
            self.ranges,
            has_deletions=self.has_deletions,
            inline=self._inline,
        )

    def append(self, records: Iterable[bytes]) -> None:
        """Take records: JSON objects as bytes."""
        before = len(self._block)
        records = list(records)
        self._block += b"\n".join(records)
        if len(self._block) > before:
            self._block += b"\n"
        self._unconverted += len(records)

    def convert(self) -> Converted | None:
        """Convert the block, and hold it or write it to the file. When the file is full, it begins to load.

        Returns:
            The block as a table, or nothing when there is none.

        Raises:
            InvalidRecordError: If a record does not fit. The block stays as it is.
            NeedsBigNumericError: If the columns must be wider. The block stays as it is.
        """
        if not self._unconverted:
            return None
        with _CONVERTING:
            converted = self._converter.convert(bytes(self._block), self.rows)
            if converted.table.num_rows:
                self._hold_or_write(converted.table, len(self._block))
                self._extend_ranges(extremes(converted.table, self._ranged))
                self.has_deletions = self.has_deletions or has_deletions(converted.table)
        self.dropped_nulls += converted.dropped_nulls
        self.rows += converted.table.num_rows
        self._block.clear()
        self._unconverted = 0
        if self._path and self._file_room.is_full(self._path.stat().st_size):
            self._load_file()
        return converted

    def _hold_or_write(self, table: pa.Table, size: int) -> None:
        """Keep a converted block in memory, or write all of them to the file.

        Args:
            table: The block.
            size: How long its records were.
        """
        if self._held is not None and self._room.take(size, self._held_bytes):
            self._held_bytes += size
            self._held.append(table)
            return
        self._write_held()
        self._write(table)

    def _write_held(self) -> None:
        """Write to the file what is held in memory, and hold nothing from now on."""
        held, self._held = self._held or [], None
        for table in held:
            self._write(table)
        self._give_room_back()

    def _give_room_back(self) -> None:
        self._room.give_back(self._held_bytes)
        self._held_bytes = 0

    def _write(self, table: pa.Table) -> None:
        with name_disk_errors(self._folder, self._stream):
            self._open_file().write_table(table)

    def _extend_ranges(self, block: dict[str, tuple[Any, Any]]) -> None:
        for name, (first, last) in block.items():
            before = self.ranges.get(name, (first, last))
            self.ranges[name] = (min(first, before[0]), max(last, before[1]))

    def take_block(self) -> list[bytes]:
        """Remove the records that are not converted yet, and return them."""
        records = bytes(self._block).rstrip(b"\n").split(b"\n")
        self._block.clear()
        self._unconverted = 0
        return records

    def finish(self, *, may_travel: bool) -> None:
        """Convert the rest, and wait until every record is in the staging table, or ready to go with the statements.

        Args:
            may_travel: Whether the statements may carry the rows, if they are few enough.

        Raises:
            InvalidRecordError: If a record does not fit.
            NeedsBigNumericError: If the columns must be wider.
            WarehouseError: If a load fails.
        """
        self.convert()
        if may_travel and self._held:
            with _AT_WORK:
                table = pa.concat_tables(self._held)
                self._inline = inline_rows(table, self.columns, most_bytes=self._room.most_bytes)
        if self._inline is not None:
            self.bytes_staged = len(self._inline.text)
            self._held = None
            self._give_room_back()
            return
        self._write_held()
        self._load_file()
        for load in self._loads:
            load.result()
        self._loads.clear()

    def create(self) -> None:
        """Create the staging table, unless it exists. It may stay empty."""
        if not self._created:
            fields = staging_fields(self.columns)
            self._warehouse.create_table(self.table_id, fields, lifetime=STAGING_LIFETIME)
            self._created = True

    def discard(self) -> None:
        """Forget the block and delete the local file: the stream has failed, and others need the space."""
        self._held, self._inline = None, None
        self._block.clear()
        self._unconverted = 0
        self._give_room_back()
        writer, self._writer = self._writer, None
        path, self._path = self._path, None
        if writer:
            self._file_room.close()
            with suppress(OSError):  # closing writes to a disk that may be full, and the file is deleted anyway
                writer.close()
        if path:
            path.unlink()

    def drop(self) -> None:
        """Drop the staging table and delete the local file."""
        self.discard()
        self._await_creation()
        if self._created:
            self._warehouse.delete_table(self.table_id)
            self._created = False

    def _await_creation(self) -> None:
        if self._creation:
            self._creation.result()

    def _open_file(self) -> pq.ParquetWriter:
        if self._writer is None:
            self._creation = self._creation or self._executor.submit(self.create)
            self._path = self._folder / f"{self.table_id.table}_{len(self._loads)}.parquet"
            # Dictionaries cost time here and save little: a block is short-lived and BigQuery makes its own.
            self._writer = pq.ParquetWriter(
                self._path, staged_schema(self.columns), compression="snappy", use_dictionary=False
            )
            self._file_room.open()
        return self._writer

    def _close_file(self) -> Path | None:
        """Write the end of the file, and return it."""
        writer, self._writer = self._writer, None
        if writer:
            self._file_room.close()
            with name_disk_errors(self._folder, self._stream):
                writer.close()
        path, self._path = self._path, None
        return path

    def _load_file(self) -> None:
        path = self._close_file()
        if path is None:
            return
        give_memory_back()  # what its blocks have left, before the file is sent
        fields = staging_fields(self.columns)
        self._await_creation()
        size, job_name = path.stat().st_size, f"load-{path.stem}"
        self.bytes_staged += size

        def load() -> None:
            try:
                self._warehouse.statements.load(path, self.table_id, fields, job_name)
            finally:
                path.unlink(missing_ok=True)
                self._file_room.end_load(size)

        for done in [earlier for earlier in self._loads if earlier.done()]:
            done.result()  # if one has failed, the rest of the stream need not be read
        self._file_room.wait_for_load(size)
        self._loads.append(self._executor.submit(load))
