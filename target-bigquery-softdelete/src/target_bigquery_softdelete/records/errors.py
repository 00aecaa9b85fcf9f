"""Errors of values that do not fit their column."""

from __future__ import annotations

import decimal


class InvalidValueError(ValueError):
    """A value does not fit its column.

    The text names the place and the kind of the value, never the value itself: it may be private.
    """

    def __init__(self, place: str, expected: str, found: object) -> None:
        super().__init__(f"`{place}` must be {expected}, but is {_describe(found)}")


class NeedsBigNumericError(ValueError):
    """A number has more digits than NUMERIC holds, but BIGNUMERIC holds it."""

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.place = place


def _describe(value: object) -> str:
    if value is None:
        return "null"
    names = {
        bool: "true or false",
        int: "an integer",
        float: "NaN or Infinity",
        decimal.Decimal: "a number with a fraction",
    }
    names |= {str: "a string", list: "an array", dict: "an object"}
    text = names.get(type(value), type(value).__name__)
    return f"{text} of {len(value)} characters" if isinstance(value, str) else text
