"""Nested properties become columns, with and without a stream map, from RECORD and BATCH messages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from support.singer import INTEGER, STRING, record, schema, state

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

pytestmark = pytest.mark.bigquery

FLAT = {"flattening_enabled": True, "flattening_max_depth": 3}
GEO = {"type": "object", "properties": {"lat": {"type": "number", "format": "decimal"}}}
ADDRESS = {"type": ["object", "null"], "properties": {"street": STRING, "geo": {"anyOf": [GEO, {"type": "null"}]}}}
CUSTOMERS = schema(
    "customers",
    {
        "meta": {"type": "object", "properties": {"id": INTEGER}},
        "address": ADDRESS,
        "tags": {"type": "array", "items": STRING},
    },
    key=["meta__id"],
)
STATE = state({"bookmarks": {"customers": 1}})


def customer(number: int, street: str, **rest: object) -> dict[str, Any]:
    return {"meta": {"id": number}, "address": {"street": street, "geo": {"lat": 1.25}}, "tags": ["a", "b"], **rest}


def messages(target: TargetRunner, way: str, *customers: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the messages with which records come in one of two ways."""
    if way == "record":
        return [CUSTOMERS, *(record("customers", values) for values in customers), STATE]
    file = target.folder / "customers.jsonl"
    file.write_text("".join(json.dumps(values) + "\n" for values in customers))
    batch = {"type": "BATCH", "stream": "customers", "encoding": {"format": "jsonl"}, "manifest": [file.as_uri()]}
    return [CUSTOMERS, batch, STATE]


@pytest.mark.parametrize("way", ["record", "batch"])
@pytest.mark.parametrize(
    "maps", [{}, {"stream_maps": {"customers": {"twice": "meta['id'] * 2"}}}], ids=["plain", "map"]
)
def test_every_value_arrives(way: str, maps: dict[str, Any], target: TargetRunner, project: Project) -> None:
    result = target(*messages(target, way, customer(1, "Main"), customer(2, "Side")), **FLAT, **maps)

    assert (result.code, result.states) == (0, [STATE["value"]]), result.log
    rows = project.rows("customers", key="meta__id")
    assert {key: row["address__street"] for key, row in rows.items()} == {1: "Main", 2: "Side"}
    assert (str(rows[1]["address__geo__lat"]), rows[1]["tags"]) == ("1.25", '["a","b"]')
    assert not maps or str(rows[2]["twice"]) == "4"

    assert target(*messages(target, way, customer(1, "Main"), customer(2, "New")), **FLAT, **maps).code == 0
    assert {key: row["_etl_operation"] for key, row in project.rows("customers", key="meta__id").items()} == {
        1: "INSERT",
        2: "UPDATE",
    }


def test_a_value_in_the_place_of_an_object_is_an_invalid_record(target: TargetRunner, project: Project) -> None:
    bad = record("customers", customer(2, "Side", address="Side"))
    run = [CUSTOMERS, record("customers", customer(1, "Main")), bad, STATE]

    failed = target(*run, **FLAT)
    assert failed.code == 1
    assert "customers: record meta__id=2: `address__street` must be a string, but is an object" in failed.errors[0]

    assert target(*run, **FLAT, on_invalid_record="quarantine").code == 0
    assert project.rows("customers", key="meta__id").keys() == {1}


def test_what_the_schema_does_not_list_is_kept_when_asked_for(target: TargetRunner, project: Project) -> None:
    nested = customer(1, "Main", new={"a": [1]})
    nested["address"]["zip"] = "8000"
    assert target(CUSTOMERS, record("customers", nested), **FLAT, additional_properties="keep").code == 0
    (row,) = project.rows("customers", key="meta__id").values()
    assert row["_etl_extra"] == {"new": {"a": [1]}, "address__zip": "8000"}


def test_what_the_schema_does_not_list_takes_no_place_of_what_it_lists(target: TargetRunner, project: Project) -> None:
    right = customer(1, "Main") | {"meta__id": 7, "address__street": "Wrong"}
    right["address"]["geo"]["lat__"] = 0
    result = target(CUSTOMERS, record("customers", right), **FLAT, additional_properties="keep")
    assert result.code == 0
    (row,) = project.rows("customers", key="meta__id").values()
    assert (row["meta__id"], row["address__street"]) == (1, "Main")
    assert row["_etl_extra"] == {"meta__id_": 7, "address__street_": "Wrong", "address__geo__lat__": 0}


def test_the_depth_must_be_said(target: TargetRunner, project: Project) -> None:
    result = target(CUSTOMERS, flattening_enabled=True)
    assert result.code == 1
    assert "`flattening_max_depth`" in result.errors[0]
    assert "unexpected" not in result.log
    assert project.tables("bronze") == []


def test_names_that_collide_when_flattened_end_the_stream_only(target: TargetRunner, project: Project) -> None:
    crews = schema("crews", {"id": INTEGER, "a": {"type": "object", "properties": {"b": STRING}}, "a__b": STRING})
    result = target(crews, *messages(target, "record", customer(1, "Main")), **FLAT)
    assert result.code == 1
    assert result.errors[0].startswith("crews: two properties become the column `a__b` when flattened")
    assert project.rows("customers", key="meta__id").keys() == {1}
