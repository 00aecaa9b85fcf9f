"""The text of a JSON value as BigQuery keeps it: integers of 64 bits, doubles, sorted keys. Pure functions.

BigQuery's JSON type is no text. It has INT64 and UINT64 integers, and a double for any other number; of two equal keys
the first one counts
(https://cloud.google.com/bigquery/docs/reference/standard-sql/json_functions#parse_json). How it is written was
compared with the reference implementation of GoogleSQL: doubles with the fewest digits that name them, with an exponent
from 1e+15 on and below 0.0001. The reference has a digit more than needed for one double in a thousand, which is not
reproduced.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache, partial
from typing import Any

_INTEGERS = range(-(2**63), 2**64)
_INTEGER_DIGITS = 20
_PLAIN = (1e-4, 1e15)
"""From the first to below the second, Python writes a double as BigQuery does."""
_ODD_HALFWAY = 1e17
"""Below, no text of 17 digits is halfway between two doubles and at the same time shorter than all others."""
_MODES = ("exact", "round")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\[\]{},:"\s]+')

_MAY_BE_ODD = re.compile(r"\d(?:[\d.]{14}|[eE][\d+-](?<!\\u...)(?<!\\u....)(?<!\\u.....)|\.0000)")
"""Finds every number that Python may read or write otherwise than BigQuery, and some texts."""

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


@lru_cache(maxsize=8_000)  # a comparison of two tables asks for most texts twice
def parse_json(text: str, mode: str = "exact") -> str:
    """Return the text of a JSON value as BigQuery writes it.

    Args:
        text: JSON.
        mode: What happens to a number that no double is equal to: `exact` refuses it, `round` takes the nearest one.

    Raises:
        ValueError: If the text is no JSON, or a number is refused.
    """
    if mode.lower() not in _MODES:
        raise ValueError(f"Invalid `wide_number_mode` specified for PARSE_JSON: {mode}")
    try:
        if _MAY_BE_ODD.search(text):
            written = _written(_decoder(is_exact=mode.lower() == "exact").decode(text))
        else:
            written = _encode(_decode(text))
        written.encode()  # a lone surrogate is no text
    except ValueError as error:
        raise ValueError(f"Invalid input to PARSE_JSON: {error}") from None
    return written


def indented(text: str) -> str:
    """Return a JSON text with a line for each value, as `TO_JSON_STRING(x, TRUE)` does."""
    lines, depth, last = [""], 0, ""
    for word in _TOKEN.findall(text):
        closes = word in {"]", "}"}
        depth -= closes
        if last not in {"[", "{"} if closes else last in {"[", "{", ","}:
            lines.append("  " * depth)
        lines[-1] += f"{word} " if word == ":" else word
        depth += word in {"[", "{"}
        last = word
    return "\n".join(lines)


def double_text(value: float) -> str:
    """Return a finite double as BigQuery writes it in a JSON value, such as `1.0`, `1e+20` or `1e-05`."""
    text = repr(value)
    if value == 0 or _PLAIN[0] <= abs(value) < _PLAIN[1]:
        return text
    if abs(value) >= _ODD_HALFWAY and _is_halfway(value, text):
        text = f"{value:.16g}"
    sign, digits, exponent = Decimal(text).normalize().as_tuple()
    first, *others = map(str, digits)
    fraction = f".{''.join(others)}" if others else ""
    return f"{'-' * sign}{first}{fraction}e{int(exponent) + len(others):+03d}"


def _is_halfway(value: float, text: str) -> bool:
    """Return whether a text is halfway between two doubles, as that of 1e23: BigQuery takes a longer one then."""
    named, here = Fraction(text), Fraction(value)
    if named == here:
        return False
    neighbour = math.nextafter(value, math.inf if named > here else -math.inf)
    return math.isfinite(neighbour) and named - here == Fraction(neighbour) - named


def _double(text: str, *, is_exact: bool) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"number overflow parsing '{text}'")
    if is_exact and repr(value) != text and Decimal(text) != Decimal(double_text(value)):
        raise ValueError(f"Input number: {text} cannot round-trip through string representation")
    return value


def _number(text: str, *, is_exact: bool) -> int | float:
    if len(text) <= _INTEGER_DIGITS and (value := int(text)) in _INTEGERS:
        return value
    return _double(text, is_exact=is_exact)


def _first_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(reversed(pairs))


def _refuse_constant(text: str) -> float:
    raise ValueError(f"syntax error while parsing value - invalid literal; last read: '{text}'")


@cache
def _decoder(*, is_exact: bool) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_first_of_each,
        parse_int=partial(_number, is_exact=is_exact),
        parse_float=partial(_double, is_exact=is_exact),
        parse_constant=_refuse_constant,
    )


_decode = json.JSONDecoder(object_pairs_hook=_first_of_each, parse_constant=_refuse_constant).decode


def _written(value: Any) -> str:  # noqa: ANN401 - JSON
    """Return the text of a value with doubles that Python writes otherwise."""
    if isinstance(value, dict):
        return f"{{{','.join(f'{_encode(name)}:{_written(value[name])}' for name in sorted(value))}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_written, value))}]"
    return double_text(value) if isinstance(value, float) else _encode(value)
