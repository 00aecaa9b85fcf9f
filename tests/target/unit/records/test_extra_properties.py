"""Properties that the schema does not list, in one column."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.singer import INTEGER, STRING
from target_bigquery_softdelete.errors import InvalidRecordError
from target_bigquery_softdelete.records.block_converter import BlockConverter
from target_bigquery_softdelete.schema.columns import Kind, TableColumns
from target_bigquery_softdelete.schema.from_json_schema import ColumnRules, table_columns

PLAIN = {"id": INTEGER, "name": STRING}


def columns(properties: dict[str, Any] | None = None) -> TableColumns:
    return table_columns({"properties": properties or PLAIN}, ["id"], stream="jobs", rules=ColumnRules(keep_extra=True))


def extras(*records: str, properties: dict[str, Any] | None = None, natively: bool = True) -> list[Any]:
    """Return the column, from both paths: they must agree."""
    converter = BlockConverter(columns(properties), "jobs")
    block = "".join(f"{record}\n" for record in records).encode()
    table, _ = converter.convert_by_record(block)
    native = converter.convert_natively(block)
    assert (native is not None) == natively
    assert native is None or native.equals(table)
    return table.column("_etl_extra").to_pylist()  # type: ignore[no-any-return]


def test_only_unlisted_properties_are_kept_and_unchanged() -> None:
    assert extras(
        '{"id":1,"name":"a"}',
        '{"id":2,"z":[1.0,null],"a":{"b":"\\u00e9"},"_sdc_extracted_at":"2024-05-01T00:00:00Z","_sdc_deleted_at":null}',
        '{"id":3,"_sdc_sequence":1}',
        '{"id":4,"_etl_extra":1,"Name":null,"q\\"":true}',
    ) == [None, '{"a":{"b":"é"},"z":[1.0,null]}', None, '{"Name":null,"_etl_extra":1,"q\\"":true}']


@pytest.mark.parametrize("properties", [{**PLAIN, "any": {}}, {**PLAIN, "address": {"properties": {"any": {}}}}])
def test_it_works_with_other_json_columns(properties: dict[str, Any]) -> None:
    record = json.dumps({"id": 1, "any": [1], "address": {"any": {"b": 1, "a": 2}}, "other": "x"})
    unlisted = {"address", "any", "other"} - set(properties)
    (extra,) = extras(record, properties=properties)
    assert set(json.loads(extra)) == unlisted


def test_a_property_with_the_name_of_the_column_is_an_ordinary_property() -> None:
    taken = {**PLAIN, "_etl_extra": STRING, "_etl_extra_": STRING}
    assert [column.name for column in columns(taken).columns] == [
        *("id", "name", "x_etl_extra", "x_etl_extra_", "_etl_extra")
    ]
    assert extras('{"id":1,"_etl_extra":"mine","other":1}', properties=taken) == ['{"other":1}']


def test_a_deleted_record_stays_deleted() -> None:
    converter = BlockConverter(columns(), "jobs")
    table = converter.convert(b'{"id":1,"x":1,"_sdc_deleted_at":"2024-05-01T00:00:00Z"}\n', 0).table
    assert table.column("_etl_deleted").to_pylist() == [True]


@pytest.mark.parametrize("value", ["[NaN]", "1e309", "[" * 500 + "]" * 500])
def test_a_value_that_bigquery_cannot_store_as_json_makes_the_record_invalid(value: str) -> None:
    with pytest.raises(InvalidRecordError, match=r"jobs: record id=1: `_etl_extra` must be JSON"):
        extras(f'{{"id":1,"x":{value}}}')


def test_values_for_the_row_path_are_kept_too() -> None:
    assert extras('{"id":"1","x":"\\ud800"}', natively=False) == ['{"x":"\ufffd"}']


def test_the_column_exists_only_with_keep_extra() -> None:
    plain = table_columns({"properties": PLAIN}, ["id"], stream="jobs")
    assert [column.name for column in plain.columns] == ["id", "name"]
    assert [(column.name, column.kind) for column in columns().columns][2:] == [("_etl_extra", Kind.JSON)]
