r"""Lines that are not quite JSON, and that many sources write all the same. Pure functions.

Python's own encoder writes NaN, Infinity and -Infinity, which JSON does not have, and `\ud800`, half of a character,
which has no UTF-8 form. Native decoders refuse both. A line that was refused is mended here: the first become texts
that no source writes, to be put back when the line is decoded; the second becomes U+FFFD, as it does everywhere.
"""

from __future__ import annotations

import math
import re
import uuid
from typing import Any

import msgspec

from target_bigquery_softdelete.plugin_runtime.characters import with_whole_characters

_MARK = uuid.uuid4().hex
_MARKED = {constant: f'"{_MARK}{constant}"'.encode() for constant in ("NaN", "-Infinity", "Infinity")}

_UP_TO_CONSTANT = re.compile(rb'((?:[^"NI-]++|"(?:[^"\\]++|\\.)*+"|-(?!I))*+)(NaN|-?Infinity)', re.DOTALL)
"""Texts are passed over as a whole; outside of them no other word of JSON has an N or an I."""
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def mended(line: bytes) -> bytes:
    """Return the line with stand-ins for what JSON does not have. See :func:`restored`."""
    line = with_whole_characters(line)
    parts, position = [], 0
    while match := _UP_TO_CONSTANT.match(line, position):
        parts += [match[1], _MARKED[match[2].decode()]]
        position = match.end()
    return b"".join([*parts, line[position:]])


def restored(text: bytes) -> bytes:
    """Return what was mended with NaN and its like in their places again."""
    if has_constants(text):
        for constant, marked in _MARKED.items():
            text = text.replace(marked, constant.encode())
    return text


def has_constants(mended_text: bytes) -> bool:
    """Whether NaN, Infinity or -Infinity stood in the text that was mended."""
    return _MARK.encode() in mended_text


def encode_record(record: dict[str, Any]) -> bytes:
    """Return a record as text: decimals are numbers with all their digits, and NaN stays NaN."""
    if _holds_constant(record):
        return restored(_ENCODER.encode(_with_marks(record)))
    return _ENCODER.encode(record)


def _holds_constant(value: object) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, dict):
        return any(map(_holds_constant, value.values()))
    return isinstance(value, (list, tuple)) and any(map(_holds_constant, value))


def _with_marks(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        name = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        return f"{_MARK}{name}"
    if isinstance(value, dict):
        return {key: _with_marks(item) for key, item in value.items()}
    return [_with_marks(item) for item in value] if isinstance(value, (list, tuple)) else value
