"""What is done to records before they leave the tap: to personal data, and to fields that the schema lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_servicetitan.transform.pii import Protection

Json = dict[str, Any]

EXTRA = "_extra"
"""The field that takes what the schema lacks. It holds JSON of any shape."""

UNKNOWN_FIELD_STRIDE = 100
"""One record in so many is looked at for fields that the schema lacks: a new field comes in all records of a type."""

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Shaper:
    """Shapes the records of one stream. Those in which there is nothing to change stay the bytes that they are."""

    def __init__(self, schema: Json, protection: Protection, *, keep_extra: bool) -> None:
        """Settle the schema.

        Args:
            schema: The schema of the records as they come.
            protection: What happens to personal data.
            keep_extra: Whether unknown fields move into a field of their own.
        """
        self._protection = protection
        self._keep_extra = keep_extra
        shaped = protection.schema(schema)
        self._known = frozenset(shaped["properties"])
        extra = {EXTRA: {"type": ["object", "null"]}} if keep_extra else {}
        self.schema: Json = shaped | {"properties": shaped["properties"] | extra}
        self._reported: set[str] = set()

    def shape(self, records: Sequence[msgspec.Raw]) -> Sequence[msgspec.Raw]:
        """Return the records as they leave the tap."""
        if self._protection:
            records = [self._protection.record(record) for record in records]
        if self._keep_extra:
            records = [move_unknown(record, self._known) for record in records]
        return records

    def new_unknown_fields(self, records: Sequence[msgspec.Raw]) -> list[str]:
        """Return the paths of fields that neither the schema knows nor an earlier call has returned.

        Args:
            records: Shaped records, of which a sample is looked at.
        """
        sample = (msgspec.json.decode(record) for record in records[::UNKNOWN_FIELD_STRIDE])
        found = {path for record in sample for path in unknown_paths(record, self.schema)} - self._reported
        self._reported |= found
        return sorted(found)


def move_unknown(record: msgspec.Raw, known: frozenset[str]) -> msgspec.Raw:
    """Return the record with the fields that are not known in one of their own, or as it is when it has none."""
    fields = _fields.decode(record)
    if fields.keys() <= known:
        return record
    kept: dict[str, object] = {name: value for name, value in fields.items() if name in known}
    kept[EXTRA] = {name: value for name, value in fields.items() if name not in known}
    return msgspec.Raw(msgspec.json.encode(kept))


def unknown_paths(value: object, schema: Json, path: str = "") -> Iterator[str]:
    """Yield the paths of the fields in a value that its schema lacks, also those of objects in it and in its lists."""
    if isinstance(value, list):
        for item in value:
            yield from unknown_paths(item, schema.get("items", {}), path)
    if not isinstance(value, dict) or "properties" not in schema:
        return
    for name, field in value.items():
        where = f"{path}.{name}" if path else name
        if name in schema["properties"]:
            yield from unknown_paths(field, schema["properties"][name], where)
        else:
            yield where
