"""Finds values of a key that their column would not keep one to one: two keys of the source would become one. Pure.

What is equal by definition is no loss: 1 and 1.0, 0 and -0.0, one moment in two time zones, a number and its text.
"""

from __future__ import annotations

import decimal
import re
from typing import TYPE_CHECKING

from target_bigquery_softdelete.records.json_text import to_string
from target_bigquery_softdelete.schema.columns import DECIMAL_KINDS, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

FINE_FRACTION = r"[.,][0-9]{6}[0-9]*[1-9]"
"""Pattern of a fraction of a second that microseconds do not hold."""

_FINE_FRACTION = re.compile(FINE_FRACTION)
_LEAP_SECOND = re.compile(r":[0-9]{2}:60")
_PADDED_NUMBER = re.compile(r"\+|-?0[0-9]")


def lost_in_key(value: object, kind: Kind) -> str:
    """Return what a value of a key would lose in a column of this kind, and what to do, or an empty text for nothing.

    Args:
        value: The JSON value, which fits the column.
        kind: The type of the column.
    """
    if kind in _NUMBERS and isinstance(value, str) and _PADDED_NUMBER.match(value):
        return _say(f"zeros or a sign before the number as {kind}", "a string")
    check = _CHECKS.get(kind)
    return check(value) if check else ""


def _say(loss: str, declaration: str) -> str:
    return f"would lose {loss}, and become the same as another key. Declare it as {declaration}."


def _check_double(value: object) -> str:
    if not isinstance(value, (int, decimal.Decimal, str)):
        return ""  # Infinity
    number = decimal.Decimal(value)
    double = float(number)
    # A double stands for one integer, or for one shortest text with a fraction. Any other number that becomes the same
    # double would fall together with it.
    is_whole = number == number.to_integral_value()
    kept = decimal.Decimal(double) if is_whole else decimal.Decimal(repr(double))
    return "" if kept == number else _say("digits as FLOAT64", 'an integer, a string, or with `"format": "decimal"`')


def _check_time(value: object) -> str:
    text, declaration = str(value), "a string without a format"
    if _FINE_FRACTION.search(text):
        return _say("what is finer than a microsecond", declaration)
    return _say("its leap second", declaration) if _LEAP_SECOND.search(text) else ""


def _check_text(value: object) -> str:
    is_kept = not isinstance(value, str) or to_string(value, "") == value
    return "" if is_kept else "has half of a character, which BigQuery cannot store. Correct it at the source."


_NUMBERS = DECIMAL_KINDS | {Kind.INT64, Kind.FLOAT64}

_CHECKS: dict[Kind, Callable[[object], str]] = {
    Kind.FLOAT64: _check_double,
    Kind.TIMESTAMP: _check_time,
    Kind.DATE: _check_time,
    Kind.TIME: _check_time,
    Kind.STRING: _check_text,
}
