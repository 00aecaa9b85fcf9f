"""Parses JSON without losing digits, and writes a JSON value as the one text for it. Pure functions."""

from __future__ import annotations

import decimal
import json
import re
from typing import Any

import msgspec

from target_bigquery_softdelete.errors import InvalidValueError
from target_bigquery_softdelete.records.numbers import INT64_MIN, UINT64_MAX, finite_float

DEEPEST_JSON = 500
"""Levels of nesting in a JSON value (https://cloud.google.com/bigquery/docs/json-data#limitations)."""

_LONG_NUMBER = re.compile(rb"[0-9]{19}")


def parse_json(raw: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Parse JSON so that no digit is lost: numbers with a fraction or an exponent become `Decimal`.

    Raises:
        ValueError: If it is not JSON.
    """
    try:
        return json.loads(raw, parse_float=decimal.Decimal)
    except (decimal.InvalidOperation, RecursionError) as error:
        raise ValueError("a number has an exponent of more than 18 digits, or the nesting is too deep") from error


def json_text(value: object) -> str:
    """Return the one text for a JSON value: keys sorted, no spaces. Equal values have equal texts.

    Raises:
        ValueError: If it holds a number that JSON cannot write, such as infinity, or is nested too deep for BigQuery.
    """
    return msgspec.json.encode(_plain(value), order="sorted").decode()


def json_text_of_raw(raw: bytes) -> str:
    """Return :func:`json_text` of a value that is not parsed yet.

    Raises:
        ValueError: If it is not JSON, or JSON that BigQuery cannot store.
    """
    if _LONG_NUMBER.search(raw) or raw.count(b"[") + raw.count(b"{") > DEEPEST_JSON:
        return json_text(parse_json(raw))
    return msgspec.json.encode(msgspec.json.decode(raw), order="sorted").decode()


def text_of_json_in(text: str) -> str | None:
    """Return :func:`json_text` of the object or array that a text holds, or None if it holds none."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json_text_of_raw(text.encode())
    except (ValueError, RecursionError):  # half of a surrogate pair has no UTF-8 form
        return None


def to_string(value: object, place: str) -> str:
    """Return a JSON value as a STRING.

    Raises:
        InvalidValueError: If it is null, an array or an object.
    """
    if isinstance(value, str):
        # A lone surrogate is legal in JSON and has no UTF-8 form.
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, decimal.Decimal)):
        return str(value)
    raise InvalidValueError(place, "a string", value)


def _plain(value: object, depth: int = 1) -> object:
    if isinstance(value, (dict, list)) and depth > DEEPEST_JSON:
        raise ValueError(depth)
    if isinstance(value, dict):
        return {to_string(key, ""): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, str):
        return to_string(value, "")
    return _plain_number(value)


def _plain_number(value: Any) -> object:  # noqa: ANN401 - a number, true, false or null
    # BigQuery's JSON type holds 64-bit integers and doubles, and rejects all other numbers.
    too_long = isinstance(value, int) and not INT64_MIN <= value <= UINT64_MAX
    return finite_float(value, "") if too_long or isinstance(value, (float, decimal.Decimal)) else value
