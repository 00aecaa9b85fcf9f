"""Which values a column accepts, and how they are converted."""

from __future__ import annotations

import pytest

from support.target.values import refuses, value_of
from target_bigquery_softdelete.errors import InvalidValueError
from target_bigquery_softdelete.records.values import convert_record, parse_record
from target_bigquery_softdelete.schema.columns import Column, Kind


@pytest.mark.parametrize("kind", Kind)
def test_null_and_an_absent_property_are_null(kind: Kind) -> None:
    assert value_of(kind, "null") is None
    assert convert_record({}, [Column("v", "c", kind)]) == {"c": None}


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False), ('"TRUE"', True), ('"false"', False)])
def test_true_and_false_are_booleans(text: str, value: bool) -> None:  # noqa: FBT001
    assert value_of(Kind.BOOL, text) is value


@pytest.mark.parametrize("text", ["0", "1", '"yes"', '""', "[]"])
def test_other_values_are_no_booleans(text: str) -> None:
    refuses(Kind.BOOL, text)


@pytest.mark.parametrize("raw", [b"[]", b"1", b'"x"', b"null"])
def test_a_record_is_an_object(raw: bytes) -> None:
    with pytest.raises(InvalidValueError, match="`record` must be an object, but is"):
        parse_record(raw)


@pytest.mark.parametrize("raw", [b"", b"{", b'{"a":1}{', b'{"a":"\xff"}', b'{"a":' + b"[" * 100_000, b'{"a":1e1e1}'])
def test_invalid_json_is_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any of them
        parse_record(raw)
