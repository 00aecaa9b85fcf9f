"""The columns of a table: their names, their BigQuery types, and which of them are the key. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class Kind(StrEnum):
    """A BigQuery type, by its GoogleSQL name."""

    INT64 = "INT64"
    FLOAT64 = "FLOAT64"
    NUMERIC = "NUMERIC"
    BIGNUMERIC = "BIGNUMERIC"
    BOOL = "BOOL"
    STRING = "STRING"
    BYTES = "BYTES"
    TIMESTAMP = "TIMESTAMP"
    DATE = "DATE"
    TIME = "TIME"
    STRUCT = "STRUCT"
    JSON = "JSON"
    NULL = "NULL"
    """No type of BigQuery: that of a property that can only be null, as far as its schema says."""


NESTED_KINDS = frozenset({Kind.STRUCT, Kind.JSON})
STAGED_AS_TEXT = frozenset({Kind.JSON, Kind.BYTES, Kind.NULL})
"""Types of columns that are text in a staging table: JSON, base64, and nothing at all."""

DECIMAL_KINDS = frozenset({Kind.NUMERIC, Kind.BIGNUMERIC})

NUMERIC_SCALE, NUMERIC_INTEGER_DIGITS = 9, 29
BIGNUMERIC_SCALE, BIGNUMERIC_INTEGER_DIGITS = 38, 38


@dataclass(frozen=True)
class Column:
    """A column, or a field of a STRUCT column."""

    source: str
    """The name of the property in the records."""
    name: str
    """The name in BigQuery."""
    kind: Kind
    repeated: bool = False
    fields: tuple[Column, ...] = ()
    foreign: str = ""
    """The type of a field in the table if this target never writes that type, such as GEOGRAPHY."""
    parses_text: bool = False
    """Whether a text in a JSON column is parsed if it is itself JSON, of an object or an array."""
    decimals: int | None = None
    """Digits after the point that the schema declares, if those beyond them that are a double's noise are rounded."""
    is_whole: bool = False
    """Whether a decimal column is for integers, which INT64 may not hold."""
    description: str = field(default="", compare=False, repr=False)
    """What the column says about itself in BigQuery. Two columns that differ only in this are equal."""
    references: tuple[tuple[str, str], ...] = field(default=(), compare=False, repr=False)
    """The columns of other tables of which its value is one, each with its table, as the schema says."""

    @property
    def comparable(self) -> bool:
        """Whether GoogleSQL compares two values of the column with `=`: it does not for ARRAY, STRUCT and JSON."""
        return not self.repeated and self.kind not in NESTED_KINDS and self.kind is not Kind.NULL

    @property
    def sql_type(self) -> str:
        """The type as GoogleSQL writes it, for example `ARRAY<STRUCT<a INT64>>`."""
        inner = self.foreign or str(self.kind)
        if self.kind is Kind.STRUCT:
            inner = f"STRUCT<{', '.join(f'`{field.name}` {field.sql_type}' for field in self.fields)}>"
        return f"ARRAY<{inner}>" if self.repeated else inner


@dataclass(frozen=True)
class TableColumns:
    """The columns of a stream, and which of them are the key."""

    columns: tuple[Column, ...]
    key: tuple[str, ...]
    """Column names of the key, in the order of `key_properties`. Empty for a stream without a key."""
    keeps_absent: bool = False
    """Whether a property that a record lacks keeps the value that the row has. By default, it is NULL."""
    description: str = field(default="", compare=False)
    """What a row is, as the schema says."""

    def key_columns(self) -> tuple[Column, ...]:
        """Return the columns of the key, in the order of the key."""
        by_name = {column.name: column for column in self.columns}
        return tuple(by_name[name] for name in self.key)

    def other_columns(self) -> tuple[Column, ...]:
        """Return the columns that are not part of the key."""
        return tuple(column for column in self.columns if column.name not in self.key)

    def with_bignumeric(self, place: str) -> TableColumns:
        """Return the columns with one NUMERIC column changed to BIGNUMERIC.

        Args:
            place: The path of the column in the records, such as `items[3].price`.
        """
        return replace(self, columns=_widen(self.columns, place, ""))


def typed(columns: Iterable[Column]) -> tuple[Column, ...]:
    """Return the columns that a new table has: without those that can only be NULL, at every depth.

    They get a column when the stream declares a type. The same goes for a STRUCT that has no others.
    """
    reduced = (replace(column, fields=typed(column.fields)) for column in columns if column.kind is not Kind.NULL)
    return tuple(column for column in reduced if column.fields or column.kind is not Kind.STRUCT)


def walk(columns: Iterable[Column]) -> Iterator[Column]:
    """Yield the columns, and the fields of STRUCT columns at every depth."""
    for column in columns:
        yield column
        yield from walk(column.fields)


def _widen(columns: Sequence[Column], place: str, above: str) -> tuple[Column, ...]:
    def widen(column: Column) -> Column:
        # A property may be called `price[0]`, so only the columns say which brackets are those of an array.
        here = above + re.escape(column.source) + (r"\[\d+\]" if column.repeated else "")
        if column.kind is Kind.NUMERIC and re.fullmatch(here, place):
            return replace(column, kind=Kind.BIGNUMERIC)
        return replace(column, fields=_widen(column.fields, place, rf"{here}\."))

    return tuple(map(widen, columns))
