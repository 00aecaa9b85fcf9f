"""The BigQuery types that a JSON Schema gives."""

from __future__ import annotations

from typing import Any

import pytest

from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.schema.columns import Kind, TableColumns, typed, walk
from target_bigquery_softdelete.schema.from_json_schema import DEEPEST_NESTING, MOST_COLUMNS, table_columns

Schema = dict[str, Any]

STRING, INTEGER, NUMBER, NULL = ({"type": name} for name in ("string", "integer", "number", "null"))
MOMENT = {"type": "string", "format": "date-time"}
POINT = {"type": "object", "properties": {"x": NUMBER, "y": NUMBER}}
XY = "STRUCT<`x` FLOAT64, `y` FLOAT64>"


def columns_of(properties: Schema, *key: str, **rest: Any) -> TableColumns:  # noqa: ANN401
    return table_columns({"type": "object", "properties": properties, **rest}, key, stream="jobs")


def sql_type(schema: Any, **rest: Any) -> str:  # noqa: ANN401
    (column,) = columns_of({"v": schema}, **rest).columns
    return column.sql_type


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (INTEGER, "INT64"),
        (NUMBER, "FLOAT64"),
        ({"type": ["number", "integer"]}, "FLOAT64"),
        ({"type": "boolean"}, "BOOL"),
        (STRING, "STRING"),
        (MOMENT, "TIMESTAMP"),
        ({"type": "string", "format": "date"}, "DATE"),
        ({"type": "string", "format": "time"}, "TIME"),
        ({"type": "string", "format": "uuid"}, "STRING"),
        ({"type": "string", "contentEncoding": "base64"}, "BYTES"),
        ({"type": "string", "contentEncoding": "base16"}, "STRING"),
        ({"type": "array", "items": {"type": "string", "contentEncoding": "BASE64"}}, "ARRAY<BYTES>"),
        ({"type": "string", "format": "duration"}, "STRING"),
        (POINT, XY),
        ({"properties": {"x": NUMBER}}, "STRUCT<`x` FLOAT64>"),
        ({"type": "object"}, "JSON"),
        ({"type": "object", "properties": {}}, "JSON"),
        ({"type": "object", "additionalProperties": STRING}, "JSON"),
        ({"type": "array", "items": INTEGER}, "ARRAY<INT64>"),
        ({"type": "array", "items": MOMENT}, "ARRAY<TIMESTAMP>"),
        ({"type": "array", "items": POINT}, f"ARRAY<{XY}>"),
        ({"type": "array", "items": {"type": ["null", "integer"]}}, "ARRAY<INT64>"),
        ({"type": "array", "items": {"type": "array", "items": INTEGER}}, "JSON"),
        ({"type": "array", "items": {"type": "object"}}, "JSON"),
        ({"type": "array", "items": {"type": ["string", "integer"]}}, "JSON"),
        ({"type": "array"}, "JSON"),
        ({"type": "array", "items": {}}, "JSON"),
        ({"type": ["string", "integer"]}, "JSON"),
        ({"type": ["array", "string"], "items": STRING}, "JSON"),
        ({"type": ["object", "string"], "properties": {"x": NUMBER}}, "JSON"),
        ({"type": "array", "items": NULL}, "JSON"),
        ({}, "JSON"),
        (True, "JSON"),
        ({"description": "anything"}, "JSON"),
    ],
)
def test_each_type_of_json_schema_has_a_type_of_bigquery(schema: object, expected: str) -> None:
    assert sql_type(schema) == expected
    if isinstance(schema, dict) and isinstance(schema.get("type"), str) and schema["type"] != "null":
        assert sql_type({**schema, "type": [schema["type"], "null"]}) == expected
        assert sql_type({"anyOf": [NULL, schema]}) == expected
        assert sql_type({"oneOf": [schema, NULL]}) == expected
        assert sql_type({"allOf": [schema, {"description": "the same"}]}) == expected
        assert sql_type({"$ref": "#/definitions/v"}, definitions={"v": schema}) == expected
        assert sql_type({"anyOf": [{"$ref": "#/$defs/a~1v"}, NULL]}, **{"$defs": {"a/v": schema}}) == expected


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "number", "format": "decimal"}, "NUMERIC"),
        ({"type": "number", "format": "singer.decimal"}, "NUMERIC"),
        ({"type": "string", "format": "singer.decimal"}, "NUMERIC"),
        ({"type": ["number", "string", "null"], "format": "decimal"}, "NUMERIC"),
        ({"anyOf": [{"type": "string", "format": "singer.decimal"}, NULL]}, "NUMERIC"),
        ({"anyOf": [{"type": "string", "format": "decimal"}, {"type": ["null", "number"]}]}, "NUMERIC"),
        ({"type": "number", "multipleOf": 0.01}, "NUMERIC"),
        ({"type": "number", "multipleOf": 1e-9}, "NUMERIC"),
        ({"type": "number", "multipleOf": 1e-10}, "BIGNUMERIC"),
        ({"type": "number", "multipleOf": 0.01, "maximum": 1e28}, "NUMERIC"),
        ({"type": "number", "multipleOf": 0.01, "exclusiveMaximum": 1e29}, "NUMERIC"),
        ({"type": "number", "multipleOf": 0.01, "maximum": 1e29}, "BIGNUMERIC"),
        ({"type": "number", "multipleOf": 0.01, "minimum": -1e30}, "BIGNUMERIC"),
        ({"type": "number", "x-sql-datatype": "DECIMAL"}, "NUMERIC"),
        ({"type": "number", "x-sql-datatype": "numeric(38, 9)"}, "NUMERIC"),
        ({"type": "number", "x-sql-datatype": "NUMBER(10)"}, "NUMERIC"),
        ({"type": "number", "x-sql-datatype": "DECIMAL(38,10)"}, "BIGNUMERIC"),
        ({"type": "number", "x-sql-datatype": "DECIMAL(38,0)"}, "BIGNUMERIC"),
        ({"type": "number", "x-sql-datatype": "DOUBLE"}, "FLOAT64"),
        ({"type": "number", "minimum": 0, "maximum": 1e40}, "FLOAT64"),
        ({"type": ["null", "integer"], "minimum": 0, "maximum": 2**64 - 1}, "NUMERIC"),
        ({"type": "integer", "minimum": -(2**70)}, "NUMERIC"),
        ({"type": "integer", "maximum": 1e30}, "BIGNUMERIC"),
        ({"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}, "INT64"),
        ({"type": "integer", "maximum": float(2**63)}, "INT64"),
        ({"type": "array", "items": {"type": "number", "format": "decimal"}}, "ARRAY<NUMERIC>"),
        ({"anyOf": [{"type": "number", "multipleOf": 0.01}, {"type": "integer"}, NULL]}, "NUMERIC"),
        ({"anyOf": [{"type": "number", "multipleOf": 0.01}, {"type": "number", "multipleOf": 1e-12}]}, "BIGNUMERIC"),
        ({"oneOf": [NUMBER, {"type": "number", "x-sql-datatype": "decimal(38, 2)"}]}, "BIGNUMERIC"),
        ({"anyOf": [{"type": "number", "format": "decimal"}, {"type": "string", "multipleOf": 1e-12}]}, "BIGNUMERIC"),
        ({"anyOf": [{"type": "integer", "multipleOf": 5}, {"type": "integer"}]}, "INT64"),
        ({"anyOf": [{"type": "number", "multipleOf": 0.01}, STRING]}, "JSON"),
    ],
)
def test_numbers_that_must_be_exact_are_decimals(schema: Schema, expected: str) -> None:
    assert sql_type(schema) == expected


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"anyOf": [MOMENT, STRING]}, "STRING"),
        ({"anyOf": [MOMENT, {**MOMENT, "description": "the same"}]}, "TIMESTAMP"),
        ({"oneOf": [INTEGER, NUMBER]}, "FLOAT64"),
        ({"oneOf": [INTEGER, STRING]}, "JSON"),
        ({"anyOf": [NULL, {}]}, "JSON"),
        ({"anyOf": []}, "JSON"),
        ({"anyOf": [POINT, {"properties": {"x": NUMBER, "z": STRING}}]}, f"{XY[:-1]}, `z` STRING>"),
        ({"anyOf": [POINT, {"properties": {"x": STRING}}]}, "STRUCT<`x` JSON, `y` FLOAT64>"),
        ({"anyOf": [POINT, {"type": "object"}]}, "JSON"),
        ({"anyOf": [POINT, STRING]}, "JSON"),
        ({"anyOf": [{"type": "array", "items": INTEGER}, {"type": "array", "items": NUMBER}]}, "ARRAY<FLOAT64>"),
        ({"anyOf": [{"type": "array", "items": INTEGER}, INTEGER]}, "JSON"),
        ({"allOf": [POINT, {"properties": {"z": STRING}}]}, f"{XY[:-1]}, `z` STRING>"),
        ({"allOf": [{"$ref": "#/definitions/point"}], "description": "where"}, XY),
        ({"enum": ["a", "b", None]}, "STRING"),
        ({"enum": [1, 2]}, "INT64"),
        ({"enum": [1, 2.5]}, "FLOAT64"),
        ({"enum": ["a", 1]}, "JSON"),
        ({"const": True}, "BOOL"),
        ({"const": {"a": 1}}, "JSON"),
        ({"type": "string", "enum": [1]}, "STRING"),
        ({"$ref": "https://example.com/other.json"}, "JSON"),
        ({"$ref": "#"}, "JSON"),
    ],
)
def test_combined_schemas_become_one(schema: Schema, expected: str) -> None:
    assert sql_type(schema, definitions={"point": POINT}) == expected


@pytest.mark.parametrize(
    "schema",
    [
        NULL,
        {"type": ["null"]},
        {"enum": [None]},
        {"const": None},
        {"anyOf": [NULL, {"enum": [None]}]},
        {"allOf": [NULL]},
    ],
)
def test_what_can_only_be_null_has_no_type_yet(schema: Schema) -> None:
    assert sql_type(schema) == "NULL"
    nested = {"type": "object", "properties": {"v": schema, "x": NUMBER}}
    alone = {"type": "object", "properties": {"v": schema}}
    (column,) = typed(columns_of({"v": schema, "a": nested, "b": alone}).columns)
    assert (column.name, column.sql_type) == ("a", "STRUCT<`x` FLOAT64>")
    with pytest.raises(PluginError, match="jobs: the key property `v` can only be null"):
        columns_of({"v": schema}, "v")


def test_a_reference_without_a_target_is_an_error() -> None:
    with pytest.raises(PluginError, match="`#/definitions/absent`"):
        sql_type({"$ref": "#/definitions/absent"}, definitions={})


@pytest.mark.parametrize("branches", [1, 3])
def test_an_object_that_contains_itself_is_json_at_its_second_occurrence(branches: int) -> None:
    node = {"type": "object", "properties": {f"n{i}": {"$ref": "#/definitions/node"} for i in range(branches)}}
    inner = ", ".join(f"`n{i}` JSON" for i in range(branches))
    assert sql_type({"$ref": "#/definitions/node"}, definitions={"node": node}) == f"STRUCT<{inner}>"


def test_nesting_deeper_than_bigquery_allows_is_json() -> None:
    schema: Schema = STRING
    for _ in range(30):
        schema = {"type": "object", "properties": {"v": schema}}
    assert sql_type(schema).count("STRUCT") == DEEPEST_NESTING - 1
    assert "JSON" in sql_type(schema)


def test_the_limit_of_columns_counts_nested_ones() -> None:
    fields = {f"c{i}": STRING for i in range(MOST_COLUMNS - 1)}
    assert len(list(walk(columns_of({"v": {"type": "object", "properties": fields}}).columns))) == MOST_COLUMNS
    with pytest.raises(PluginError, match=f"jobs: the schema has more than {MOST_COLUMNS} columns"):
        columns_of({"v": {"type": "object", "properties": fields}, "w": STRING})


def test_names_are_converted_at_every_depth() -> None:
    (column,) = columns_of({"shipTo": {"properties": {"streetName": STRING}}}).columns
    assert (column.source, column.name, column.sql_type) == ("shipTo", "ship_to", "STRUCT<`street_name` STRING>")


def test_colliding_names_in_a_nested_object_are_an_error_with_the_path() -> None:
    with pytest.raises(PluginError, match=r"jobs\.items: the properties `Id` and `id` both become"):
        columns_of({"items": {"type": "array", "items": {"properties": {"Id": STRING, "id": STRING}}}})


def test_the_key_has_column_names_in_the_order_of_key_properties() -> None:
    columns = columns_of({"a": STRING, "jobId": INTEGER, "b": STRING}, "jobId", "a")
    assert columns.key == ("job_id", "a")
    assert [column.kind for column in columns.key_columns()] == [Kind.INT64, Kind.STRING]
    assert [column.name for column in columns.other_columns()] == ["b"]


def test_a_key_is_not_decoded() -> None:
    (column,) = columns_of({"id": {"type": "string", "contentEncoding": "base64"}}, "id").columns
    assert column.kind is Kind.STRING


def test_a_stream_may_have_no_key() -> None:
    assert columns_of({"a": STRING}).key == ()


@pytest.mark.parametrize("schema", [POINT, {"type": "array", "items": STRING}, {}])
def test_a_key_that_cannot_be_compared_is_an_error(schema: Schema) -> None:
    with pytest.raises(PluginError, match=r"jobs: the key property `id` is .*\. A key must be a scalar"):
        columns_of({"id": schema}, "id")


@pytest.mark.parametrize("key", ["absent", "Id", "job_id"])
def test_a_key_that_is_not_in_the_schema_is_an_error(key: str) -> None:
    with pytest.raises(PluginError, match=f"jobs: the key property `{key}` is not in the schema"):
        columns_of({"id": STRING, "jobId": STRING}, key)


@pytest.mark.parametrize("schema", [{}, {"properties": None}, {"type": "string"}])
def test_a_schema_without_properties_is_an_error(schema: Schema) -> None:
    with pytest.raises(PluginError, match="jobs: the schema has no `properties` object"):
        table_columns(schema, [], stream="jobs")


def test_one_column_is_widened_to_bignumeric_by_its_place_in_the_records() -> None:
    price = {"type": "number", "format": "decimal"}
    items = {"type": "array", "items": {"properties": {"unitPrice": price, "cost": price}}}
    columns = columns_of({"unitPrice": price, "lineItems": items}, "unitPrice")
    nested = columns.with_bignumeric("lineItems[3].unitPrice")
    assert [column.sql_type for column in nested.columns] == [
        "NUMERIC",
        "ARRAY<STRUCT<`unit_price` BIGNUMERIC, `cost` NUMERIC>>",
    ]
    assert nested.key == columns.key
    assert columns.with_bignumeric("unitPrice").columns[0].kind is Kind.BIGNUMERIC
