"""Nested properties become columns, and no value is lost on the way."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.schema.flattening import Flattener, Flattening

STRING, NUMBER, INTEGER = {"type": "string"}, {"type": ["number", "null"]}, {"type": "integer"}
GEO = {"type": "object", "properties": {"lat": NUMBER, "tags": {"type": "array", "items": STRING}}}
ADDRESS = {"type": ["object", "null"], "properties": {"street": STRING, "geo": GEO}}


def flattener(properties: dict[str, Any], max_depth: int = 5, **options: Any) -> Flattener:  # noqa: ANN401
    schema = {"type": "object", "properties": properties, "definitions": {"geo": GEO}}
    return Flattener(schema, Flattening(max_depth, **options), lambda value: json.dumps(value, default=str))


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        (5, {"id": 1, "address__street": "Main", "address__geo__lat": 1.5, "address__geo__tags": '["a"]'}),
        (2, {"id": 1, "address__street": "Main", "address__geo__lat": 1.5, "address__geo__tags": '["a"]'}),
        (1, {"id": 1, "address__street": "Main", "address__geo": '{"lat": 1.5, "tags": ["a"]}'}),
    ],
)
def test_objects_become_columns_down_to_a_depth(depth: int, expected: dict[str, Any]) -> None:
    found = flattener({"id": INTEGER, "address": ADDRESS}, depth)
    record = {"id": 1, "address": {"street": "Main", "geo": {"lat": 1.5, "tags": ["a"]}}}
    assert found.flatten(record) == expected
    assert list(found.schema["properties"]) == list(expected)
    assert found.schema["properties"]["address__street"] == STRING


@pytest.mark.parametrize(
    "geo", [{"$ref": "#/definitions/geo"}, {"anyOf": [{"type": "null"}, GEO]}, {"oneOf": [GEO]}, {"allOf": [GEO]}]
)
def test_it_does_not_matter_how_an_object_is_declared(geo: dict[str, Any]) -> None:
    found = flattener({"geo": geo, "at": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}})
    assert found.schema["properties"]["geo__lat"] == NUMBER
    assert found.schema["properties"]["at"] == {"type": "string", "format": "date-time"}
    assert found.flatten({"geo": {"lat": 1}}) == {"geo__lat": 1}


def test_what_is_not_there_stays_away() -> None:
    found = flattener({"id": INTEGER, "address": ADDRESS})
    for record in (
        {"id": 1},
        {"id": 1, "address": None},
        {"id": 1, "address": {}},
        {"id": 1, "address": {"geo": None}},
    ):
        assert found.flatten(record) == {"id": 1}


def test_properties_that_the_schema_does_not_list_are_passed_on() -> None:
    found = flattener({"address": ADDRESS})
    record = {"new": {"a": [1]}, "_sdc_deleted_at": "2024-01-01", "address": {"zip": 8, "geo": {"alt": {"m": 3}}}}
    assert found.flatten(record) == {
        "new": {"a": [1]},
        "_sdc_deleted_at": "2024-01-01",
        "address__zip": 8,
        "address__geo__alt": {"m": 3},
    }


@pytest.mark.parametrize("value", ["text", 5, [1]])
def test_a_value_that_is_no_object_becomes_one_that_its_column_refuses(value: object) -> None:
    flat = flattener({"id": INTEGER, "address": ADDRESS}).flatten({"id": 1, "address": value})
    assert flat == {"id": 1, "address__street": {"address": value}}


def test_values_of_any_type_become_text_where_the_schema_has_no_type() -> None:
    found = flattener(
        {"any": {}, "mixed": {"type": ["object", "string"], "properties": {"a": STRING}}, "free": {"type": "object"}}
    )
    assert {column["type"][0] for column in found.schema["properties"].values()} == {"string"}
    record = {"any": {"a": Decimal("1.10")}, "mixed": "text", "free": {"b": 1}}
    assert found.flatten(record) == {"any": '{"a": "1.10"}', "mixed": "text", "free": '{"b": 1}'}


def test_names_follow_the_settings() -> None:
    properties = {"address": ADDRESS}
    assert "address_x_street" in flattener(properties, separator="_x_").schema["properties"]
    short = flattener(properties, max_key_length=10)
    (name, *_) = short.schema["properties"]
    assert len(name) < len("address__street")
    assert short.flatten({"address": {"street": "Main"}}) == {name: "Main"}


def test_two_properties_with_one_name_are_an_error() -> None:
    with pytest.raises(PluginError, match="`address__street` when flattened"):
        flattener({"address": ADDRESS, "address__street": STRING})


def test_a_schema_that_contains_itself_ends() -> None:
    node: dict[str, Any] = {"type": "object", "properties": {"id": INTEGER}}
    schema = {"properties": {"node": {"$ref": "#/definitions/node"}}, "definitions": {"node": node}}
    node["properties"]["left"] = node["properties"]["right"] = {"$ref": "#/definitions/node"}
    found = Flattener(schema, Flattening(1000), str)
    assert list(found.schema["properties"]) == ["node__id", "node__left", "node__right"]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, None),
        ({"flattening_enabled": False, "flattening_max_depth": 1}, None),
        ({"flattening_enabled": True, "flattening_max_depth": 0}, None),
        ({"flattening_enabled": True, "flattening_max_depth": 2}, Flattening(2)),
        (
            {
                "flattening_enabled": True,
                "flattening_max_depth": 2,
                "flattening_separator": ".",
                "flattening_max_key_length": 9,
            },
            Flattening(2, ".", 9),
        ),
    ],
)
def test_the_settings_say_how(config: dict[str, Any], expected: Flattening | None) -> None:
    assert Flattening.of(config) == expected


def test_it_must_be_said_how_deep() -> None:
    with pytest.raises(PluginError, match="`flattening_max_depth`"):
        Flattening.of({"flattening_enabled": True})
