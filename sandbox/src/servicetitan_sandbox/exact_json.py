"""JSON with exact numbers: integers of any size, and numbers with a fraction as :class:`decimal.Decimal`."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import orjson


def dumps(value: object) -> bytes:
    """Encode a value as compact UTF-8.

    Raises:
        TypeError: If the value holds an object that JSON cannot represent.
    """
    return orjson.dumps(value, default=_encode_decimal)


def loads(data: bytes) -> Any:  # noqa: ANN401 - JSON is any of its types
    """Decode JSON. Numbers with a fraction become a Decimal.

    Raises:
        ValueError: If the data is not JSON.
    """
    return json.loads(data, parse_float=Decimal)


def _encode_decimal(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(f"{value:f}")
    raise TypeError(f"JSON cannot represent a {type(value).__name__}")
