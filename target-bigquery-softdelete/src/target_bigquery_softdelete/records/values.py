"""Converts one JSON value to the value of its column. Pure functions, and the definition of what is accepted.

The block path (:mod:`~target_bigquery_softdelete.blocks`) does the same for whole columns in native code and hands over
to this module whenever it meets a value that it does not take.
"""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
import re
from typing import TYPE_CHECKING, Any

import msgspec

from target_bigquery_softdelete.errors import InvalidValueError, NeedsBigNumericError
from target_bigquery_softdelete.schema.columns import (
    BIGNUMERIC_INTEGER_DIGITS,
    BIGNUMERIC_SCALE,
    NUMERIC_INTEGER_DIGITS,
    NUMERIC_SCALE,
    Column,
    Kind,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

INT64_MIN, INT64_MAX, UINT64_MAX = -(2**63), 2**63 - 1, 2**64 - 1

DEEPEST_JSON = 500
"""Levels of nesting in a JSON value (https://cloud.google.com/bigquery/docs/json-data#limitations)."""


def parse_record(raw: bytes) -> dict[str, Any]:
    """Parse a record so that no digit is lost: numbers with a fraction or an exponent become `Decimal`.

    Raises:
        ValueError: If it is not a JSON object.
    """
    record = _parsed(raw)
    if not isinstance(record, dict):
        raise InvalidValueError("record", "an object", record)
    return record


def _parsed(raw: bytes) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(raw, parse_float=decimal.Decimal)
    except (decimal.InvalidOperation, RecursionError) as error:
        raise ValueError("a number has an exponent of more than 18 digits, or the nesting is too deep") from error


def convert_record(record: dict[str, Any], columns: Sequence[Column]) -> dict[str, Any]:
    """Return the values of a record by column name. A property that is absent is NULL.

    Raises:
        InvalidValueError: If a value does not fit its column.
        NeedsBigNumericError: If a value fits no NUMERIC, but fits BIGNUMERIC.
    """
    return {column.name: convert(record.get(column.source), column, column.source) for column in columns}


def convert(value: object, column: Column, place: str) -> Any:  # noqa: ANN401 - any column, any type
    """Return a JSON value as the value of its column. See :func:`convert_record`."""
    if not column.repeated:
        return None if value is None else _convert_one(value, column, place)
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidValueError(place, "an array", value)
    # BigQuery cannot store NULL inside an array.
    return [_convert_one(item, column, f"{place}[{i}]") for i, item in enumerate(value) if item is not None]


def _convert_one(value: object, column: Column, place: str) -> Any:  # noqa: ANN401
    if column.kind is Kind.STRUCT:
        if not isinstance(value, dict):
            raise InvalidValueError(place, "an object", value)
        return {
            field.name: convert(value.get(field.source), field, f"{place}.{field.source}") for field in column.fields
        }
    return _CONVERTERS[column.kind](value, place)


_INTEGER_TEXT = re.compile(r"[+-]?[0-9]{1,20}")
_NUMBER_TEXT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")


def _integer(value: object, place: str) -> int:
    number = _whole(value)
    if number is None or not INT64_MIN <= number <= INT64_MAX:
        raise InvalidValueError(place, "an integer of at most 64 bits", value)
    return number


def _whole(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _INTEGER_TEXT.fullmatch(value):
        return int(value)
    # The size comes first: 1e999999999 is a whole number that fills all memory.
    if isinstance(value, decimal.Decimal) and value.is_finite() and value.adjusted() < 20:  # noqa: PLR2004
        return int(value) if value == value.to_integral_value() else None
    return None


def _float(value: object, place: str) -> float:
    if isinstance(value, float):
        return value  # NaN or Infinity, which JSON does not have: all other numbers are parsed as int or Decimal
    if isinstance(value, (int, decimal.Decimal)) and not isinstance(value, bool):
        return _finite(value, place)
    if isinstance(value, str) and _NUMBER_TEXT.fullmatch(value):
        return _finite(decimal.Decimal(value), place)
    raise InvalidValueError(place, "a number", value)


def _finite(value: float | decimal.Decimal, place: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        raise InvalidValueError(place, "a number", value) from None
    # Python reads 1e999 as infinity.
    if not math.isfinite(number):
        raise InvalidValueError(place, "a number", value)
    return number


def _numeric(value: object, place: str) -> decimal.Decimal:
    number = _decimal(value, place)
    if _fits(number, NUMERIC_INTEGER_DIGITS, NUMERIC_SCALE):
        return _rescaled(number, NUMERIC_SCALE)
    if _fits(number, BIGNUMERIC_INTEGER_DIGITS, BIGNUMERIC_SCALE):
        raise NeedsBigNumericError(place)
    raise InvalidValueError(place, "a number of at most 38 digits before and after the point", value)


def _bignumeric(value: object, place: str) -> decimal.Decimal:
    number = _decimal(value, place)
    if not _fits(number, BIGNUMERIC_INTEGER_DIGITS, BIGNUMERIC_SCALE):
        raise InvalidValueError(place, "a number of at most 38 digits before and after the point", value)
    return _rescaled(number, BIGNUMERIC_SCALE)


_WIDE = decimal.Context(prec=BIGNUMERIC_INTEGER_DIGITS + BIGNUMERIC_SCALE)


def _decimal(value: object, place: str) -> decimal.Decimal:
    is_number = isinstance(value, (int, decimal.Decimal)) and not isinstance(value, bool)
    if is_number or (isinstance(value, str) and _NUMBER_TEXT.fullmatch(value)):
        return decimal.Decimal(value)  # type: ignore[arg-type]  # the line above leaves int, Decimal and str
    raise InvalidValueError(place, "a number", value)


def _fits(number: decimal.Decimal, integer_digits: int, scale: int) -> bool:
    if not number:
        return True
    # Trailing zeros are not digits that must be kept. `normalize` would round to the context's 28 digits.
    sign, digits, exponent = number.as_tuple()
    del sign
    if not isinstance(exponent, int):
        return False
    zeros = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return -(exponent + zeros) <= scale and number.adjusted() + 1 <= integer_digits


def _rescaled(number: decimal.Decimal, scale: int) -> decimal.Decimal:
    # Arrow's own rescaling refuses zeros behind the last digit, and ends the process when there are very many.
    return number.quantize(decimal.Decimal((0, (1,), -scale)), context=_WIDE)


def _boolean(value: object, place: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise InvalidValueError(place, "true or false", value)


def _string(value: object, place: str) -> str:
    if isinstance(value, str):
        # A lone surrogate is legal in JSON and has no UTF-8 form.
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, decimal.Decimal)):
        return str(value)
    raise InvalidValueError(place, "a string", value)


_TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[Tt ](\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?)?"
    r"\s*(?:([Zz])|([+-])(\d\d):?(\d\d)?)?",
    re.ASCII,
)
_TIME = re.compile(r"(\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?Z?", re.ASCII)


def _timestamp(value: object, place: str) -> dt.datetime:
    expected = "a date and time (ISO 8601, year 1 to 9999)"
    match = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise InvalidValueError(place, expected, value)
    year, month, day, hour, minute, second, fraction, _, sign, offset_hours, offset_minutes = match.groups()
    offset = dt.timedelta(hours=int(offset_hours or 0), minutes=int(offset_minutes or 0))
    try:
        midnight = dt.datetime(int(year), int(month), int(day), tzinfo=dt.UTC)
        moment = midnight + _time_of_day(hour, minute, second, fraction)
        return moment + offset if sign == "-" else moment - offset
    except (ValueError, OverflowError):
        raise InvalidValueError(place, expected, value) from None


def _time_of_day(hour: str | None, minute: str | None, second: str | None, fraction: str | None) -> dt.timedelta:
    """Return the time since midnight. 24:00:00 and a leap second run over into what follows them.

    Raises:
        ValueError: If it is not a time.
    """
    parts = (int(hour or 0), int(minute or 0), int(second or 0))
    if not (parts <= (24, 0, 0) and parts[1] < 60 and parts[2] <= 60):  # noqa: PLR2004 - hours, minutes, seconds
        raise ValueError(parts)
    # BigQuery keeps microseconds: further digits are cut, as its own functions do.
    microseconds = int((fraction or "").ljust(6, "0")[:6])
    return dt.timedelta(hours=parts[0], minutes=parts[1], seconds=parts[2], microseconds=microseconds)


def _date(value: object, place: str) -> dt.date:
    moment = _timestamp(value, place)
    if moment.time() != dt.time():
        raise InvalidValueError(place, "a date", value)
    return moment.date()


def _time(value: object, place: str) -> dt.time:
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match:
        try:
            since_midnight = _time_of_day(*match.groups())
        except ValueError:
            since_midnight = dt.timedelta(days=1)
        if since_midnight < dt.timedelta(days=1):
            return (dt.datetime.combine(dt.date.min, dt.time()) + since_midnight).time()
    raise InvalidValueError(place, "a time of day", value)


def _json(value: object, place: str) -> str:
    try:
        return json_text(value)
    except ValueError:
        raise InvalidValueError(place, "JSON with numbers that fit 64 bits and at most 500 levels", value) from None


def json_text(value: object) -> str:
    """Return the one text for a JSON value: keys sorted, no spaces. Equal values have equal texts.

    Raises:
        ValueError: If it holds a number that JSON cannot write, such as infinity, or is nested too deep for BigQuery.
    """
    return msgspec.json.encode(_plain(value), order="sorted").decode()


def _plain(value: object, depth: int = 1) -> object:
    if isinstance(value, (dict, list)) and depth > DEEPEST_JSON:
        raise ValueError(depth)
    if isinstance(value, dict):
        return {_string(key, ""): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, str):
        return _string(value, "")
    return _plain_number(value)


def _plain_number(value: Any) -> object:  # noqa: ANN401 - a number, true, false or null
    # BigQuery's JSON type holds 64-bit integers and doubles, and refuses what is neither.
    too_long = isinstance(value, int) and not INT64_MIN <= value <= UINT64_MAX
    return _finite(value, "") if too_long or isinstance(value, (float, decimal.Decimal)) else value


_LONG_NUMBER = re.compile(rb"[0-9]{19}")


def json_text_of_raw(raw: bytes) -> str:
    """Return :func:`json_text` of a value that is still text.

    Raises:
        ValueError: If it is not JSON, or not JSON that BigQuery stores.
    """
    if _LONG_NUMBER.search(raw) or raw.count(b"[") + raw.count(b"{") > DEEPEST_JSON:
        return json_text(_parsed(raw))
    return msgspec.json.encode(msgspec.json.decode(raw), order="sorted").decode()


_CONVERTERS: dict[Kind, Callable[[object, str], Any]] = {
    Kind.INT64: _integer,
    Kind.FLOAT64: _float,
    Kind.NUMERIC: _numeric,
    Kind.BIGNUMERIC: _bignumeric,
    Kind.BOOL: _boolean,
    Kind.STRING: _string,
    Kind.TIMESTAMP: _timestamp,
    Kind.DATE: _date,
    Kind.TIME: _time,
    Kind.JSON: _json,
}
