"""Converts JSON values to numbers: INT64, FLOAT64, NUMERIC and BIGNUMERIC. Pure functions."""

from __future__ import annotations

import decimal
import math
import re

from target_bigquery_softdelete.errors import InvalidValueError, NeedsBigNumericError
from target_bigquery_softdelete.schema.columns import (
    BIGNUMERIC_INTEGER_DIGITS,
    BIGNUMERIC_SCALE,
    NUMERIC_INTEGER_DIGITS,
    NUMERIC_SCALE,
)

POSITIVE_ZERO = 0.0
"""Added to a double, it makes -0.0 to 0.0 and changes no other: they are equal, and JSON's -0 is an integer."""

INT64_MIN, INT64_MAX, UINT64_MAX = -(2**63), 2**63 - 1, 2**64 - 1

_INTEGER_TEXT = re.compile(r"[+-]?[0-9]{1,20}")
_NUMBER_TEXT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")

DOUBLE_DIGITS = 15
"""How many digits of any decimal number a double keeps."""

_DOUBLE = decimal.Context(prec=DOUBLE_DIGITS)

_WIDE = decimal.Context(prec=BIGNUMERIC_INTEGER_DIGITS + BIGNUMERIC_SCALE)


def to_integer(value: object, place: str) -> int:
    """Return a JSON value as an INT64.

    Raises:
        InvalidValueError: If it is not a whole number of at most 64 bits.
    """
    number = _whole_number(value)
    if number is None or not INT64_MIN <= number <= INT64_MAX:
        raise InvalidValueError(place, "an integer of at most 64 bits", value)
    return number


def _whole_number(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _INTEGER_TEXT.fullmatch(value):
        return int(value)
    # Check the size first: as an `int`, 1e999999999 would fill all memory.
    if isinstance(value, decimal.Decimal) and value.is_finite() and value.adjusted() < 20:  # noqa: PLR2004
        return int(value) if value == value.to_integral_value() else None
    return None


def to_float(value: object, place: str) -> float:
    """Return a JSON value as a FLOAT64.

    Raises:
        InvalidValueError: If it is not a number, or too large.
    """
    if isinstance(value, float):
        return value  # NaN or Infinity, which JSON does not have: all other numbers are parsed as int or Decimal
    if isinstance(value, (int, decimal.Decimal)) and not isinstance(value, bool):
        return finite_float(value, place) + POSITIVE_ZERO
    if isinstance(value, str) and _NUMBER_TEXT.fullmatch(value):
        return finite_float(decimal.Decimal(value), place) + POSITIVE_ZERO
    raise InvalidValueError(place, "a number", value)


def finite_float(value: float | decimal.Decimal, place: str) -> float:
    """Return a number as the nearest double.

    Raises:
        InvalidValueError: If it is too large, or not finite.
    """
    try:
        number = float(value)
    except OverflowError:
        raise InvalidValueError(place, "a number", value) from None
    # Python reads 1e999 as infinity.
    if not math.isfinite(number):
        raise InvalidValueError(place, "a number", value)
    return number


def to_numeric(value: object, place: str) -> decimal.Decimal:
    """Return a JSON value as a NUMERIC.

    Raises:
        InvalidValueError: If it is not a number, or has more digits than BIGNUMERIC holds.
        NeedsBigNumericError: If it has more digits than NUMERIC holds.
    """
    number = _to_decimal(value, place)
    if _fits(number, NUMERIC_INTEGER_DIGITS, NUMERIC_SCALE):
        return _rescale(number, NUMERIC_SCALE)
    if _fits(number, BIGNUMERIC_INTEGER_DIGITS, BIGNUMERIC_SCALE):
        raise NeedsBigNumericError(place)
    raise InvalidValueError(place, "a number of at most 38 digits before and after the point", value)


def to_bignumeric(value: object, place: str) -> decimal.Decimal:
    """Return a JSON value as a BIGNUMERIC.

    Raises:
        InvalidValueError: If it is not a number, or has too many digits.
    """
    number = _to_decimal(value, place)
    if not _fits(number, BIGNUMERIC_INTEGER_DIGITS, BIGNUMERIC_SCALE):
        raise InvalidValueError(place, "a number of at most 38 digits before and after the point", value)
    return _rescale(number, BIGNUMERIC_SCALE)


def without_noise(value: object, decimals: int) -> object:
    """Return a decimal number without the digits that a double has added to it, or any other value as it is.

    A double keeps 15 digits of a decimal number. If a number has more, and is the same to 15 digits when it is rounded
    to the declared ones, the others say nothing.

    Args:
        value: A JSON value.
        decimals: How many digits after the point the schema declares.
    """
    is_text = isinstance(value, str) and _NUMBER_TEXT.fullmatch(value)
    if not (is_text or isinstance(value, decimal.Decimal)):
        return value
    number = decimal.Decimal(value)  # type: ignore[arg-type]  # the lines above leave Decimal and str
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or len(digits) <= DOUBLE_DIGITS or -exponent <= decimals:
        return value
    try:
        rounded = number.quantize(decimal.Decimal((0, (1,), -decimals)), context=_WIDE)
    except decimal.InvalidOperation:  # more digits than any column holds
        return value
    return rounded if _DOUBLE.plus(number) == _DOUBLE.plus(rounded) else value


def _to_decimal(value: object, place: str) -> decimal.Decimal:
    is_number = isinstance(value, (int, decimal.Decimal)) and not isinstance(value, bool)
    if is_number or (isinstance(value, str) and _NUMBER_TEXT.fullmatch(value)):
        return decimal.Decimal(value)  # type: ignore[arg-type]  # the line above leaves int, Decimal and str
    raise InvalidValueError(place, "a number", value)


def _fits(number: decimal.Decimal, integer_digits: int, scale: int) -> bool:
    if not number:
        return True
    # Trailing zeros need no room. `normalize` would remove them, but it rounds to the 28 digits of its context.
    sign, digits, exponent = number.as_tuple()
    del sign
    if not isinstance(exponent, int):
        return False
    zeros = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return -(exponent + zeros) <= scale and number.adjusted() + 1 <= integer_digits


def _rescale(number: decimal.Decimal, scale: int) -> decimal.Decimal:
    # Arrow's own rescaling rejects zeros after the last digit, and ends the process when there are very many.
    return number.quantize(decimal.Decimal((0, (1,), -scale)), context=_WIDE)
