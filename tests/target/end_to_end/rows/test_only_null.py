"""A property that can only be null has no column until its schema declares a type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.singer import DECIMAL, INTEGER, STRING, record, schema
from support.target.ways import INLINE, STAGED

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

pytestmark = pytest.mark.bigquery

NULL = {"type": ["null"]}


def address(unit: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object with a property that always has a type, and one that has this one."""
    return {"type": ["object", "null"], "properties": {"street": STRING, "unit": unit}}


def jobs(kind: dict[str, Any], nested: dict[str, Any]) -> dict[str, Any]:
    """Return a SCHEMA message with a property of this kind, one in an object, and one in an object without others."""
    alone = {"type": ["object", "null"], "properties": {"a": kind}}
    return schema("jobs", {"id": INTEGER, "a": kind, "address": address(nested), "alone": alone})


def row(number: int, a: object, unit: object) -> dict[str, Any]:
    """Return a record of it."""
    return record("jobs", {"id": number, "a": a, "address": {"street": "Main", "unit": unit}, "alone": {"a": a}})


@pytest.mark.parametrize("way", [INLINE, pytest.param(STAGED, marks=pytest.mark.long)], ids=["inline", "staged"])
def test_a_column_comes_with_its_type_and_is_null_while_it_has_none(
    way: dict[str, Any], target: TargetRunner, project: Project
) -> None:
    assert target(jobs(NULL, NULL), row(1, None, None), row(2, None, None), **way).code == 0
    table = project.client.get_table(f"{project.bronze}.jobs")
    assert [field.name for field in table.schema] == ["id", "address", "_etl_operation", "_etl_synced"]
    assert [field.name for field in table.schema[1].fields] == ["street"]

    typed = target(jobs(STRING, DECIMAL), row(1, "now", 1.5), row(2, None, None), **way)
    assert typed.code == 0, typed.log
    assert project.operations("jobs") == {1: "UPDATE", 2: "UPDATE"}  # `alone` is an object now, and was nothing
    again = target(jobs(STRING, DECIMAL), row(1, "now", 1.5), row(2, None, None), **way)
    assert (again.code, project.log("jobs")[-1]["rows_unchanged"]) == (0, 2)

    # A schema that is made from the data may lose the type again: null is a value like any other.
    null = target(jobs(NULL, NULL), row(1, None, None), row(2, None, None), row(3, None, None), **way)
    assert null.code == 0, null.log
    rows = project.rows("jobs")
    assert [rows[1]["a"], rows[1]["address"], rows[1]["alone"]] == [None, {"street": "Main", "unit": None}, {"a": None}]
    assert project.operations("jobs") == {1: "UPDATE", 2: "UPDATE", 3: "INSERT"}
    assert [project.log("jobs")[-1][f"rows_{name}"] for name in ("updated", "unchanged", "inserted")] == [1, 1, 1]


def test_a_value_where_only_null_is_allowed_does_not_fit(target: TargetRunner, project: Project) -> None:
    messages = [jobs(NULL, NULL), row(1, None, None), row(2, None, 7)]
    result = target(*messages)
    assert result.errors == [
        "jobs: record id=2: `address.unit` must be null, as its schema allows nothing else, but is an integer."
    ]
    assert target(*messages, on_invalid_record="quarantine").code == 0
    assert project.operations("jobs") == {1: "INSERT"}


def make_old_table(project: Project, *rows: str) -> None:
    """Make a table as earlier versions did: with a JSON column for what could only be null."""
    project.client.create_dataset(project.bronze, exists_ok=True)
    audit = "_etl_operation STRING, _etl_synced TIMESTAMP"
    for name, more in (("jobs", ""), ("jobs_history", ", _valid_from TIMESTAMP, _valid_to TIMESTAMP")):
        project.query(f"CREATE TABLE `{project.bronze}.{name}` (id INT64, a JSON, kept JSON, {audit}{more})")
    for values in rows:
        project.query(
            f"INSERT INTO `{project.bronze}.jobs` VALUES ({values}, 'INSERT', TIMESTAMP '2024-01-01 00:00:00+00')"
        )


def test_a_json_column_that_holds_only_null_becomes_what_the_stream_has(target: TargetRunner, project: Project) -> None:
    make_old_table(project, "1, NULL, JSON '{}'", "2, NULL, NULL")
    now = schema("jobs", {"id": INTEGER, "a": STRING, "kept": {"type": "object"}})
    messages = [now, record("jobs", {"id": 1, "a": "x", "kept": {}}), record("jobs", {"id": 2})]

    result = target(*messages, history=["*"], live_views=True)

    assert result.code == 0, result.log
    assert "`a` had no value in" in result.log
    types = {field.name: field.field_type for field in project.client.get_table(f"{project.bronze}.jobs").schema}
    assert (types["a"], types["kept"]) == ("STRING", "JSON")
    assert {key: (each["a"], each["_etl_operation"]) for key, each in project.rows("jobs").items()} == {
        1: ("x", "UPDATE"),
        2: (None, "INSERT"),
    }
    assert len(project.query(f"SELECT a FROM `{project.bronze}.jobs_history` WHERE a IS NOT NULL")) == 1
    assert len(project.query(f"SELECT a FROM `{project.bronze}.jobs_live` WHERE a IS NOT NULL")) == 1


def test_a_json_column_with_a_value_stays(target: TargetRunner, project: Project) -> None:
    make_old_table(project, "1, NULL, JSON '7'")
    result = target(schema("jobs", {"id": INTEGER, "kept": INTEGER}), record("jobs", {"id": 1, "kept": 7}))
    assert result.code == 1
    assert "the column `kept` is JSON, but the stream has INT64" in result.errors[0]
