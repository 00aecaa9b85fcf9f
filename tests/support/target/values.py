"""Converts one value for tests of the conversion."""

from __future__ import annotations

from typing import Any

import pytest

from target_bigquery_softdelete.errors import InvalidValueError
from target_bigquery_softdelete.records.values import convert_record, parse_record
from target_bigquery_softdelete.schema.columns import Column, Kind


def value_of(kind: Kind, text: str) -> Any:  # noqa: ANN401
    """Convert the JSON text of a value to the value of a column."""
    return convert_record(parse_record(f'{{"v":{text}}}'.encode()), [Column("v", "c", kind)])["c"]


def refuses(kind: Kind, text: str) -> None:
    """Check that a column does not accept a value."""
    with pytest.raises(InvalidValueError, match="`v` must be "):
        value_of(kind, text)
