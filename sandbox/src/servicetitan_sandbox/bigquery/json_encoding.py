"""The JSON text of a value of any SQL type, as TO_JSON_STRING and TO_JSON write it. Pure functions.

https://cloud.google.com/bigquery/docs/reference/standard-sql/json_functions#json_encodings, compared with the reference
implementation of GoogleSQL. A value comes as the JSON text that DuckDB writes, which is complete, and with DuckDB's
name of its type.
"""

from __future__ import annotations

import base64
import json
import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from servicetitan_sandbox.bigquery.json_document import parse_json

if TYPE_CHECKING:
    from collections.abc import Callable

    Encode = Callable[[Any], str]

_MOST_EXACT = 2**53
"""The largest integer below which a double holds all integers: wider ones are written as texts."""

_TOKEN = re.compile(r'\s*("(?:[^"]|"")*"|\w[\w ]*\([\d, ]+\)|[^\s"(),\[\]]+|[(),]|\[\d*\])')
_SEPARATORS = {"\u2028": "\\u2028", "\u2029": "\\u2029"}


class _Number(str):
    """The digits of a number in a JSON text."""

    __slots__ = ()


_decode = json.JSONDecoder(
    object_pairs_hook=tuple, parse_int=_Number, parse_float=_Number, parse_constant=_Number
).decode


def to_json_string(text: str, kind: str) -> str:
    """Return what `TO_JSON_STRING` writes.

    Args:
        text: The value as DuckDB's `to_json` writes it.
        kind: The name of its type in DuckDB, such as `STRUCT(a BIGINT, b DECIMAL(38,9)[])`.
    """
    return parse_json(text, "round") if kind == "JSON" else _encoder(kind, is_quoted=True)(_decode(text))


def to_json(text: str, kind: str) -> str:
    """Return what `TO_JSON` makes of a value, as a text: a number that no JSON value can hold is rounded."""
    return parse_json(_encoder(kind, is_quoted=False)(_decode(text)), "round")


def float64_text(text: str) -> str:
    """Return what `CAST(x AS STRING)` makes of a FLOAT64: 15 digits, or 17 where 15 name another double."""
    value = float(text)
    if value == 0:
        return "0"
    short = f"{value:.15g}"
    return short if math.isnan(value) or float(short) == value else f"{value:.17g}"


def decimal_text(text: str) -> str:
    """Return what `CAST(x AS STRING)` makes of a NUMERIC or BIGNUMERIC: without zeros at the end."""
    trimmed = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if trimmed in {"-0", ""} else trimmed


@lru_cache(maxsize=1_000)
def _encoder(kind: str, *, is_quoted: bool) -> Encode:
    """Return the function that writes a value of a type; `is_quoted` writes wide numbers as texts."""
    return _Kinds(kind, is_quoted=is_quoted).read()


class _Kinds:
    """Reads the name of a type."""

    def __init__(self, kind: str, *, is_quoted: bool) -> None:
        self._tokens = _TOKEN.findall(kind)
        self._scalars = _QUOTED if is_quoted else _BARE

    def read(self) -> Encode:
        words = []
        while self._tokens and self._tokens[0] not in {"(", ")", ","} and not self._tokens[0].startswith("["):
            words.append(self._tokens.pop(0))
        encode = self._struct() if words[-1:] == ["STRUCT"] and self._next_is("(") else self._scalar(" ".join(words))
        while self._tokens and self._tokens[0].startswith("["):
            self._tokens.pop(0)
            encode = _array(encode)
        return encode

    def _next_is(self, token: str) -> bool:
        return bool(self._tokens) and self._tokens[0] == token

    def _struct(self) -> Encode:
        fields = []
        while self._tokens.pop(0) != ")":
            fields.append(self.read())
        return _struct(fields)

    def _scalar(self, words: str) -> Encode:
        """Return the function for a scalar type. The words may begin with the name of a field."""
        for name, encode in self._scalars.items():
            if words == name or words.endswith(f" {name}"):
                return encode
        return self._scalars["DECIMAL"] if "DECIMAL(" in words else _other


def _array(encode: Encode) -> Encode:
    return lambda items: "null" if items is None else f"[{','.join(map(encode, items))}]"


def _struct(encoders: list[Encode]) -> Encode:
    def encode(pairs: tuple[tuple[str, Any], ...] | None) -> str:
        if pairs is None:
            return "null"
        fields = (f"{_string(name)}:{of(value)}" for (name, value), of in zip(pairs, encoders, strict=True))
        return f"{{{','.join(fields)}}}"

    return encode


def _string(text: str | None) -> str:
    written = json.dumps(text, ensure_ascii=False)
    for separator, escaped in _SEPARATORS.items():
        written = written.replace(separator, escaped)
    return written


def _other(value: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(value, _Number):
        return value
    if isinstance(value, list):
        return f"[{','.join(map(_other, value))}]"
    if isinstance(value, tuple):
        return f"{{{','.join(f'{_string(name)}:{_other(item)}' for name, item in value)}}}"
    return _string(value)


def _json(value: Any) -> str:  # noqa: ANN401 - JSON
    return parse_json(_other(value), "round")


def _exact_number(text: str | None) -> str:
    if text is None:
        return "null"
    number = decimal_text(text)
    return number if "." not in number and abs(int(number)) <= _MOST_EXACT else f'"{number}"'


def _bare_number(text: str | None) -> str:
    return "null" if text is None else decimal_text(text)


def _double(text: str | None) -> str:
    if text is None:
        return "null"
    return float64_text(text) if math.isfinite(float(text)) else f'"{text}"'


def _bare_double(text: str | None) -> str:
    if text is None:
        return "null"
    return repr(float(text) or 0.0) if math.isfinite(float(text)) else f'"{text}"'


def _bytes(text: str | None) -> str:
    r"""Return BYTES in base64. DuckDB writes them as letters, and as `\\xFF` what is no letter."""
    if text is None:
        return "null"
    raw = re.sub(rb"\\x([0-9A-F]{2})", lambda found: bytes.fromhex(found[1].decode()), text.encode())
    return f'"{base64.b64encode(raw).decode()}"'


def _time(text: str | None) -> str:
    """Return a TIME, DATETIME or TIMESTAMP, with no, three or six digits of a second's fraction."""
    if text is None:
        return "null"
    whole, _, fraction = text.removesuffix("+00").replace(" ", "T").partition(".")
    if fraction:
        whole += "." + fraction.ljust(3 if len(fraction) <= 3 else 6, "0")  # noqa: PLR2004 - milli- and microseconds
    return f'"{whole}{"Z" if text.endswith("+00") else ""}"'


_SHARED: dict[str, Encode] = {
    "JSON": _json,
    "BLOB": _bytes,
    "TIMESTAMP WITH TIME ZONE": _time,
    "TIMESTAMP": _time,
    "TIME": _time,
}
_INTEGER_TYPES = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_QUOTED = _SHARED | dict.fromkeys(("DECIMAL", *_INTEGER_TYPES), _exact_number) | {"DOUBLE": _double, "FLOAT": _double}
_BARE = (
    _SHARED
    | dict.fromkeys(("DECIMAL", *_INTEGER_TYPES), _bare_number)
    | {"DOUBLE": _bare_double, "FLOAT": _bare_double}
)
