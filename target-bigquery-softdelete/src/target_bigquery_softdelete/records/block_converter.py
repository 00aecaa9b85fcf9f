"""Converts a block of raw JSON records to a typed Arrow table: in native code if possible, otherwise record by record.

A block is bytes with one JSON object per line. Both paths give the same table. The row path, in
:mod:`~target_bigquery_softdelete.records.values`, defines what is accepted; the native path rejects each value that it
would convert differently.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from target_bigquery_softdelete.errors import InvalidRecordError, InvalidValueError, MissingKeyError, NotNativeError
from target_bigquery_softdelete.records import arrow
from target_bigquery_softdelete.records.absent_properties import AbsentProperties
from target_bigquery_softdelete.records.decimal_columns import DecimalColumns
from target_bigquery_softdelete.records.deletions import says_deleted
from target_bigquery_softdelete.records.extra_properties import ExtraProperties, with_extra_as_text
from target_bigquery_softdelete.records.json_columns import JsonColumns
from target_bigquery_softdelete.records.keys import lost_in_key
from target_bigquery_softdelete.records.values import convert_record, parse_record
from target_bigquery_softdelete.schema.columns import Column, Kind, TableColumns
from target_bigquery_softdelete.schema.system_columns import ABSENT, DELETED, DELETED_AT, SEQUENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True)
class RejectedRecord:
    """A record that does not fit its schema."""

    raw: bytes
    reason: str
    position: int
    """Number of rows before it in the table."""


@dataclass(frozen=True)
class Converted:
    """A block as a table."""

    table: pa.Table
    dropped_nulls: int
    """NULL elements of arrays that are omitted because BigQuery cannot store them."""
    rejected: tuple[RejectedRecord, ...] = ()
    """Records that are not in the table."""


class BlockConverter:
    """Converts the blocks of one stream with one schema."""

    def __init__(self, columns: TableColumns, stream: str, *, rejects: bool = False) -> None:
        self._columns = columns
        self._stream = stream
        self._rejects = rejects
        self._staged_schema = arrow.staged_schema(columns)
        self._extras = ExtraProperties.of(columns.columns)
        self._absent = AbsentProperties.of(columns)
        self._json_columns = JsonColumns.of(with_extra_as_text(columns.columns))
        self._decimals = DecimalColumns.of(columns.columns)
        self._timestamps_as_text = False

    def convert(self, block: bytes, first_sequence: int) -> Converted:
        """Return the block as a table with the staged schema.

        Args:
            block: JSON objects, each followed by a line feed.
            first_sequence: Position of the first record in the run.

        Raises:
            InvalidRecordError: If a record does not fit and the converter does not collect rejected records.
            NeedsBigNumericError: If a number needs BIGNUMERIC where the schema has NUMERIC.
        """
        table = self.convert_natively(block)
        dropped_nulls = 0
        rejected: list[RejectedRecord] = []
        if table is None:
            table, dropped_nulls = self.convert_by_record(block, rejected if self._rejects else None)
        sequence = pa.array(range(first_sequence, first_sequence + table.num_rows), pa.int64())
        table = table.add_column(len(self._columns.columns), SEQUENCE, sequence)
        return Converted(table.cast(self._staged_schema), dropped_nulls, tuple(rejected))

    def convert_natively(self, block: bytes) -> pa.Table | None:
        """Return the block as a table, or None if it holds a value that only the row path can convert."""
        try:
            if not block.isascii():
                block.decode()  # the JSON reader does not check that text is UTF-8
            arrow.check_text(block, key=self._columns.key_columns())
            for part in (self._extras, self._json_columns):
                block = part.as_text(block) if part else block
            block = self._decimals.check(block) if self._decimals else block
            table = self._check_keys(self._read(block))
            return self._with_absent(table, self._absent.of_block(block)) if self._absent else table
        except (pa.ArrowInvalid, NotNativeError, UnicodeDecodeError):
            return None

    def _read(self, block: bytes) -> pa.Table:
        if not self._timestamps_as_text:
            try:
                return self._to_staged(
                    _read_json(block, arrow.read_schema(self._columns.columns, timestamps_as_text=False))
                )
            except pa.ArrowInvalid:
                pass  # usually because of a seventh fractional digit, which the second way accepts
        table = self._to_staged(_read_json(block, arrow.read_schema(self._columns.columns, timestamps_as_text=True)))
        self._timestamps_as_text = True
        return table

    def _to_staged(self, table: pa.Table) -> pa.Table:
        for column in self._columns.key_columns():
            arrow.check_key(table.column(column.source).combine_chunks(), column)
        arrays = [
            arrow.to_staged(table.column(i).combine_chunks(), column) for i, column in enumerate(self._columns.columns)
        ]
        deleted = arrow.deletion_flags(table.column(DELETED_AT).combine_chunks())
        names = [column.name for column in self._columns.columns]
        return pa.Table.from_arrays([*arrays, deleted], names=[*names, DELETED])

    def _with_absent(self, table: pa.Table, absent: list[str | None]) -> pa.Table:
        return table.append_column(ABSENT, pa.array(absent, pa.string()))

    def _check_keys(self, table: pa.Table) -> pa.Table:
        for name in self._columns.key:
            # NaN equals no key, not even itself.
            if pc.any(table.column(name).is_null(nan_is_null=True), min_count=0).as_py():
                raise NotNativeError("key")
        return table

    def convert_by_record(self, block: bytes, rejected: list[RejectedRecord] | None = None) -> tuple[pa.Table, int]:
        """Return the block as a table, and the number of NULL elements of arrays that it omits.

        Args:
            block: JSON objects, each followed by a line feed.
            rejected: The list to which records that do not fit are added.

        Raises:
            InvalidRecordError: If a record does not fit and there is no such list.
            NeedsBigNumericError: If a number needs BIGNUMERIC where the schema has NUMERIC.
        """
        rows: list[dict[str, Any]] = []
        deleted, absent, dropped_nulls = [], [], 0
        for raw in block.rstrip(b"\n").split(b"\n"):
            try:
                record = self._parse(raw)
                row, is_deleted = self._convert_record(record)
            except InvalidRecordError as error:
                if rejected is None:
                    raise
                rejected.append(RejectedRecord(raw, str(error).removeprefix(f"{self._stream}: "), len(rows)))
                continue
            rows.append(row)
            deleted.append(is_deleted)
            absent.append(self._absent.of_record(record) if self._absent else None)
            dropped_nulls += sum(_null_elements(record, self._columns.columns))
        schema = pa.schema([arrow.staged_field(column) for column in self._columns.columns])
        arrays = [pa.array([row[field.name] for row in rows], field.type) for field in schema]
        table = pa.Table.from_arrays([*arrays, pa.array(deleted, pa.bool_())], names=[*schema.names, DELETED])
        return self._with_absent(table, absent) if self._absent else table, dropped_nulls

    def _parse(self, raw: bytes) -> dict[str, Any]:
        try:
            record = parse_record(raw)
        except InvalidValueError as error:
            raise InvalidRecordError(f"{self._stream}: {error}.") from None
        except ValueError:
            raise InvalidRecordError(f"{self._stream}: a record is not valid JSON.") from None
        if self._extras:
            self._extras.gather(record)
        return record

    def _convert_record(self, record: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """Return the row of a record, and whether the record says that it is deleted."""
        for column in self._columns.key_columns():
            value = record.get(column.source)
            if value is None or value != value:  # noqa: PLR0124 - NaN differs from itself
                raise MissingKeyError(
                    f"{self._stream}: a record has no value for its key property `{column.source}`. "
                    "Fix it at the source, or filter it out with a stream map."
                )
        key = ", ".join(f"{column.source}={record[column.source]}" for column in self._columns.key_columns())
        try:
            row, is_deleted = convert_record(record, self._columns.columns), says_deleted(record.get(DELETED_AT))
        except InvalidValueError as error:
            raise InvalidRecordError(f"{self._stream}: record {key or 'without a key'}: {error}.") from None
        for column in self._columns.key_columns():
            if loss := lost_in_key(record[column.source], column.kind):
                raise InvalidRecordError(f"{self._stream}: record {key}: the key `{column.source}` {loss}")
        return row, is_deleted


def _read_json(block: bytes, schema: pa.Schema) -> pa.Table:
    return pj.read_json(
        pa.BufferReader(block),
        # One thread: the blocks of several streams are converted in parallel. One chunk: no record is ever split.
        read_options=pj.ReadOptions(use_threads=False, block_size=len(block) + 1),
        parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
    )


def _null_elements(value: Any, columns: Sequence[Column]) -> Iterator[int]:  # noqa: ANN401 - any JSON value
    """Yield the number of NULL elements in each array of a record."""
    for column in columns:
        child = value.get(column.source) if isinstance(value, dict) else None
        if column.repeated and isinstance(child, list):
            yield child.count(None)
            children = child
        else:
            children = [child]
        if column.kind is Kind.STRUCT:
            for item in children:
                yield from _null_elements(item, column.fields)
