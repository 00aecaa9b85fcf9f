"""With `absent_properties: keep`, a property that a record does not have keeps its value, on every way of a row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from support.singer import DECIMAL, INTEGER, STRING, activate, record, schema
from support.target.ways import ALONE, INLINE, STAGED

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

pytestmark = pytest.mark.bigquery

ADDRESS = {"type": ["object", "null"], "properties": {"street": STRING, "unit": INTEGER}}
TAGS = {"type": ["array", "null"], "items": STRING}
JOBS = schema(
    "jobs",
    {"id": INTEGER, "name": STRING, "price": DECIMAL, "address": ADDRESS, "tags": TAGS, "custom": {"type": "object"}},
)
FULL: dict[str, Any] = {
    "name": "a",
    "price": 1,
    "address": {"street": "Main", "unit": 1},
    "tags": ["x"],
    "custom": {"k": 1},
}
KEEP = {"absent_properties": "keep"}


def job(number: int, **values: Any) -> dict[str, Any]:  # noqa: ANN401 - any value
    """Return a record with some of the properties."""
    return record("jobs", {"id": number, **values})


def values_of(row: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of the stream in a row, without the key."""
    return {name: row[name] for name in FULL}


@pytest.mark.parametrize("way", [INLINE, STAGED, {**STAGED, **ALONE}], ids=["inline", "staged", "filled"])
def test_what_a_record_lacks_stays(way: dict[str, Any], target: TargetRunner, project: Project) -> None:
    first = target(JOBS, *(job(number, **FULL) for number in range(1, 6)), job(6, name="new"), **KEEP, **way)
    assert first.code == 0, first.log
    assert values_of(project.rows("jobs")[6]) == {**dict.fromkeys(FULL), "name": "new", "tags": []}

    changes = [
        job(1, name="b"),
        job(2, **dict.fromkeys(FULL)),
        job(3, address={"street": "Side"}, name="a"),  # an object is replaced as a whole
        job(4, name="a"),  # nothing changed
        *(job(5, name="c", price=7), job(5, price=None), job(5, tags=["y"])),  # the last of each property counts
        *(job(6, price=5), job(6, custom={}), job(6, custom={"z": None})),
        *(job(7, name="x", price=1), job(7, name="y")),  # new
        *(job(8, name="x"), job(8, _sdc_deleted_at="2024-05-01"), job(8, price=2)),
    ]
    result = target(JOBS, *changes, **KEEP, **way)

    assert result.code == 0, result.log
    rows = project.rows("jobs")
    assert {number: values_of(row) for number, row in rows.items()} == {
        1: {**FULL, "name": "b"},
        2: {**dict.fromkeys(FULL), "tags": []},
        3: {**FULL, "address": {"street": "Side", "unit": None}},
        4: FULL,
        5: {**FULL, "name": "c", "price": None, "tags": ["y"]},
        6: {**dict.fromkeys(FULL), "name": "new", "tags": [], "price": 5, "custom": {"z": None}},
        7: {**dict.fromkeys(FULL), "name": "y", "price": 1, "tags": []},
        8: {**dict.fromkeys(FULL), "name": "x", "price": 2, "tags": []},
    }
    assert {number: row["_etl_operation"] for number, row in rows.items()} == {
        **dict.fromkeys((1, 2, 3, 5, 6), "UPDATE"),
        **dict.fromkeys((4, 7, 8), "INSERT"),
    }
    assert target(JOBS, *changes[:2], *changes[3:4], *changes[-5:-3], **KEEP, **way).code == 0
    assert project.log("jobs")[-1]["rows_unchanged"] == 4
    assert project.rows("jobs") == rows


def test_it_is_null_by_default(target: TargetRunner, project: Project) -> None:
    assert target(JOBS, job(1, **FULL)).code == 0
    assert target(JOBS, job(1, name="a")).code == 0
    assert values_of(project.rows("jobs")[1]) == {**dict.fromkeys(FULL), "name": "a", "tags": []}


@pytest.mark.parametrize("way", [INLINE, pytest.param(STAGED, marks=pytest.mark.long)], ids=["inline", "staged"])
def test_batches_snapshots_early_merges_and_a_history_know_it(
    way: dict[str, Any], target: TargetRunner, project: Project
) -> None:
    file = target.folder / "jobs.jsonl"
    file.write_text("".join(json.dumps({"id": 1, **values}) + "\n" for values in ({"name": "b"}, {"price": 2})))
    batch = {"type": "BATCH", "stream": "jobs", "encoding": {"format": "jsonl"}, "manifest": [file.as_uri()]}
    settings = {**KEEP, **way, "history": ["*"], "max_delete_fraction": 1}
    more = schema("jobs", {**JOBS["schema"]["properties"], "more": STRING})

    assert target(JOBS, job(1, **FULL), job(2, **FULL), **settings).code == 0
    assert target(JOBS, batch, **settings).code == 0
    assert values_of(project.rows("jobs")[1]) == {**FULL, "name": "b", "price": 2}
    # Of a snapshot, the first rows are merged before the others, when the schema changes.
    whole = [JOBS, record("jobs", {"id": 1, "tags": []}, 7), more, record("jobs", {"id": 3, "more": "m"}, 7)]
    result = target(*whole, activate("jobs", 7), **settings)
    assert result.code == 0, result.log

    rows = project.rows("jobs")
    assert values_of(rows[1]) == {**FULL, "name": "b", "price": 2, "tags": []}
    assert (values_of(rows[2]), rows[3]["more"]) == (FULL, "m")
    assert project.operations("jobs") == {1: "UPDATE", 2: "DELETE", 3: "INSERT"}
    versions = project.query(f"SELECT id, price, tags FROM `{project.bronze}.jobs_history` ORDER BY id, _valid_from")
    found = [(row["id"], None if row["price"] is None else int(row["price"]), row["tags"]) for row in versions]
    assert found == [(1, 1, ["x"]), (1, 2, ["x"]), (1, 2, []), (2, 1, ["x"]), (2, 1, ["x"]), (3, None, [])]


def test_a_snapshot_with_gaps_is_compared_though_its_last_records_are_the_same(
    target: TargetRunner, project: Project
) -> None:
    assert target(JOBS, job(1, **FULL)).code == 0
    for version, name in enumerate(["b", "c", "c"]):
        records = [record("jobs", {"id": 1, **values}, version) for values in ({"name": name}, {"price": 2})]
        result = target(JOBS, *records, activate("jobs", version), **KEEP)
        assert result.code == 0, result.log
        assert values_of(project.rows("jobs")[1]) == {**FULL, "name": name, "price": 2}
    assert project.log("jobs")[-1]["rows_unchanged"] == 1


def test_flattened_objects_that_are_null_become_null(target: TargetRunner, project: Project) -> None:
    flatten = {"flattening_enabled": True, "flattening_max_depth": 2, **KEEP}
    assert target(JOBS, *(job(number, **FULL) for number in (1, 2, 3)), **flatten).code == 0
    assert target(JOBS, job(1, address=None), job(2, address={"unit": 2}), job(3, name="b"), **flatten).code == 0
    rows = project.rows("jobs")
    assert [(rows[i]["address__street"], rows[i]["address__unit"], rows[i]["name"]) for i in (1, 2, 3)] == [
        (None, None, "a"),
        ("Main", 2, "a"),
        ("Main", 1, "b"),
    ]


def test_other_properties_are_kept_together(target: TargetRunner, project: Project) -> None:
    settings = {**KEEP, "additional_properties": "keep"}
    assert target(JOBS, job(1, x=1, y=2), job(2, x=1), **settings).code == 0
    assert target(JOBS, job(1, name="b"), job(2, y=1), **settings).code == 0
    rows = project.rows("jobs")
    assert (rows[1]["name"], rows[1]["_etl_extra"], rows[2]["_etl_extra"]) == ("b", {"x": 1, "y": 2}, {"y": 1})
