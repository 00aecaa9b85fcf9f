"""Tracks the records of one stream that do not fit their schema. Pure: it does no I/O.

Only the latest version of a key counts: an entry stays open until another version of its key arrives, good or bad.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from target_bigquery_softdelete.errors import NeedsBigNumericError, TooManyRejectsError
from target_bigquery_softdelete.plugin_runtime.clock import utc_now
from target_bigquery_softdelete.records.keys import lost_in_key
from target_bigquery_softdelete.records.values import convert_record, parse_record

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from target_bigquery_softdelete.records.block_converter import Converted, RejectedRecord
    from target_bigquery_softdelete.schema.columns import TableColumns

LONGEST_RECORD = 16_384
"""Characters of a record that an entry keeps."""

_ENCODER = msgspec.json.Encoder(decimal_format="number", order="sorted")

_Key = tuple[Any, ...]
"""The values of a key, in the types of the key columns."""


@dataclass
class Entry:
    """A record that did not fit its schema."""

    record_key: str | None
    """The properties of the key as a JSON object; None if the key is unreadable or the stream has none."""
    reason: str
    record: str
    """The record as received, cut off at :data:`LONGEST_RECORD`."""
    open: bool = True
    rejected: dt.datetime = field(default_factory=utc_now)


@dataclass(frozen=True)
class _Watch:
    """A key that waits for a good version of its record."""

    record_key: str
    since: int
    """The first row of the current block that is a later version."""


class Rejects:
    """The rejected records of one stream in one run."""

    def __init__(self, stream: str, limit: int, open_keys: Iterable[str] = ()) -> None:
        """Start without rejected records.

        Args:
            stream: Name of the stream, for errors.
            limit: The most records that may be rejected.
            open_keys: Keys of the entries that earlier runs left open.
        """
        self.count = 0
        self.unreadable_keys = 0
        self.first_reason = ""
        self._stream = stream
        self._limit = limit
        self._open_keys = list(open_keys)
        self._entries: list[Entry] = []
        self._closed_keys: set[str] = set()
        self._watched: dict[_Key, _Watch] = {}
        self._watched_columns: TableColumns | None = None

    def add_block(self, converted: Converted, columns: TableColumns) -> list[str]:
        """Add a block, and return the keys of its rejected records.

        Raises:
            TooManyRejectsError: If more records are rejected than the limit allows.
        """
        self._watch_open_keys(columns)
        keys = [key for rejected in converted.rejected if (key := self._reject(rejected, columns))]
        if self._watched and columns.key:
            self._look_for_good_versions(converted.table, columns)
        return keys

    def flush(self) -> tuple[list[Entry], list[str]]:
        """Return the new entries, and the keys whose older entries must be closed, and forget both."""
        entries, closed_keys = self._entries, sorted(self._closed_keys)
        self._entries, self._closed_keys = [], set()
        return entries, closed_keys

    def _watch_open_keys(self, columns: TableColumns) -> None:
        if columns.key and columns is not self._watched_columns:
            self._watched_columns = columns
            for text in [*self._open_keys, *(watch.record_key for watch in self._watched.values())]:
                key = _key(text.encode(), columns)
                if key:
                    self._watched[key[0]] = _Watch(text, since=0)

    def _reject(self, rejected: RejectedRecord, columns: TableColumns) -> str | None:
        self.count += 1
        self.first_reason = self.first_reason or rejected.reason
        if self.count > self._limit:
            raise TooManyRejectsError(self._stream, self._limit, rejected.reason)
        key = _key(rejected.raw, columns) if columns.key else None
        entry = Entry(None, rejected.reason, rejected.raw.decode(errors="replace")[:LONGEST_RECORD])
        if key:
            values, entry.record_key = key
            if values in self._watched:
                self._close(self._watched[values].record_key)
            self._watched[values] = _Watch(entry.record_key, rejected.position)
        elif columns.key:
            self.unreadable_keys += 1
        self._entries.append(entry)
        return entry.record_key

    def _look_for_good_versions(self, table: pa.Table, columns: TableColumns) -> None:
        for position, values in enumerate(_keys(table, columns)):
            watch = self._watched.get(values)
            if watch and position >= watch.since:
                self._close(watch.record_key)
                del self._watched[values]
        # In the next block every row is a later version.
        self._watched = {values: _Watch(watch.record_key, 0) for values, watch in self._watched.items()}

    def _close(self, record_key: str) -> None:
        self._closed_keys.add(record_key)
        for entry in self._entries:
            if entry.record_key == record_key:
                entry.open = False


def _key(raw: bytes, columns: TableColumns) -> tuple[_Key, str] | None:
    """Return the key of a record, as values and as text, or None if it cannot be read, or not without a loss."""
    key = columns.key_columns()
    try:
        record = parse_record(raw)
        values = tuple(convert_record(record, key).values())
        if any(lost_in_key(record[column.source], column.kind) for column in key):
            return None
        text = _ENCODER.encode({column.source: record[column.source] for column in key}).decode()
    except (KeyError, NeedsBigNumericError, ValueError):
        return None
    # NaN equals no key, not even itself.
    return None if any(value is None or value != value for value in values) else (values, text)  # noqa: PLR0124


def _keys(table: pa.Table, columns: TableColumns) -> Iterator[_Key]:
    return zip(*(table.column(name).to_pylist() for name in columns.key), strict=True)
