"""A time without a zone gets a `Z`; everything else stays the bytes that it is."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tap_servicetitan.transform.zones import RECORDS_AT_ONCE, Zones

TIME = {"type": ["string", "null"], "format": "date-time"}
SCHEMA: dict[str, Any] = {
    "properties": {
        "id": {"type": "integer"},
        "at": TIME,
        "day": {"type": "string", "format": "date"},
        "note": {"type": "string"},
        "all": {"type": "array", "items": TIME},
        "inner": {"type": "object", "properties": {"at": TIME, "note": {"type": "string"}}},
        "list": {"type": "array", "items": {"type": "object", "properties": {"at": TIME}}},
        "open": {"type": "object"},
    }
}


def complete(*records: str) -> list[str]:
    """Return the records with zones."""
    return [bytes(each).decode() for each in Zones(SCHEMA).complete([msgspec.Raw(r.encode()) for r in records])]


@pytest.mark.parametrize(
    ("sent", "completed"),
    [
        ('{"at":"2026-01-05T01:02:03"}', '{"at":"2026-01-05T01:02:03Z"}'),
        ('{"at":"2026-01-05T01:02:03.1234567"}', '{"at":"2026-01-05T01:02:03.1234567Z"}'),
        ('{"at":"2026-01-05 01:02:03"}', '{"at":"2026-01-05T01:02:03Z"}'),
        ('{"at":"0001-01-01T00:00:00"}', '{"at":"0001-01-01T00:00:00Z"}'),
        ('{"inner":{"at":"2026-01-05T01:02:03","note":"x"}}', '{"inner":{"at":"2026-01-05T01:02:03Z","note":"x"}}'),
        ('{"list":[{"at":"2026-01-05T01:02:03"},null]}', '{"list":[{"at":"2026-01-05T01:02:03Z"},null]}'),
        ('{"all":["2026-01-05T01:02:03",null]}', '{"all":["2026-01-05T01:02:03Z",null]}'),
        ('{"amount":1.10,"at":"2026-01-05T01:02:03"}', '{"amount":1.10,"at":"2026-01-05T01:02:03Z"}'),
    ],
)
def test_a_time_without_a_zone_gets_one(sent: str, completed: str) -> None:
    assert complete(sent) == [completed]


@pytest.mark.parametrize(
    "record",
    [
        '{ "at": "2026-01-05T01:02:03Z" }',
        '{ "at": "2026-01-05T01:02:03+02:00" }',
        '{ "at": null }',
        '{ "at": "yesterday" }',
        '{ "at": "" }',
        '{ "at": 7 }',
        '{ "at": "2026-01-05" }',
        '{ "note": "2026-01-05T01:02:03" }',
        '{ "note": "\\"at\\":\\"2026-01-05T01:02:03\\"" }',
        '{ "inner": "2026-01-05T01:02:03" }',
        '{ "open": {"at": "2026-01-05T01:02:03"} }',
        '{ "list": [ {"at": "x"} ] }',
        "[]",
    ],
)
def test_nothing_else_is_touched(record: str) -> None:
    zoneless = '{"at":"2026-01-05T01:02:03"}'
    assert complete(record) == [record]
    # Also not when another record of the page has a time without a zone.
    assert complete(record, zoneless)[0] == record


def test_each_record_of_a_long_page_is_seen() -> None:
    records = ['{"at":"2026-01-05T01:02:03Z"}'] * (2 * RECORDS_AT_ONCE) + ['{"at":"2026-01-05T01:02:03"}']
    assert set(complete(*records)) == {'{"at":"2026-01-05T01:02:03Z"}'}


def test_a_schema_without_times_costs_nothing() -> None:
    records = [msgspec.Raw(b'{"at":"2026-01-05T01:02:03"}')]
    assert Zones({"properties": {"id": {"type": "integer"}}}).complete(records) is records
