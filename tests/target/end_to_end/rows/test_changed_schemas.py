"""The audit log says how the source has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.singer import record, schema, state

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

pytestmark = pytest.mark.bigquery

INTEGER = {"type": "integer"}
PLACE = {"type": "object", "properties": {"zip": {"type": "string"}}}


def test_new_columns_and_other_types_stand_in_the_log(target: TargetRunner, project: Project) -> None:
    first = {"id": INTEGER, "amount": INTEGER, "place": PLACE}
    later = {
        "id": INTEGER,
        "amount": {"type": "number", "multipleOf": 0.01},
        "place": {"type": "object", "properties": {"zip": {"type": "string"}, "floorLevel": INTEGER}},
        "isDue": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
    }
    row: dict[str, Any] = {"id": 1, "amount": 2, "place": {"zip": "a"}}
    for fields, more in ((first, {}), (first, {}), (later, {"amount": 2.5, "isDue": True}), (later, {"id": 2})):
        done = target(schema("jobs", fields), record("jobs", {**row, **more}), state({}))
        assert done.code == 0, done.log
    changes = [row["schema_changes"] for row in project.log("jobs")]
    assert [changes[0], changes[1], changes[3]] == [None, None, None]
    assert changes[2].split("; ") == [
        "amount is NUMERIC, and was INT64",
        "new column place.floor_level INT64",
        "new column is_due BOOL",
        "new column tags ARRAY<STRING>",
    ]


def test_fields_without_a_column_stand_in_the_log(target: TargetRunner, project: Project) -> None:
    end = {**state({}), "x-read": {"jobs": {"status": "complete", "unknown_fields": ["new", "place.fax", 7]}}}
    assert target(schema("jobs", {"id": INTEGER}), record("jobs", {"id": 1}), end).code == 0
    (logged,) = project.log("jobs")
    assert logged["schema_changes"] == "no column for the new field new; no column for the new field place.fax"
    assert logged["status"] == "success"
