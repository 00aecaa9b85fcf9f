"""Shapes records before they leave the tap: protects personal data, completes times, handles unknown fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tap_servicetitan.specs.spec import EXTRA, EXTRA_SCHEMA
from tap_servicetitan.transform.decimal_texts import DecimalTexts
from tap_servicetitan.transform.zones import Zones

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_servicetitan.transform.pii import Protection

Json = dict[str, Any]

UNKNOWN_FIELD_STRIDE = 100
"""Only one record in this many is searched for fields that the schema lacks: a new field comes in all of a type."""

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Shaper:
    """Shapes the records of one stream. A record without changes stays the bytes that it came as."""

    def __init__(self, schema: Json, protection: Protection, *, keep_extra: bool) -> None:
        """Derive the schema of the shaped records.

        Args:
            schema: The schema of the records as they come.
            protection: The rules for personal data.
            keep_extra: Whether to move unknown fields into the field `_extra`.
        """
        self._protection = protection
        self._keep_extra = keep_extra
        shaped = protection.schema(schema)
        self._known = frozenset(shaped["properties"])
        extra = {EXTRA: shaped["properties"].get(EXTRA, dict(EXTRA_SCHEMA))} if keep_extra else {}
        self.schema: Json = shaped | {"properties": shaped["properties"] | extra}
        self._decimals = DecimalTexts.of(shaped)
        self._zones = Zones(shaped)
        self._reported: set[str] = set()

    def shape(self, records: Sequence[msgspec.Raw]) -> Sequence[msgspec.Raw]:
        """Return the shaped records."""
        if self._protection:
            records = [self._protection.record(record) for record in records]
        if self._decimals:
            records = [self._decimals.add(record) for record in records]
        records = self._zones.complete(records)
        if self._keep_extra:
            records = [move_unknown(record, self._known) for record in records]
        return records

    def leaves_unchanged(self, name: str) -> bool:
        """Return whether a field of the record keeps its values."""
        return name in self.schema["properties"] and not self._protection.applies_to(name)

    @property
    def unknown_fields(self) -> Sequence[str]:
        """The paths of fields that the schema lacks, as far as they were found."""
        return sorted(self._reported)

    def take_new_unknown_fields(self, records: Sequence[msgspec.Raw]) -> list[str]:
        """Return the paths of fields that the schema lacks and that no earlier call has returned.

        Args:
            records: Shaped records, of which only a sample is searched.
        """
        sample = (msgspec.json.decode(record) for record in records[::UNKNOWN_FIELD_STRIDE])
        found = {path for record in sample for path in unknown_paths(record, self.schema)} - self._reported
        self._reported |= found
        return sorted(found)


def move_unknown(record: msgspec.Raw, known: frozenset[str]) -> msgspec.Raw:
    """Return the record with its unknown fields moved into `_extra`, or as it is if it has none."""
    fields = _fields.decode(record)
    if fields.keys() <= known:
        return record
    kept: dict[str, object] = {name: value for name, value in fields.items() if name in known}
    kept[EXTRA] = {name: value for name, value in fields.items() if name not in known}
    return msgspec.Raw(msgspec.json.encode(kept))


def unknown_paths(value: object, schema: Json, path: str = "") -> Iterator[str]:
    """Yield the paths of the fields that the schema lacks, at any depth."""
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
