"""Numbers that the API sends as text: a second field beside each has the number, exactly. Pure.

The text stays as it came, so nothing is lost when it is no number, and a column of text that exists stays what it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from tap_servicetitan.exact_numbers import fits_exactly
from tap_servicetitan.specs.spec import DECIMAL_OF

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]

_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")

_NULL = msgspec.Raw(b"null")
_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class DecimalTexts:
    """The numbers in the texts of an object, and of the objects in it."""

    numbers: Mapping[str, str]
    """Name of each field that gets a number, by the name of the text."""
    inner: Mapping[str, DecimalTexts]
    """The same for the objects in fields, and in arrays of objects, by the name of the field."""

    @classmethod
    def of(cls, schema: Json) -> DecimalTexts:
        """Return what a JSON Schema says."""
        fields = schema.get("properties", {})
        inner = {name: cls.of(field.get("items", field)) for name, field in fields.items()}
        return cls(
            numbers={field[DECIMAL_OF]: name for name, field in fields.items() if DECIMAL_OF in field},
            inner={name: texts for name, texts in inner.items() if texts},
        )

    def __bool__(self) -> bool:
        return bool(self.numbers or self.inner)

    def add(self, record: msgspec.Raw) -> msgspec.Raw:
        """Return an object with its numbers. What is no object stays as it is: the target will say so."""
        try:
            fields = _object(record)
        except msgspec.ValidationError:
            return record
        for text, number in self.numbers.items():
            if text in fields:
                fields[number] = _number(fields[text])
        for name, texts in self.inner.items():
            if name in fields:
                fields[name] = _add_inside(texts, fields[name])
        return msgspec.Raw(_encode(fields))


def _add_inside(texts: DecimalTexts, value: msgspec.Raw) -> msgspec.Raw:
    if bytes(value)[:1] != b"[":
        return texts.add(value)
    return msgspec.Raw(b"[" + b",".join(bytes(texts.add(item)) for item in _array(value)) + b"]")


def _number(value: msgspec.Raw) -> msgspec.Raw:
    """Return the number in a text, or null. A number that comes as a number stays one."""
    raw = bytes(value)
    text = _text(raw).strip() if raw[:1] == b'"' else raw.decode()
    if not _NUMBER.fullmatch(text):
        return _NULL
    return msgspec.Raw(text.encode()) if fits_exactly(text) else _NULL
