"""With `on_type_change: new_column`, values of a type that the column cannot have get a second column."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from support.singer import DECIMAL, INTEGER, STRING, record, schema
from support.target.ways import INLINE, STAGED

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

pytestmark = pytest.mark.bigquery

NEW_COLUMN = {"on_type_change": "new_column"}


def jobs(price: dict[str, Any], unit: dict[str, Any], tags: dict[str, Any]) -> dict[str, Any]:
    """Return a SCHEMA message with a property, one in an object, and one in an array of objects."""
    address = {"type": ["object", "null"], "properties": {"street": STRING, "unit": unit}}
    items = {"type": "array", "items": {"type": "object", "properties": {"n": unit}}}
    return schema("jobs", {"id": INTEGER, "price": price, "address": address, "items": items, "tags": tags})


def row(number: int, price: object, unit: object, tags: object) -> dict[str, Any]:
    """Return a record of it."""
    values = {"price": price, "address": {"street": "Main", "unit": unit}, "items": [{"n": unit}], "tags": tags}
    return record("jobs", {"id": number, **values})


OLD = [jobs(INTEGER, INTEGER, STRING), *(row(number, 5, 7, "x") for number in (1, 2))]
TAGS = {"type": "array", "items": STRING}
NEW = [jobs(STRING, STRING, TAGS), row(2, "5.50 EUR", "7b", ["x", "y"]), row(3, None, "8", [])]


@pytest.mark.parametrize("way", [INLINE, pytest.param(STAGED, marks=pytest.mark.long)], ids=["inline", "staged"])
def test_both_columns_are_kept(way: dict[str, Any], target: TargetRunner, project: Project) -> None:
    settings = {**NEW_COLUMN, **way, "history": ["*"], "live_views": True}
    assert target(*OLD, **settings).code == 0
    for _ in range(2):
        result = target(*NEW, **settings)
        assert result.code == 0, result.log

    renamed = "`price` is `price__string`, `unit` is `unit__string`, `n` is `n__string`, `tags` is `tags__array_string`"
    assert renamed in result.log
    assert project.log("jobs")[-1]["rows_unchanged"] == 2
    rows = project.rows("jobs")
    assert [(rows[key]["price"], rows[key]["price__string"]) for key in (1, 2, 3)] == [
        (5, None),
        (5, "5.50 EUR"),
        (None, None),
    ]
    assert rows[2]["address"] == {"street": "Main", "unit": 7, "unit__string": "7b"}
    assert rows[2]["items"] == [{"n": None, "n__string": "7b"}]  # an array is replaced as a whole
    assert (rows[2]["tags"], rows[2]["tags__array_string"]) == ("x", ["x", "y"])
    assert project.operations("jobs") == {1: "INSERT", 2: "UPDATE", 3: "INSERT"}
    text = "COALESCE(price__string, CAST(price AS STRING))"
    found = project.query(f"SELECT id, {text} AS price FROM `{project.bronze}.jobs_live` ORDER BY id")
    assert [row["price"] for row in found] == ["5", "5.50 EUR", None]
    assert len(project.query(f"SELECT price__string FROM `{project.bronze}.jobs_history`")) == 4

    back = target(OLD[0], row(2, 6, 7, "x"), **settings)
    assert back.code == 0, back.log
    assert project.rows("jobs")[2]["price"] == 6


def test_what_bigquery_can_widen_is_widened(target: TargetRunner, project: Project) -> None:
    assert target(*OLD, **NEW_COLUMN).code == 0
    wide = target(jobs(INTEGER, DECIMAL, STRING), row(1, 5, 1.5, "x"), **NEW_COLUMN)
    assert wide.code == 0, wide.log
    rows = project.rows("jobs")
    assert (rows[1]["price"], rows[1]["address"]["unit"]) == (5, Decimal("1.5"))
    assert rows[1]["items"] == [{"n": None, "n__numeric": Decimal("1.5")}]  # BigQuery converts no elements of an array


def test_by_default_the_stream_fails_and_a_key_always_does(target: TargetRunner, project: Project) -> None:
    assert target(*OLD).code == 0
    before = project.rows("jobs")
    failed = target(*NEW)
    assert "`price` is INT64, but the stream has STRING" in failed.errors[0]
    assert "set `on_type_change` to `new_column`" in failed.errors[0]
    key = target(schema("jobs", {"id": STRING}), record("jobs", {"id": "x"}), **NEW_COLUMN)
    assert "`id` is INT64, but the stream has STRING" in key.errors[0]
    assert project.rows("jobs") == before


def test_the_name_of_a_new_column_may_be_taken(target: TargetRunner, project: Project) -> None:
    assert target(*OLD, **NEW_COLUMN).code == 0
    both = schema("jobs", {"id": INTEGER, "price": STRING, "price__string": STRING})
    result = target(both, record("jobs", {"id": 1, "price": "a", "price__string": "b"}), **NEW_COLUMN)
    assert result.code == 1
    assert "`price` and `price__string` both become the column `price__string`" in result.errors[0]
    assert project.tables("bronze") == ["jobs"]


def test_a_stream_without_records_may_extend_its_table(target: TargetRunner, project: Project) -> None:
    assert target(schema("jobs", {"id": INTEGER}), record("jobs", {"id": 1})).code == 0
    more = schema("jobs", {"id": INTEGER, "new": STRING})
    for messages, settings, names in (([more], {}, []), ([more], {"create_empty_tables": True}, ["new"])):
        assert target(*messages, schema("empty", {"id": INTEGER}), **settings).code == 0
        fields = [field.name for field in project.client.get_table(f"{project.bronze}.jobs").schema]
        assert [name for name in fields if name == "new"] == names
        assert project.tables("bronze") == ["empty", "jobs"]
    assert project.operations("jobs") == {1: "INSERT"}
