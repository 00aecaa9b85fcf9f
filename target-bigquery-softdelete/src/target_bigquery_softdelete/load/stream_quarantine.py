"""Puts the records of one stream that do not fit their schema into quarantine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_bigquery_softdelete.audit.quarantine import Rejections
from target_bigquery_softdelete.records.rejects import Rejects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_bigquery_softdelete.context import Run
    from target_bigquery_softdelete.records.block_converter import Converted
    from target_bigquery_softdelete.schema.columns import TableColumns


class StreamQuarantine:
    """The rejected records of one stream. There are none where the setting says that such a record fails its stream."""

    def __init__(self, run: Run, stream: str, table_name: str) -> None:
        """Read which records of the stream earlier runs have rejected.

        Args:
            run: The run.
            stream: Name of the stream.
            table_name: Full name of its table.

        Raises:
            WarehouseError: If BigQuery cannot be asked.
        """
        self._quarantine = run.open_quarantine()
        self._is_dry_run = run.settings.dry_run
        self._stream = stream
        self._table_name = table_name
        open_keys = self._quarantine.read_open_keys(table_name) if self._quarantine else ()
        self._rejects = Rejects(stream, run.settings.max_rejected_records, open_keys)

    @property
    def count(self) -> int:
        """Records rejected in this run."""
        return self._rejects.count

    @property
    def has_unreadable_keys(self) -> bool:
        """Whether a record was rejected whose key cannot be read."""
        return bool(self._rejects.unreadable_keys)

    def take(self, converted: Converted, columns: TableColumns) -> list[str]:
        """Take the rejected records of a block, and return their keys as JSON, as far as they can be read.

        Raises:
            TooManyRejectsError: If the stream has more of them than `max_rejected_records`.
        """
        return self._rejects.add_block(converted, columns) if self._quarantine else []

    def take_written(self) -> Rejections | None:
        """Return which records were rejected, and which came again, since the last call; None if none were.

        It must be in the quarantine after the rows are written, and before STATE. A dry run leaves it as it is.
        """
        entries, closed = self._rejects.flush()
        if not (entries or closed) or self._is_dry_run:
            return None
        return Rejections(self._stream, self._table_name, entries, closed)

    def take_of_failed(self) -> Rejections | None:
        """Return the rejected records of a stream whose rows were not written. No older entry is closed."""
        entries, _ = self._rejects.flush()
        return Rejections(self._stream, self._table_name, entries, []) if entries and not self._is_dry_run else None

    def warnings(self) -> Iterator[str]:
        """Yield how many records were rejected, if any were."""
        if self._quarantine is not None and self._rejects.count:
            one = self._rejects.count == 1
            what = "record does not fit its schema; it is in" if one else "records do not fit their schema; they are in"
            yield (
                f"{self._stream}: {self._rejects.count:,} {what} "
                f"`{self._quarantine.table_id}`. The first one: {self._rejects.first_reason}"
            )
