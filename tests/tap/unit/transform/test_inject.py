"""Fields are added to the bytes of records; a value that a record has already stays."""

from __future__ import annotations

import json

import msgspec

from tap_servicetitan.specs.spec import DELETED_AT
from tap_servicetitan.transform.inject import deletion_marker, filler


def fill(*records: bytes) -> list[bytes]:
    values = [b"%d" % number for number in range(7, 7 + len(records))]
    return [bytes(record) for record in filler("jobId")([msgspec.Raw(record) for record in records], values)]


def test_a_field_is_put_in_front() -> None:
    assert fill(b'{"id":1.10}', b"{}", b"{ }") == [b'{"jobId":7,"id":1.10}', b'{"jobId":8}', b'{"jobId":9}']


def test_a_record_keeps_its_own_value_but_not_null() -> None:
    assert fill(b'{"id":1,"jobId":"x"}') == [b'{"id":1,"jobId":"x"}']
    assert fill(b'{"jobId":null,"money":1.10}') == [b'{"jobId":7,"money":1.10}']


def test_what_is_not_active_is_marked_deleted() -> None:
    records = [
        b'{"id":1,"active":true,"changed":"a"}',
        b'{"id":2,"active":false,"changed":"2026-01-01T00:00:00Z"}',
        b'{"id":3,"active":false}',
        b'{"id":4}',
    ]
    marked = deletion_marker("changed")([msgspec.Raw(record) for record in records], "now")
    assert [json.loads(bytes(record)).get(DELETED_AT) for record in marked] == [
        None,
        "2026-01-01T00:00:00Z",
        "now",
        None,
    ]
    (other,) = deletion_marker(None)([msgspec.Raw(b'{"active":false,"changed":"a"}')], "now")
    assert json.loads(bytes(other))[DELETED_AT] == "now"
