"""Times without a zone: they get a `Z`, as they are UTC and RFC 3339 demands a zone. Pure.

The documents say `date-time` of these fields, and some come without one. A consumer that checks formats refuses them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Json = dict[str, Any]

RECORDS_AT_ONCE = 256
"""How many records to check at a time, in native code. If all of their times have zones, none of them is touched."""

_WITHOUT_ZONE = re.compile(rb'"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?"')

_Zoned = Annotated[datetime, msgspec.Meta(tz=True)]
_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class _Times:
    """Where the times of an object are, and those of the objects in it."""

    fields: frozenset[str]
    """The fields with a time, or with an array of them."""
    inner: Mapping[str, _Times]
    """The same for the objects in fields, and in arrays of objects, by the name of the field."""

    @classmethod
    def of(cls, schema: Json) -> _Times:
        """Return what a JSON Schema says."""
        fields = {name: field.get("items", field) for name, field in schema.get("properties", {}).items()}
        inner = {name: cls.of(field) for name, field in fields.items()}
        return cls(
            fields=frozenset(name for name, field in fields.items() if field.get("format") == "date-time"),
            inner={name: times for name, times in inner.items() if times},
        )

    def __bool__(self) -> bool:
        return bool(self.fields or self.inner)

    def type(self) -> Any:  # noqa: ANN401 - a type that is made at run time
        """Return a type that decodes only objects whose times have zones."""
        types: dict[str, Any] = dict.fromkeys(self.fields, _Zoned | None | list[_Zoned | None])
        for name, times in self.inner.items():
            one: Any = times.type()
            types[name] = one | None | list[one | None]
        attributes = {f"field{number}": name for number, name in enumerate(types)}
        return msgspec.defstruct(
            "Times",
            [(attribute, types[name], None) for attribute, name in attributes.items()],
            rename=attributes,
            gc=False,
        )

    def complete(self, record: msgspec.Raw) -> msgspec.Raw:
        """Return an object with zones in its times. What is no object stays as it is: the target will say so."""
        try:
            values = _object(record)
        except msgspec.ValidationError:
            return record
        changed = {name: new for name in self.fields & values.keys() if (new := _add_zone(values[name]))}
        for name in self.inner.keys() & values.keys():
            new = self._complete_inside(name, values[name])
            if new is not values[name]:
                changed[name] = new
        return msgspec.Raw(_encode(values | changed)) if changed else record

    def _complete_inside(self, name: str, value: msgspec.Raw) -> msgspec.Raw:
        times = self.inner[name]
        if bytes(value)[:1] != b"[":
            return times.complete(value)
        items = _array(value)
        completed = [times.complete(item) for item in items]
        if all(new is old for new, old in zip(completed, items, strict=True)):
            return value
        return _join(completed)


class Zones:
    """Adds zones to the times of a stream's records."""

    def __init__(self, schema: Json) -> None:
        """Find the times.

        Args:
            schema: The schema of the records.
        """
        self._times = _Times.of(schema)
        one: Any = self._times.type()
        self._check = msgspec.json.Decoder(list[one]).decode

    def complete(self, records: Sequence[msgspec.Raw]) -> Sequence[msgspec.Raw]:
        """Return the records, with zones in all times."""
        if not self._times:
            return records
        completed = [record for part in self._parts(records) for record in part]
        return completed if any(new is not old for new, old in zip(completed, records, strict=True)) else records

    def _parts(self, records: Sequence[msgspec.Raw]) -> Iterator[Sequence[msgspec.Raw]]:
        for start in range(0, len(records), RECORDS_AT_ONCE):
            part = records[start : start + RECORDS_AT_ONCE]
            try:
                self._check(_join(part))
            except msgspec.ValidationError:
                # One time without a zone, or something that does not fit the schema: then it is sent on as it is.
                yield [self._times.complete(record) for record in part]
            else:
                yield part


def _add_zone(value: msgspec.Raw) -> msgspec.Raw | None:
    """Return a time with a zone, or None if there is nothing to add."""
    text = bytes(value)
    if text[:1] == b"[":
        items = _array(value)
        zoned = [_add_zone(item) or item for item in items]
        return None if zoned == items else _join(zoned)
    return msgspec.Raw(text[:-1].replace(b" ", b"T") + b'Z"') if _WITHOUT_ZONE.fullmatch(text) else None


def _join(items: Sequence[msgspec.Raw]) -> msgspec.Raw:
    return msgspec.Raw(b"[%b]" % b",".join(items))
