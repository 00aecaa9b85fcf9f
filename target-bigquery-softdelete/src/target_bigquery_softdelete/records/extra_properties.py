"""Gathers the properties of a record that its schema does not list into one JSON column. Pure functions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from target_bigquery_softdelete.errors import NotNativeError
from target_bigquery_softdelete.records.values import json_text_of_raw
from target_bigquery_softdelete.schema.columns import Column, Kind
from target_bigquery_softdelete.schema.naming import EXTRA

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

TAP_PREFIX = "_sdc_"
"""Taps put such properties into records to say how they were read. They change with every run, and are no data."""


class ExtraProperties:
    """Gathers them in the records of one stream, in raw ones and in parsed ones."""

    def __init__(self, columns: Sequence[Column], extra: Column) -> None:
        self._known = frozenset(column.source for column in columns if column is not extra)
        self._source = extra.source
        self._decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
        self._encoder = msgspec.json.Encoder()

    @classmethod
    def of(cls, columns: Sequence[Column]) -> ExtraProperties | None:
        """Return what gathers for these columns, or nothing when they have none for it."""
        extra = next((column for column in columns if column.name == EXTRA), None)
        return cls(columns, extra) if extra else None

    def as_text(self, block: bytes) -> bytes:
        """Return the block with the text of the gathered properties as one more property of each record.

        Raises:
            NotNativeError: If it is a record, or a value, for the row path.
        """
        try:
            records = self._decoder.decode_lines(block)
            # Most often there are none: then the block stays as it is.
            if all(map(self._known.issuperset, records)):
                return block
            for record in records:
                self._gather_as_text(record)
        except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors too
            raise NotNativeError(str(error)) from None
        return self._encoder.encode_lines(records)

    def _gather_as_text(self, record: dict[str, Any]) -> None:
        if extra := self._taken(record):
            record[self._source] = json_text_of_raw(self._encoder.encode(extra))

    def gather(self, record: dict[str, Any]) -> None:
        """Gather the properties of a parsed record."""
        if extra := self._taken(record):
            record[self._source] = extra

    def _taken(self, record: dict[str, Any]) -> dict[str, Any]:
        names = [name for name in record if name not in self._known and not name.startswith(TAP_PREFIX)]
        return {name: record.pop(name) for name in names}


def gathered_as_text(columns: Iterable[Column]) -> list[Column]:
    """Return the columns as they are after :meth:`ExtraProperties.as_text`."""
    return [replace(column, kind=Kind.STRING) if column.name == EXTRA else column for column in columns]
