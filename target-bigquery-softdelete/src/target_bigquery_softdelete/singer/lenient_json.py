r"""Reads lines that are almost JSON, as many sources write them. Pure functions.

Python's own encoder writes NaN, Infinity and -Infinity, which JSON does not have, and `\ud800`, half of a character,
which has no UTF-8 form. Native decoders reject both. :func:`mend` repairs a rejected line: the constants become strings
that no source writes, and :func:`restore` puts the constants back after decoding; half a character becomes U+FFFD.
"""

from __future__ import annotations

import math
import re
import uuid

import msgspec

from target_bigquery_softdelete.plugin_runtime.characters import with_whole_characters

_MARK = uuid.uuid4().hex
_PLACEHOLDERS = {constant: f'"{_MARK}{constant}"'.encode() for constant in ("NaN", "-Infinity", "Infinity")}

_UP_TO_CONSTANT = re.compile(rb'((?:[^"NI-]++|"(?:[^"\\]++|\\.)*+"|-(?!I))*+)(NaN|-?Infinity)', re.DOTALL)
"""Skips strings as a whole: outside of strings, no other word of JSON contains an N or an I."""
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def mend(line: bytes) -> bytes:
    """Replace everything in a line that JSON does not allow. :func:`restore` puts the constants back."""
    line = with_whole_characters(line)
    parts, position = [], 0
    while match := _UP_TO_CONSTANT.match(line, position):
        parts += [match[1], _PLACEHOLDERS[match[2].decode()]]
        position = match.end()
    return b"".join([*parts, line[position:]])


def restore(text: bytes) -> bytes:
    """Put NaN, Infinity and -Infinity back into a text that :func:`mend` has changed."""
    if has_constants(text):
        for constant, placeholder in _PLACEHOLDERS.items():
            text = text.replace(placeholder, constant.encode())
    return text


def has_constants(text: bytes) -> bool:
    """Whether the text contained NaN, Infinity or -Infinity before :func:`mend` changed it."""
    return _MARK.encode() in text


def encode_record(record: object) -> bytes:
    """Encode a record: decimals become numbers with all their digits, and NaN stays NaN."""
    if _holds_constant(record):
        return restore(_ENCODER.encode(_with_placeholders(record)))
    return _ENCODER.encode(record)


def _holds_constant(value: object) -> bool:
    parts = [value]  # not by recursion: a STATE may be nested deeper than Python's stack
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            parts += part.values()
        elif isinstance(part, (list, tuple)):
            parts += part
        elif isinstance(part, float) and not math.isfinite(part):
            return True
    return False


def _with_placeholders(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        name = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        return f"{_MARK}{name}"
    if isinstance(value, dict):
        return {key: _with_placeholders(item) for key, item in value.items()}
    return [_with_placeholders(item) for item in value] if isinstance(value, (list, tuple)) else value
