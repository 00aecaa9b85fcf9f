"""Turns the values of JSON columns into text before a block is read.

The JSON reader needs one type for a column, but a JSON column holds values of any type. So each value of such a column,
at any depth, becomes a JSON string with the text of the value. The rest of the record keeps its bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from target_bigquery_softdelete.errors import NotNativeError
from target_bigquery_softdelete.records.json_text import json_text_of_raw, text_of_json_in
from target_bigquery_softdelete.schema.columns import Column, Kind
from target_bigquery_softdelete.schema.system_columns import DELETED_AT

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class _Branch:
    """A property that is a JSON column (then `level` is None) or that contains one."""

    attribute: str
    repeated: bool
    level: _Level | None
    parses_text: bool


@dataclass(frozen=True)
class _Level:
    """An object. All its properties are kept raw, except those that contain JSON columns."""

    type: type[msgspec.Struct]
    branches: tuple[_Branch, ...]


class JsonColumns:
    """Rewrites the JSON columns in the records of one stream."""

    def __init__(self, level: _Level | None) -> None:
        self._level = level
        self._decoder = msgspec.json.Decoder(level.type) if level else None
        self._encoder = msgspec.json.Encoder()

    @classmethod
    def of(cls, columns: Sequence[Column]) -> JsonColumns | None:
        """Return the rewriter for these columns, or None if none of them is JSON."""
        if not any(map(_has_json, columns)):
            return None
        try:
            return cls(_level(columns, extra=(DELETED_AT,)))
        except ValueError:  # msgspec does not allow quotes and control characters in the names of fields
            return cls(None)

    def as_text(self, block: bytes) -> bytes:
        """Return the block with each JSON value as text.

        Raises:
            NotNativeError: If a record does not match its schema.
        """
        if self._level is None or self._decoder is None:
            raise NotNativeError("names")
        try:
            records = self._decoder.decode_lines(block)
            for record in records:
                _rewrite(record, self._level)
        except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors too
            raise NotNativeError(str(error)) from None
        return self._encoder.encode_lines(records)


def _has_json(column: Column) -> bool:
    return column.kind is Kind.JSON or any(map(_has_json, column.fields))


def _level(columns: Sequence[Column], extra: Sequence[str] = ()) -> _Level:
    fields: list[tuple[str, Any, Any]] = []
    branches: list[_Branch] = []
    sources = [column.source for column in columns]
    for i, column in enumerate(columns):
        attribute, kind = f"f{i}", msgspec.Raw
        if _has_json(column):
            level = None if column.kind is Kind.JSON else _level(column.fields)
            branches.append(_Branch(attribute, column.repeated, level, column.parses_text))
            kind = _branch_type(level, column.repeated)
        fields.append((attribute, kind | msgspec.UnsetType, msgspec.UNSET))
    fields += [(f"x{i}", msgspec.Raw | msgspec.UnsetType, msgspec.UNSET) for i in range(len(extra))]
    names = dict(zip((name for name, _, _ in fields), [*sources, *extra], strict=True))
    return _Level(msgspec.defstruct("Record", fields, rename=names), tuple(branches))


def _branch_type(level: _Level | None, repeated: bool) -> Any:  # noqa: ANN401, FBT001 - a type expression
    if level is None:
        return msgspec.Raw
    return list[level.type | None] | None if repeated else level.type | None  # type: ignore[name-defined]


def _rewrite(record: msgspec.Struct, level: _Level) -> None:
    for branch in level.branches:
        value = getattr(record, branch.attribute)
        if value is None or value is msgspec.UNSET:
            continue
        if branch.level is None:
            raw = bytes(value)
            setattr(record, branch.attribute, None if raw == b"null" else _text_of(raw, branch))
        else:
            for item in value if branch.repeated else (value,):
                if item is not None:
                    _rewrite(item, branch.level)


def _text_of(raw: bytes, branch: _Branch) -> str:
    parsed = text_of_json_in(msgspec.json.decode(raw)) if branch.parses_text and raw.startswith(b'"') else None
    return json_text_of_raw(raw) if parsed is None else parsed
