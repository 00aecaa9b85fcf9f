"""Lets a block with numbers that are unsafe as decimals be read in native code, if they are in no decimal column.

An exponent is nothing unusual in a column of doubles, and in a text it is no number at all.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from target_bigquery_softdelete.errors import NotNativeError
from target_bigquery_softdelete.records.arrow import has_unsafe_decimals
from target_bigquery_softdelete.schema.columns import DECIMAL_KINDS, Column, walk
from target_bigquery_softdelete.schema.system_columns import DELETED_AT

if TYPE_CHECKING:
    from collections.abc import Sequence


class DecimalColumns:
    """Checks the decimal columns in the records of one stream."""

    def __init__(self, columns: Sequence[Column]) -> None:
        """Begin.

        Args:
            columns: The columns of the stream.
        """
        sources = [*(column.source for column in columns), DELETED_AT]
        fields: list[tuple[str, Any, Any]] = [
            (f"f{i}", msgspec.Raw | msgspec.UnsetType, msgspec.UNSET) for i in range(len(sources))
        ]
        names = {name: source for (name, _, _), source in zip(fields, sources, strict=True)}
        self._attributes = [f"f{i}" for i, column in enumerate(columns) if _has_decimals(column)]
        self._encoder = msgspec.json.Encoder()
        self._decoder: msgspec.json.Decoder[Any] | None = None
        with suppress(ValueError):  # msgspec does not allow quotes and control characters in the names of fields
            self._decoder = msgspec.json.Decoder(msgspec.defstruct("Record", fields, rename=names))

    @classmethod
    def of(cls, columns: Sequence[Column]) -> DecimalColumns | None:
        """Return the check for these columns, or None if none of them is for decimals."""
        return cls(columns) if any(map(_has_decimals, columns)) else None

    def check(self, block: bytes) -> bytes:
        """Return the block, if need be written anew: what was checked is what is read.

        Raises:
            NotNativeError: If a decimal column may hold a number that Arrow reads wrong.
        """
        if not has_unsafe_decimals(block):
            return block
        if self._decoder is None:
            raise NotNativeError("names")
        try:
            records = self._decoder.decode_lines(block)
        except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors too
            raise NotNativeError(str(error)) from None
        values = (bytes(getattr(record, name) or b"") for record in records for name in self._attributes)
        if has_unsafe_decimals(b"," + b",".join(values) + b","):
            raise NotNativeError("numbers")
        return self._encoder.encode_lines(records)


def _has_decimals(column: Column) -> bool:
    return any(each.kind in DECIMAL_KINDS for each in walk([column]))
