"""Tells which properties a record does not have, where that is something else than null. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from target_bigquery_softdelete.errors import NotNativeError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from target_bigquery_softdelete.schema.columns import TableColumns


class AbsentProperties:
    """Notes the absent properties of the records of one stream, in the form of the staging column."""

    def __init__(self, sources: Sequence[str]) -> None:
        """Begin.

        Args:
            sources: The names of the properties, in the order of the columns.
        """
        self._sources = sources
        self._decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])

    @classmethod
    def of(cls, columns: TableColumns) -> AbsentProperties | None:
        """Return what notes them, or None if absent properties are null."""
        return cls([column.source for column in columns.columns]) if columns.keeps_absent else None

    def of_block(self, block: bytes) -> list[str | None]:
        """Return the text for each record of a block.

        Raises:
            NotNativeError: If only the row path can read a record.
        """
        try:
            records: list[dict[str, Any]] = self._decoder.decode_lines(block)
        except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors too
            raise NotNativeError(str(error)) from None
        return [self.of_record(record) for record in records]

    def of_record(self, record: Collection[str]) -> str | None:
        """Return the text for one record."""
        if all(source in record for source in self._sources):
            return None
        return "".join("0" if source in record else "1" for source in self._sources)
