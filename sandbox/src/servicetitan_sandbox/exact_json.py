"""JSON that keeps numbers exact: integers of any size, decimals as :class:`decimal.Decimal`, digit for digit."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import orjson


def dumps(value: object) -> bytes:
    """Encode as compact UTF-8.

    Raises:
        TypeError: If the value holds something that JSON has no form for.
    """
    return orjson.dumps(value, default=_encode_decimal)


def loads(data: bytes) -> Any:  # noqa: ANN401 - JSON is any of its types
    """Decode; every number with a fraction becomes a Decimal.

    Raises:
        ValueError: If the data is not JSON.
    """
    return json.loads(data, parse_float=Decimal)


def _encode_decimal(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(f"{value:f}")
    raise TypeError(f"{type(value).__name__} has no form in JSON")
