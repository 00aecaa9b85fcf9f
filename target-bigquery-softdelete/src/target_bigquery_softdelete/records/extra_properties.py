"""Gathers the properties that the schema does not list into one JSON column. Pure functions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from target_bigquery_softdelete.errors import NotNativeError
from target_bigquery_softdelete.records.json_text import json_text_of_raw
from target_bigquery_softdelete.schema.columns import Column, Kind
from target_bigquery_softdelete.schema.system_columns import EXTRA, SDC_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class ExtraProperties:
    """Gathers such properties in the records of one stream, raw or parsed."""

    def __init__(self, columns: Sequence[Column], extra: Column) -> None:
        self._known = frozenset(column.source for column in columns if column is not extra)
        self._source = extra.source
        self._decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
        self._encoder = msgspec.json.Encoder()

    @classmethod
    def of(cls, columns: Sequence[Column]) -> ExtraProperties | None:
        """Return the gatherer for these columns, or None if none of them is for extra properties."""
        extra = next((column for column in columns if column.name == EXTRA), None)
        return cls(columns, extra) if extra else None

    def as_text(self, block: bytes) -> bytes:
        """Return the block with the gathered properties, as text, in one more property of each record.

        Raises:
            NotNativeError: If only the row path can read a record or one of its values.
        """
        try:
            records = self._decoder.decode_lines(block)
            # Most blocks have no such properties and stay as they are.
            if all(map(self._known.issuperset, records)):
                return block
            for record in records:
                self._gather_as_text(record)
        except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors too
            raise NotNativeError(str(error)) from None
        return self._encoder.encode_lines(records)

    def _gather_as_text(self, record: dict[str, Any]) -> None:
        if extra := self._remove_extra(record):
            record[self._source] = json_text_of_raw(self._encoder.encode(extra))

    def gather(self, record: dict[str, Any]) -> None:
        """Gather the properties of a parsed record."""
        if extra := self._remove_extra(record):
            record[self._source] = extra

    def _remove_extra(self, record: dict[str, Any]) -> dict[str, Any]:
        names = [name for name in record if name not in self._known and not name.startswith(SDC_PREFIX)]
        return {name: record.pop(name) for name in names}


def with_extra_as_text(columns: Iterable[Column]) -> list[Column]:
    """Return the columns of a block that :meth:`ExtraProperties.as_text` has returned."""
    return [replace(column, kind=Kind.STRING) if column.name == EXTRA else column for column in columns]
