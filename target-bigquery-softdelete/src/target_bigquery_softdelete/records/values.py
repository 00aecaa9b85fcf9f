"""Converts parsed records to the values of their columns. Pure functions, and the definition of what is accepted.

The native path (:mod:`~target_bigquery_softdelete.records.block_converter`) converts whole columns in the same way. It
leaves a block to this module when it meets a value that it does not accept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_bigquery_softdelete.errors import InvalidValueError
from target_bigquery_softdelete.records.binary import to_base64
from target_bigquery_softdelete.records.json_text import json_text, parse_json, text_of_json_in, to_string
from target_bigquery_softdelete.records.numbers import to_bignumeric, to_float, to_integer, to_numeric, without_noise
from target_bigquery_softdelete.records.times import to_date, to_time, to_timestamp
from target_bigquery_softdelete.schema.columns import Column, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def parse_record(raw: bytes) -> dict[str, Any]:
    """Parse a record so that no digit is lost: numbers with a fraction or an exponent become `Decimal`.

    Raises:
        ValueError: If it is not a JSON object.
    """
    record = parse_json(raw)
    if not isinstance(record, dict):
        raise InvalidValueError("record", "an object", record)
    return record


def convert_record(record: dict[str, Any], columns: Sequence[Column]) -> dict[str, Any]:
    """Return the values of a record by column name. A missing property is NULL.

    Raises:
        InvalidValueError: If a value does not fit its column.
        NeedsBigNumericError: If a value fits BIGNUMERIC, but not the NUMERIC of its column.
    """
    return {column.name: convert(record.get(column.source), column, column.source) for column in columns}


def convert(value: object, column: Column, place: str) -> Any:  # noqa: ANN401 - any column, any type
    """Convert a JSON value to the value of its column. See :func:`convert_record`."""
    if not column.repeated:
        return None if value is None else _convert_item(value, column, place)
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidValueError(place, "an array", value)
    # BigQuery cannot store NULL inside an array.
    return [_convert_item(item, column, f"{place}[{i}]") for i, item in enumerate(value) if item is not None]


def _convert_item(value: object, column: Column, place: str) -> Any:  # noqa: ANN401
    if column.kind is Kind.STRUCT:
        if not isinstance(value, dict):
            raise InvalidValueError(place, "an object", value)
        return {
            field.name: convert(value.get(field.source), field, f"{place}.{field.source}") for field in column.fields
        }
    if column.parses_text and isinstance(value, str) and (parsed := text_of_json_in(value)) is not None:
        return parsed
    if column.decimals is not None:
        value = without_noise(value, column.decimals)
    return _CONVERTERS[column.kind](value, place)


def _to_bool(value: object, place: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise InvalidValueError(place, "true or false", value)


def _to_json(value: object, place: str) -> str:
    try:
        return json_text(value)
    except ValueError:
        raise InvalidValueError(place, "JSON with numbers that fit 64 bits and at most 500 levels", value) from None


def _to_null(value: object, place: str) -> None:
    raise InvalidValueError(place, "null, as its schema allows nothing else", value)


_CONVERTERS: dict[Kind, Callable[[object, str], Any]] = {
    Kind.INT64: to_integer,
    Kind.FLOAT64: to_float,
    Kind.NUMERIC: to_numeric,
    Kind.BIGNUMERIC: to_bignumeric,
    Kind.BOOL: _to_bool,
    Kind.STRING: to_string,
    Kind.BYTES: to_base64,
    Kind.TIMESTAMP: to_timestamp,
    Kind.DATE: to_date,
    Kind.TIME: to_time,
    Kind.JSON: _to_json,
    Kind.NULL: _to_null,
}
