"""Writes a few staged rows as the JSON text that a statement can carry. Pure functions.

The form is described where it is read: :mod:`~target_bigquery_softdelete.sql.inline`. Equal rows have equal texts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from target_bigquery_softdelete.schema.columns import DECIMAL_KINDS, STAGED_AS_TEXT, Column, Kind, TableColumns, walk
from target_bigquery_softdelete.schema.system_columns import ABSENT, DELETED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST_COLUMNS = 500
"""Columns, nested ones included, of rows that travel in a statement: each is an expression in it."""

NUL = "\\u0000"
"""How JSON writes the character U+0000. Whether BigQuery's JSON holds it is not documented."""

Row = list[Any]
"""The texts of one row, nested like its columns."""


@dataclass(frozen=True)
class InlineRows:
    """Rows that a statement can carry."""

    text: str
    """All rows, in the order in which they came."""
    last_of_keys: tuple[str, ...]
    """The last row of each key, as a text; sorted. Empty for a stream without a key."""
    has_absent: bool = False
    """Whether a row lacks a property that keeps its value: then what it becomes hangs on others, too."""

    @property
    def sent_bytes(self) -> int:
        """What they take in a request."""
        return sent_bytes(self.text)


def sent_bytes(text: str) -> int:
    """Return what a text takes in a request: the client quotes it, and writes what is not ASCII by escapes."""
    return len(json.dumps(text))


def can_travel(columns: TableColumns) -> bool:
    """Return whether rows with these columns can be written so."""
    return sum(1 for _ in walk(columns.columns)) <= MOST_COLUMNS


def inline_rows(table: pa.Table, columns: TableColumns, *, most_bytes: int) -> InlineRows | None:
    """Return staged rows as a text, or None if a statement cannot carry them.

    Args:
        table: Rows with the staged schema.
        columns: The columns of the stream.
        most_bytes: How long the text may be in a request.
    """
    deleted = ["1" if flag else None for flag in table.column(DELETED).to_pylist()]
    rows = [[*row, flag] for row, flag in zip(texts(table, columns.columns), deleted, strict=True)]
    absent = table.column(ABSENT).to_pylist() if columns.keeps_absent else []
    if absent:
        rows = [[*row, text] for row, text in zip(rows, absent, strict=True)]
    text = msgspec.json.encode(rows).decode()
    if NUL in text:
        return None
    found = InlineRows(text, _last_of_keys(rows, columns), has_absent=any(absent))
    return found if found.sent_bytes <= most_bytes else None


def _last_of_keys(rows: Sequence[Row], columns: TableColumns) -> tuple[str, ...]:
    if not columns.key:
        return ()
    positions = [i for name in columns.key for i, column in enumerate(columns.columns) if column.name == name]
    last = {tuple(row[i] for i in positions): row for row in rows}
    return tuple(sorted(msgspec.json.encode(row).decode() for row in last.values()))


def texts(table: pa.Table, columns: Sequence[Column]) -> list[Row]:
    """Return the rows of a table as texts, in the order of these columns."""
    if not columns:  # a stream whose schema lists no property
        return [[] for _ in range(table.num_rows)]
    values = [_texts(table.column(column.name).combine_chunks(), column) for column in columns]
    return [list(row) for row in zip(*values, strict=True)]


def _texts(array: pa.Array, column: Column) -> list[Any]:
    if not column.repeated:
        return _item_texts(array, column)
    items = _item_texts(array.flatten(), column)
    texts, first = [], 0
    for length in pc.list_value_length(array).fill_null(0).to_pylist():
        texts.append(items[first : first + length])
        first += length
    return texts


def _item_texts(array: pa.Array, column: Column) -> list[Any]:
    if column.kind is Kind.STRUCT:
        fields = [_texts(values, field) for values, field in zip(array.flatten(), column.fields, strict=True)]
        rows = zip(*fields, strict=True) if fields else ([] for _ in range(len(array)))
        missing = array.is_null().to_pylist()
        return [None if is_null else ["1", *row] for is_null, row in zip(missing, rows, strict=True)]
    if column.kind in STAGED_AS_TEXT or column.kind is Kind.STRING:
        found: list[Any] = array.to_pylist()
        return found
    if column.kind is Kind.TIMESTAMP:
        array = array.cast(pa.int64())
    write = _WRITERS.get(column.kind, str)
    return [None if value is None else write(value) for value in array.to_pylist()]


def _write_float(value: float) -> str:
    return "NaN" if value != value else repr(value)  # noqa: PLR0124 - NaN differs from itself


_WRITERS: dict[Kind, Callable[[Any], str]] = {
    Kind.FLOAT64: _write_float,
    Kind.BOOL: lambda value: "true" if value else "false",
    **dict.fromkeys(DECIMAL_KINDS, lambda value: f"{value:f}"),
}
