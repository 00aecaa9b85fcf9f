"""A value of each type arrives as it was, and is the same value when it comes again."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from support.singer import INTEGER, STRING, record, schema

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

pytestmark = pytest.mark.bigquery

NUMBER = {"type": ["number", "null"]}
UTC = dt.UTC

TYPES: dict[str, tuple[dict[str, Any], str, bytes, object]] = {
    "largest": (INTEGER, "INTEGER", b"9223372036854775807", 2**63 - 1),
    "smallest": (INTEGER, "INTEGER", b"-9223372036854775808", -(2**63)),
    "rate": (NUMBER, "FLOAT", b"0.1", 0.1),
    "tiny": (NUMBER, "FLOAT", b"5e-324", 5e-324),
    "price": (
        {**NUMBER, "format": "decimal"},
        "NUMERIC",
        b"12345678901234567890123456789.123456789",
        Decimal("12345678901234567890123456789.123456789"),
    ),
    "distance": (
        {**NUMBER, "multipleOf": 1e-12},
        "BIGNUMERIC",
        b"-0.000000000001",
        Decimal("-0.000000000001"),
    ),
    "active": ({"type": ["boolean", "null"]}, "BOOLEAN", b"false", False),
    "name": (STRING, "STRING", '"Zoë \\"\\n\\u0001😀"'.encode(), 'Zoë "\n\x01😀'),
    "none": (STRING, "STRING", b"null", None),
    "empty": (STRING, "STRING", b'""', ""),
    "moment": (
        {**STRING, "format": "date-time"},
        "TIMESTAMP",
        b'"2024-05-06T09:08:09.1234567+02:00"',
        dt.datetime(2024, 5, 6, 7, 8, 9, 123456, UTC),
    ),
    "never": (
        {**STRING, "format": "date-time"},
        "TIMESTAMP",
        b'"0001-01-01T00:00:00"',
        dt.datetime(1, 1, 1, tzinfo=UTC),
    ),
    "day": ({**STRING, "format": "date"}, "DATE", b'"2024-02-29"', dt.date(2024, 2, 29)),
    "clock": ({**STRING, "format": "time"}, "TIME", b'"23:59:59.999999"', dt.time(23, 59, 59, 999999)),
    "address": (
        {"type": ["object", "null"], "properties": {"street": STRING, "unit": INTEGER}},
        "RECORD",
        b'{"street": "Main", "unit": null}',
        {"street": "Main", "unit": None},
    ),
    "custom": ({"type": ["object", "null"]}, "JSON", b'{"b": [1, 2.5, null], "a": {}}', {"a": {}, "b": [1, 2.5, None]}),
    "doubles": (
        {"type": ["object", "null"]},
        "JSON",
        b'{"c": 12345678901234567890123, "b": 0.10, "a": 1e20}',
        {"a": 1e20, "b": 0.1, "c": 1.2345678901234568e22},
    ),
    "mixed": ({"type": ["integer", "string", "null"]}, "JSON", b'"7"', "7"),
    "tags": ({"type": "array", "items": STRING}, "STRING", b'["x", "", "y"]', ["x", "", "y"]),
    "nothing": ({"type": "array", "items": INTEGER}, "INTEGER", b"[]", []),
    "items": (
        {"type": "array", "items": {"type": "object", "properties": {"id": INTEGER}}},
        "RECORD",
        b'[{"id": 1}, {"id": null}]',
        [{"id": 1}, {"id": None}],
    ),
    "grid": ({"type": "array", "items": {"type": "array", "items": INTEGER}}, "JSON", b"[[1], []]", [[1], []]),
}
"""By column: its schema, the type that BigQuery shows, a value as it comes, and as BigQuery's client returns it."""


def test_every_type_arrives_and_stays(target: TargetRunner, project: Project) -> None:
    columns = {name: column for name, (column, *_) in TYPES.items()}
    values = b", ".join(b'"%s": %s' % (name.encode(), value) for name, (_, _, value, _) in TYPES.items())
    line = b'{"type": "RECORD", "stream": "kinds", "record": {"id": 1, %s}}' % values
    messages: list[dict[str, Any] | bytes] = [
        schema("kinds", {"id": INTEGER, **columns}),
        line,
        record("kinds", {"id": 2}),
    ]

    first = target(*messages)

    assert first.code == 0, first.log
    rows = project.rows("kinds")
    assert {name: rows[1][name] for name in TYPES} == {name: value for name, (*_, value) in TYPES.items()}
    assert {name: rows[2][name] for name in TYPES} == {
        name: [] if column["type"] == "array" and kind != "JSON" else None for name, (column, kind, *_) in TYPES.items()
    }
    table = project.client.get_table(f"{project.bronze}.kinds")
    assert {field.name: field.field_type for field in table.schema if field.name in TYPES} == {
        name: kind for name, (_, kind, *_) in TYPES.items()
    }

    again = target(*messages)

    assert again.code == 0, again.log
    assert project.rows("kinds") == rows
    assert project.log("kinds")[-1]["rows_unchanged"] == 2
