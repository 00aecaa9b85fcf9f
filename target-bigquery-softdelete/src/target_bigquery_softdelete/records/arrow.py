"""The Arrow types of the columns, and whole-column conversions in native code. Pure functions.

Two schemas belong to a stream. The *read* schema has the source's names and what the JSON reader makes of each value;
the *staged* schema has BigQuery's names and the types that the Parquet file declares.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from target_bigquery_softdelete.errors import NotNativeError
from target_bigquery_softdelete.schema.columns import BIGNUMERIC_SCALE, NUMERIC_SCALE, Column, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

SEQUENCE = "_etl_sequence"
"""Staging column: position of the record in the run. The last one of a key wins."""

DELETED = "_etl_deleted"
"""Staging column: whether the record says that the row is deleted at the source."""

DELETED_AT = "_sdc_deleted_at"
"""Property with which a Singer tap says that a record is deleted at the source: when it is not null."""

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
    # JSON travels as text: BigQuery's Parquet loader has no JSON type. The MERGE parses it.
    Kind.JSON: pa.string(),
}

_LIMITS = {
    Kind.TIMESTAMP: (
        pa.scalar(dt.datetime.min.replace(tzinfo=dt.UTC), _TIMESTAMP),
        pa.scalar(dt.datetime.max.replace(tzinfo=dt.UTC), _TIMESTAMP),
    ),
    Kind.DATE: (pa.scalar(dt.date.min), pa.scalar(dt.date.max)),
}
"""The first and the last value that BigQuery has."""


_UNSAFE_NUMBER = (
    # A number, in quotes or not, with an exponent that is not one digit below zero ...
    r"""[:,\["\s][+-]?[0-9.]+[eE](?:\+?[0-9]|-[1-9][0-9]|-[0-9]{3})[0-9]*[,}\]"\s]"""
    # ... or with more digits in a row than NUMERIC has before the point.
    r"|[0-9]{30}"
)


def has_deletions(table: pa.Table) -> bool:
    """Return whether a record says that its row is deleted."""
    return bool(pc.any(table.column(DELETED)).as_py())


def extremes(table: pa.Table, names: Sequence[str]) -> dict[str, tuple[Any, Any]]:
    """Return the first and the last value of columns, as Python has them."""
    return {name: tuple(pc.min_max(table.column(name)).as_py().values()) for name in names}


def check_text(block: bytes, *, decimals: bool) -> None:
    """Check that a block holds nothing that Arrow parses wrong, and that does not show afterwards.

    No type has the year 0, but an offset can move its last hours into the year 1. Arrow's decimal parser moves the
    point without looking whether the result still fits: 1e-48 becomes 0 and 1e66 another number, and 1e-999999999 ends
    the process.

    Args:
        block: JSON objects.
        decimals: Whether there are decimal columns.

    Raises:
        NotNativeError: If the block may hold such a value.
    """
    if b'"0000-' in block:
        raise NotNativeError("years")
    if decimals and pc.match_substring_regex(pa.array([block], pa.large_binary()), _UNSAFE_NUMBER)[0].as_py():
        raise NotNativeError("decimals")


def read_schema(columns: Sequence[Column], *, timestamps_as_text: bool) -> pa.Schema:
    """Return what the JSON reader is told to expect.

    Args:
        columns: The columns of the stream.
        timestamps_as_text: Read timestamps as text, for values that the JSON reader's own parser does not take (more
            than six fractional digits).
    """
    fields = [pa.field(column.source, _read_type(column, timestamps_as_text)) for column in columns]
    return pa.schema([*fields, pa.field(DELETED_AT, pa.string())])


def staged_schema(columns: Sequence[Column]) -> pa.Schema:
    """Return the schema of the Parquet file."""
    return pa.schema(
        [*map(staged_field, columns), pa.field(SEQUENCE, pa.int64()), pa.field(DELETED, pa.bool_())],
    )


def staged_field(column: Column) -> pa.Field:
    """Return the Parquet field of a column."""
    return pa.field(column.name, _listed(column, _staged_type(column)))


def _staged_type(column: Column) -> pa.DataType:
    if column.kind is Kind.STRUCT:
        return pa.struct([staged_field(field) for field in column.fields])
    return _STAGED_TYPES[column.kind]


def _read_type(column: Column, timestamps_as_text: bool) -> pa.DataType:  # noqa: FBT001 - one caller, above
    if column.kind is Kind.STRUCT:
        fields = [pa.field(field.source, _read_type(field, timestamps_as_text)) for field in column.fields]
        return _listed(column, pa.struct(fields))
    as_text = column.kind in {Kind.DATE, Kind.TIME} or (column.kind is Kind.TIMESTAMP and timestamps_as_text)
    return _listed(column, pa.string() if as_text else _STAGED_TYPES[column.kind])


def _listed(column: Column, item: pa.DataType) -> pa.DataType:
    return pa.list_(pa.field("element", item)) if column.repeated else item


def to_staged(array: pa.Array, column: Column) -> pa.Array:
    """Turn a column as it was read into the column as it is staged: names, temporal types, no NULL array.

    Raises:
        NotNativeError: If the row path must do it.
    """
    if column.repeated:
        if array.values.null_count:
            raise NotNativeError(column.source)
        items = _to_staged_items(array.values, column)
        # Without the validity bits a NULL array is an empty one, which is what BigQuery stores.
        return pa.ListArray.from_arrays(array.offsets, items, type=staged_field(column).type)
    return _to_staged_items(array, column)


def _to_staged_items(array: pa.Array, column: Column) -> pa.Array:
    if column.kind is Kind.STRUCT:
        children = [to_staged(array.field(i), field) for i, field in enumerate(column.fields)]
        fields = [staged_field(field) for field in column.fields]
        return pa.StructArray.from_arrays(children, fields=fields, mask=array.is_null())
    if pa.types.is_string(array.type) and column.kind in {Kind.TIMESTAMP, Kind.DATE, Kind.TIME}:
        array = _parsed(array, column)
    if not _all_storable(array, column.kind):
        raise NotNativeError(column.source)
    return array


def _all_storable(array: pa.Array, kind: Kind) -> bool:
    """Whether the column takes all these values: Arrow also reads the year 0, and `Inf` as infinity."""
    if kind is Kind.FLOAT64:
        return not pc.any(pc.is_inf(array), min_count=0).as_py()
    if kind not in _LIMITS:
        return True
    lowest, highest = _LIMITS[kind]
    return not pc.any(pc.or_(pc.less(array, lowest), pc.greater(array, highest)), min_count=0).as_py()


def _parsed(text: pa.Array, column: Column) -> pa.Array:
    try:
        if column.kind is Kind.TIMESTAMP:
            return _parsed_timestamps(text)
        if column.kind is Kind.TIME:
            # Arrow parses no time of day by itself, but one of a day.
            return pc.cast(pc.cast(_joined("1970-01-01T", _cut(text)), pa.timestamp("us")), pa.time64("us"))
        return pc.cast(text, _STAGED_TYPES[column.kind])
    except pa.ArrowInvalid:
        raise NotNativeError(column.source) from None


def _parsed_timestamps(text: pa.Array) -> pa.Array:
    cut = _cut(text)
    zoned = pc.match_substring_regex(cut, r"(?:[Zz]|[+-]\d\d:?\d\d)$")
    return pc.cast(pc.if_else(zoned, cut, _joined(cut, "Z")), _TIMESTAMP)


def _cut(text: pa.Array) -> pa.Array:
    """Cut fractions of a second after the sixth digit, as BigQuery's own functions do."""
    return pc.replace_substring_regex(text, r"(\.\d{6})\d+", r"\1")


def _joined(*parts: pa.Array | str) -> pa.Array:
    return pc.binary_join_element_wise(*parts, "")
