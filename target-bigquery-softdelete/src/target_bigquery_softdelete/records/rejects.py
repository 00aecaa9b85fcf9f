"""Keeps account of the records of one stream that do not fit their schema. Pure: it does no I/O.

Only the latest version of a key counts: an entry is open until a good version of its key comes, or another bad one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from target_bigquery_softdelete.errors import NeedsBigNumericError
from target_bigquery_softdelete.plugin_runtime.clock import utc_now
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.records.values import convert_record, parse_record

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from target_bigquery_softdelete.records.block_converter import Converted, Rejected
    from target_bigquery_softdelete.schema.columns import TableColumns

LONGEST_RECORD = 16_384
"""Characters of a record that are kept."""

_ENCODER = msgspec.json.Encoder(decimal_format="number", order="sorted")

_Key = tuple[Any, ...]
"""The values of a key, in the types of its columns."""


@dataclass
class Entry:
    """A record that did not fit."""

    record_key: str | None
    """The properties of its key as a JSON object; nothing when they cannot be read, or when there is no key."""
    reason: str
    record: str
    """The record as it came, cut off at :data:`LONGEST_RECORD`."""
    open: bool = True
    rejected: dt.datetime = field(default_factory=utc_now)


@dataclass(frozen=True)
class _Watch:
    """A key of which a good version is waited for."""

    record_key: str
    since: int
    """Row of the present block from which on a row is a later version."""


class Rejects:
    """The rejected records of one stream in one run."""

    def __init__(self, stream: str, limit: int, open_keys: Iterable[str] = ()) -> None:
        """Begin.

        Args:
            stream: Name of the stream, for errors.
            limit: How many records may be rejected.
            open_keys: Keys of open entries of earlier runs.
        """
        self.count = 0
        self.unreadable_keys = 0
        self.first_reason = ""
        self._stream = stream
        self._limit = limit
        self._open_keys = list(open_keys)
        self._entries: list[Entry] = []
        self._settled: set[str] = set()
        self._watched: dict[_Key, _Watch] = {}
        self._watched_columns: TableColumns | None = None

    def take(self, converted: Converted, columns: TableColumns) -> list[str]:
        """Take a block, and return the keys of its rejected records.

        Raises:
            PluginError: If there are too many rejected records.
        """
        self._watch_open_keys(columns)
        keys = [key for one in converted.rejected if (key := self._rejected(one, columns))]
        if self._watched and columns.key:
            self._look_for_good_versions(converted.table, columns)
        return keys

    def settle(self) -> tuple[list[Entry], list[str]]:
        """Return the new entries, and the keys of which older entries are to be closed. They are not returned again."""
        entries, settled = self._entries, sorted(self._settled)
        self._entries, self._settled = [], set()
        return entries, settled

    def _watch_open_keys(self, columns: TableColumns) -> None:
        if columns.key and columns is not self._watched_columns:
            self._watched_columns = columns
            for text in [*self._open_keys, *(watch.record_key for watch in self._watched.values())]:
                key = _key(text.encode(), columns)
                if key:
                    self._watched[key[0]] = _Watch(text, since=0)

    def _rejected(self, one: Rejected, columns: TableColumns) -> str | None:
        self.count += 1
        self.first_reason = self.first_reason or one.reason
        if self.count > self._limit:
            raise PluginError(
                f"{self._stream}: more than `max_rejected_records` ({self._limit}) records do not fit their schema. "
                f"The last one: {one.reason}"
            )
        key = _key(one.raw, columns) if columns.key else None
        entry = Entry(None, one.reason, one.raw.decode(errors="replace")[:LONGEST_RECORD])
        if key:
            values, entry.record_key = key
            if values in self._watched:
                self._close(self._watched[values].record_key)
            self._watched[values] = _Watch(entry.record_key, one.position)
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
        # In the next block every row comes later.
        self._watched = {values: _Watch(watch.record_key, 0) for values, watch in self._watched.items()}

    def _close(self, record_key: str) -> None:
        self._settled.add(record_key)
        for entry in self._entries:
            if entry.record_key == record_key:
                entry.open = False


def _key(raw: bytes, columns: TableColumns) -> tuple[_Key, str] | None:
    """Return the key of a record, as values and as text, or nothing when it cannot be read."""
    key = columns.key_columns()
    try:
        record = parse_record(raw)
        values = tuple(convert_record(record, key).values())
        text = _ENCODER.encode({one.source: record[one.source] for one in key}).decode()
    except (KeyError, NeedsBigNumericError, ValueError):
        return None
    # A key that is NaN equals no key, not even itself.
    return None if any(value is None or value != value for value in values) else (values, text)  # noqa: PLR0124


def _keys(table: pa.Table, columns: TableColumns) -> Iterator[_Key]:
    return zip(*(table.column(name).to_pylist() for name in columns.key), strict=True)
