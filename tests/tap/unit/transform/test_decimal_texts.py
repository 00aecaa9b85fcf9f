"""The number in a text stands beside it, exactly, and the text stays."""

from __future__ import annotations

import json

import msgspec
import pytest

from tap_servicetitan.catalog.entries import load_schema
from tap_servicetitan.specs.spec import DECIMAL_OF
from tap_servicetitan.transform.decimal_texts import DecimalTexts

NUMBER = {"type": ["number", "null"], "format": "decimal", DECIMAL_OF: "total"}
SCHEMA = {
    "properties": {
        "id": {"type": "integer"},
        "total": {"type": ["string", "null"]},
        "totalDecimal": NUMBER,
        "items": {"type": "array", "items": {"properties": {"total": {}, "totalDecimal": NUMBER}}},
        "tax": {"properties": {"total": {}, "totalDecimal": NUMBER}},
        "notes": {"type": "array", "items": {"type": ["string"]}},
    }
}
TEXTS = DecimalTexts.of(SCHEMA)


def add(record: bytes) -> bytes:
    return bytes(TEXTS.add(msgspec.Raw(record)))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (b'"123.45"', b"123.45"),
        (b'"0.10"', b"0.10"),
        (b'"-7"', b"-7"),
        (b'" 5.0 "', b"5.0"),
        (b'"12345678901234567890.123456789"', b"12345678901234567890.123456789"),
        (b"1.50", b"1.50"),
        (b"null", b"null"),
        (b'""', b"null"),
        (b'"1,234.50"', b"null"),
        (b'"$5"', b"null"),
        (b'"007"', b"null"),
        (b'"NaN"', b"null"),
        (b'"1e400"', b"null"),
        (b"true", b"null"),
        (b'["5"]', b"null"),
        (b'"' + b"9" * 60 + b'"', b"null"),
    ],
)
def test_a_number_stands_beside_its_text(text: bytes, number: bytes) -> None:
    assert add(b'{"id":1,"total":%b}' % text) == b'{"id":1,"total":%b,"totalDecimal":%b}' % (text, number)


def test_a_record_without_the_text_gets_no_number() -> None:
    assert add(b'{"id":1}') == b'{"id":1}'


def test_numbers_are_found_in_objects_and_arrays_of_them() -> None:
    record = {"total": "1", "items": [{"total": "2.50"}, None, {}], "tax": {"total": "x"}, "notes": ["3"]}
    found = json.loads(add(json.dumps(record).encode()))
    assert found == record | {
        "totalDecimal": 1,
        "items": [{"total": "2.50", "totalDecimal": 2.5}, None, {}],
        "tax": {"total": "x", "totalDecimal": None},
    }


@pytest.mark.parametrize("odd", [b"7", b"null", b'{"total":"1","items":7}', b'{"total":"1","tax":[]}'])
def test_what_has_another_shape_is_left_to_the_target(odd: bytes) -> None:
    assert add(odd) == odd.replace(b'"total":"1"', b'"total":"1"')[:-1] + (
        b',"totalDecimal":1}' if odd[:1] == b"{" else odd[-1:]
    )


def test_a_schema_without_such_texts_changes_nothing() -> None:
    assert not DecimalTexts.of({"properties": {"a": {"properties": {"b": {}}}}})


@pytest.mark.parametrize("stream", ["invoices", "invoice_items", "payments", "ap_bills"])
def test_the_amounts_of_the_books_can_be_added_up(stream: str) -> None:
    assert DecimalTexts.of(load_schema(stream))
