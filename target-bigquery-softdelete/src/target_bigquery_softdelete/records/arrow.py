"""The Arrow types of the columns, and conversions of whole columns in native code. Pure functions.

A stream has two schemas. The *read* schema has the source's names, and the types that the JSON reader gives the values.
The *staged* schema has BigQuery's names, and the types that the Parquet file declares.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from target_bigquery_softdelete.errors import InvalidValueError, NotNativeError
from target_bigquery_softdelete.records.binary import to_base64
from target_bigquery_softdelete.records.deletions import says_deleted
from target_bigquery_softdelete.records.keys import FINE_FRACTION
from target_bigquery_softdelete.records.numbers import DOUBLE_DIGITS, POSITIVE_ZERO
from target_bigquery_softdelete.schema.columns import (
    BIGNUMERIC_SCALE,
    DECIMAL_KINDS,
    NUMERIC_SCALE,
    Column,
    Kind,
)
from target_bigquery_softdelete.schema.system_columns import ABSENT, DELETED, DELETED_AT, SEQUENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_bigquery_softdelete.schema.columns import TableColumns

_TIMESTAMP = pa.timestamp("us", "UTC")

_STAGED_TYPES: dict[Kind, pa.DataType] = {
    Kind.INT64: pa.int64(),
    Kind.FLOAT64: pa.float64(),
    Kind.NUMERIC: pa.decimal128(38, NUMERIC_SCALE),
    Kind.BIGNUMERIC: pa.decimal256(76, BIGNUMERIC_SCALE),
    Kind.BOOL: pa.bool_(),
    Kind.STRING: pa.string(),
    Kind.TIMESTAMP: _TIMESTAMP,
    Kind.DATE: pa.date32(),
    Kind.TIME: pa.time64("us"),
    # JSON is staged as text, because BigQuery's Parquet loader has no JSON type. The MERGE parses it.
    Kind.JSON: pa.string(),
    Kind.BYTES: pa.string(),  # as base64 text
    Kind.NULL: pa.string(),
}

_LIMITS = {
    Kind.TIMESTAMP: (
        pa.scalar(dt.datetime.min.replace(tzinfo=dt.UTC), _TIMESTAMP),
        pa.scalar(dt.datetime.max.replace(tzinfo=dt.UTC), _TIMESTAMP),
    ),
    Kind.DATE: (pa.scalar(dt.date.min), pa.scalar(dt.date.max)),
}
"""The first and the last value of BigQuery's types."""


_OTHER_RECORD = r"\n[^{]"
"""A record after the first that is no object."""

_UNSAFE_NUMBER = (
    # A number, quoted or not, whose exponent is not a single negative digit ...
    r"""[:,\["\s][+-]?[0-9.]+[eE](?:\+?[0-9]|-[1-9][0-9]|-[0-9]{3})[0-9]*[,}\]"\s]"""
    # ... or that has more digits in a row than NUMERIC has before the point.
    r"|[0-9]{30}"
)

_INEXACT_NUMBER = r"[0-9.]{16}|[0-9.][eE][+-]?[0-9]"
"""A number that may have more digits than a double keeps (15 always fit), or so small that it loses some."""

_PADDED_NUMBER = r'"(?:\+|-?0[0-9])'
"""A number as text with what a number does not have."""

_ESCAPED_NUMBER = re.compile(rb"\\u00(?:2[bdeBDE]|3[0-9]|[46]5)")
"""A character of a number, `+-.0123456789Ee`, as JSON may also write it. The patterns above do not see it."""


def has_deletions(table: pa.Table) -> bool:
    """Return whether any record says that its row is deleted."""
    return bool(pc.any(table.column(DELETED)).as_py())


def extremes(table: pa.Table, names: Sequence[str]) -> dict[str, tuple[Any, Any]]:
    """Return the first and the last value of some columns, as Python objects."""
    return {name: tuple(pc.min_max(table.column(name)).as_py().values()) for name in names}


def has_unsafe_decimals(text: bytes) -> bool:
    """Return whether JSON may hold a number that Arrow's decimal parser reads wrong.

    It moves the point without checking that the result fits: 1e-48 becomes 0, 1e66 becomes another number, and
    1e-999999999 ends the process.
    """
    return bool(pc.match_substring_regex(_as_array(text), _UNSAFE_NUMBER)[0].as_py())


def check_text(block: bytes, *, key: Sequence[Column] = ()) -> None:
    """Check that a block holds no value that Arrow would silently parse wrong, or that would end the process.

    The JSON reader crashes on a block that begins with null, and passes over other values that are no objects. No type
    has the year 0, but an offset can move its last hours into the year 1. And what a number of a key loses can no
    longer be seen once it is parsed.

    Args:
        block: JSON values, each followed by a line feed.
        key: The columns of the key.

    Raises:
        NotNativeError: If the block may hold such a value.
    """
    if not block.startswith(b"{"):
        raise NotNativeError("records")
    if b"\\" in block and _ESCAPED_NUMBER.search(block):
        raise NotNativeError("escapes")
    if b'"0000-' in block:
        raise NotNativeError("years")
    kinds = {column.kind for column in key}
    unsafe = [_OTHER_RECORD]
    unsafe += [_INEXACT_NUMBER] * (Kind.FLOAT64 in kinds) + [_PADDED_NUMBER] * bool(kinds & DECIMAL_KINDS)
    text = _as_array(block)
    if any(pc.match_substring_regex(text, pattern)[0].as_py() for pattern in unsafe):
        raise NotNativeError("records or numbers")


def _as_array(block: bytes) -> pa.Array:
    """Return an array that holds a block, without copying it."""
    offsets = pa.array([0, len(block)], pa.int64()).buffers()[1]
    return pa.Array.from_buffers(pa.large_binary(), 1, [None, offsets, pa.py_buffer(block)])


def check_key(array: pa.Array, column: Column) -> None:
    """Check that a column of the key, as it was read, is kept one to one.

    Raises:
        NotNativeError: If it may not be.
    """
    is_text_of_time = pa.types.is_string(array.type) and column.kind in {Kind.TIMESTAMP, Kind.DATE, Kind.TIME}
    if is_text_of_time and pc.any(pc.match_substring_regex(array, FINE_FRACTION), min_count=0).as_py():
        raise NotNativeError(column.source)


def deletion_flags(moments: pa.Array) -> pa.Array:
    """Return for each value of `_sdc_deleted_at` whether it says that the row is deleted.

    Raises:
        NotNativeError: If that cannot be told of one of them.
    """
    distinct = moments.dictionary_encode()
    try:
        flags = [says_deleted(text) for text in distinct.dictionary.to_pylist()]
    except InvalidValueError:
        raise NotNativeError(DELETED_AT) from None
    return pc.fill_null(pa.array(flags, pa.bool_()).take(distinct.indices), False)  # noqa: FBT003 - a value


def read_schema(columns: Sequence[Column], *, timestamps_as_text: bool) -> pa.Schema:
    """Return the schema with which the JSON reader reads a block.

    Args:
        columns: The columns of the stream.
        timestamps_as_text: Whether to read timestamps as text, for values that the JSON reader's own parser does not
            accept (more than six fractional digits).
    """
    fields = [pa.field(column.source, _read_type(column, timestamps_as_text)) for column in columns]
    return pa.schema([*fields, pa.field(DELETED_AT, pa.string())])


def staged_schema(columns: TableColumns) -> pa.Schema:
    """Return the schema of the Parquet file."""
    absent = [pa.field(ABSENT, pa.string())] if columns.keeps_absent else []
    return pa.schema(
        [*map(staged_field, columns.columns), pa.field(SEQUENCE, pa.int64()), pa.field(DELETED, pa.bool_()), *absent],
    )


def staged_field(column: Column) -> pa.Field:
    """Return the Parquet field of a column."""
    return pa.field(column.name, _list_if_repeated(column, _staged_type(column)))


def _staged_type(column: Column) -> pa.DataType:
    if column.kind is Kind.STRUCT:
        return pa.struct([staged_field(field) for field in column.fields])
    return _STAGED_TYPES[column.kind]


def _read_type(column: Column, timestamps_as_text: bool) -> pa.DataType:  # noqa: FBT001 - one caller, above
    if column.kind is Kind.STRUCT:
        fields = [pa.field(field.source, _read_type(field, timestamps_as_text)) for field in column.fields]
        return _list_if_repeated(column, pa.struct(fields))
    as_text = column.kind in {Kind.DATE, Kind.TIME} or (column.kind is Kind.TIMESTAMP and timestamps_as_text)
    return _list_if_repeated(column, pa.string() if as_text else _STAGED_TYPES[column.kind])


def _list_if_repeated(column: Column, item: pa.DataType) -> pa.DataType:
    return pa.list_(pa.field("element", item)) if column.repeated else item


def to_staged(array: pa.Array, column: Column) -> pa.Array:
    """Turn a column as it was read into the staged column: names, temporal types, no NULL array.

    Raises:
        NotNativeError: If only the row path can convert it.
    """
    if column.repeated:
        if array.values.null_count:
            raise NotNativeError(column.source)
        items = _to_staged_items(array.values, column)
        # Without the validity bits a NULL array is an empty array, which is what BigQuery stores.
        return pa.ListArray.from_arrays(array.offsets, items, type=staged_field(column).type)
    return _to_staged_items(array, column)


def _to_staged_items(array: pa.Array, column: Column) -> pa.Array:
    if column.kind is Kind.STRUCT:
        children = [to_staged(array.field(i), field) for i, field in enumerate(column.fields)]
        fields = [staged_field(field) for field in column.fields]
        return pa.StructArray.from_arrays(children, fields=fields, mask=array.is_null())
    if pa.types.is_string(array.type) and column.kind in {Kind.TIMESTAMP, Kind.DATE, Kind.TIME}:
        array = _parse_temporal(array, column)
    if column.kind is Kind.BYTES:
        array = _to_base64(array, column)
    if not _all_storable(array, column.kind) or _may_have_noise(array, column):
        raise NotNativeError(column.source)
    return pc.add(array, POSITIVE_ZERO) if column.kind is Kind.FLOAT64 else array


def _may_have_noise(array: pa.Array, column: Column) -> bool:
    """Whether some of these decimals have more digits after the point than declared, and enough in all to be noise."""
    if column.decimals is None or column.decimals >= array.type.scale:
        return False
    differs = pc.not_equal(array, pc.round(array, column.decimals))
    if column.kind is Kind.NUMERIC:
        differs = pc.and_(differs, pc.greater_equal(pc.abs(array), 10 ** (DOUBLE_DIGITS - NUMERIC_SCALE)))
    return bool(pc.any(differs, min_count=0).as_py())


def _all_storable(array: pa.Array, kind: Kind) -> bool:
    """Whether BigQuery can store all these values: Arrow also reads the year 0, and `Inf` as infinity."""
    if kind is Kind.NULL:
        return bool(array.null_count == len(array))
    if kind is Kind.FLOAT64:
        return not pc.any(pc.is_inf(array), min_count=0).as_py()
    if kind not in _LIMITS:
        return True
    lowest, highest = _LIMITS[kind]
    return not pc.any(pc.or_(pc.less(array, lowest), pc.greater(array, highest)), min_count=0).as_py()


def _to_base64(text: pa.Array, column: Column) -> pa.Array:
    try:
        values = [None if value is None else to_base64(value, column.source) for value in text.to_pylist()]
    except InvalidValueError:
        raise NotNativeError(column.source) from None
    return pa.array(values, pa.string())


def _parse_temporal(text: pa.Array, column: Column) -> pa.Array:
    try:
        if column.kind is Kind.TIMESTAMP:
            return _parse_timestamps(text)
        if column.kind is Kind.TIME:
            # Arrow cannot parse a time of day without a date.
            return pc.cast(pc.cast(_join("1970-01-01T", _cut_fractions(text)), pa.timestamp("us")), pa.time64("us"))
        return pc.cast(text, _STAGED_TYPES[column.kind])
    except pa.ArrowInvalid:
        raise NotNativeError(column.source) from None


def _parse_timestamps(text: pa.Array) -> pa.Array:
    cut = _cut_fractions(text)
    zoned = pc.match_substring_regex(cut, r"(?:[Zz]|[+-]\d\d:?\d\d)$")
    return pc.cast(pc.if_else(zoned, cut, _join(cut, "Z")), _TIMESTAMP)


def _cut_fractions(text: pa.Array) -> pa.Array:
    """Cut fractions of a second after six digits, as BigQuery's own functions do."""
    return pc.replace_substring_regex(text, r"(\.\d{6})\d+", r"\1")


def _join(*parts: pa.Array | str) -> pa.Array:
    return pc.binary_join_element_wise(*parts, "")
