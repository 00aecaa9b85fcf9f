"""Values and properties that taps for databases, files and other sources send, and what their tables hold."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from support.singer import INTEGER, STRING, record, schema
from support.target.ways import INLINE, STAGED

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from support.target.harness import TargetRunner

pytestmark = pytest.mark.bigquery

CENTS = {"type": ["number", "null"], "multipleOf": 0.01}
TIME = {"type": ["string", "null"], "format": "time"}
UNSIGNED = {"type": ["integer", "null"], "minimum": 0, "maximum": 2**64 - 1}


def column_type(project: Project, name: str) -> str:
    """Return the type of a column of the table `rows`."""
    table = project.client.get_table(f"{project.bronze}.rows")
    return next(str(field.field_type) for field in table.schema if field.name == name)


@pytest.mark.parametrize(
    ("settings", "expected"), [({}, {"k": 1}), ({"json_text": "keep"}, '{"k": 1}')], ids=["parse", "keep"]
)
def test_json_text_in_the_column_of_an_object_is_that_object(
    settings: dict[str, Any], expected: object, target: TargetRunner, project: Project
) -> None:
    anything: dict[str, Any] = {"type": ["object", "string", "null"]}
    rows = schema("rows", {"id": INTEGER, "doc": {"type": ["null", "object", "array"]}, "any": anything})
    texts = ['{"k": 1}', "plain", "{broken", "7"]
    records = [record("rows", {"id": number, "doc": text, "any": text}) for number, text in enumerate(texts)]

    result = target(rows, *records, **settings)

    assert result.code == 0, result.log
    found = project.rows("rows")
    assert [found[number]["doc"] for number in range(4)] == [expected, *texts[1:]]
    assert [found[number]["any"] for number in range(4)] == texts  # a text is as good as an object there


def test_decimals_lose_the_noise_of_doubles_unless_told_otherwise(target: TargetRunner, project: Project) -> None:
    rows = schema("rows", {"id": INTEGER, "price": CENTS})
    line = b'{"type":"RECORD","stream":"rows","record":{"id":1,"price":19.990000000000002}}'
    noisy: dict[str, Any] = {"round_float_noise": False}
    for settings, kind, value in (({}, "NUMERIC", "19.99"), (noisy, "BIGNUMERIC", "19.990000000000002")):
        result = target(rows, line, **settings)
        assert result.code == 0, result.log
        assert (column_type(project, "price"), project.rows("rows")[1]["price"]) == (kind, Decimal(value))


def test_times_of_more_than_a_day_may_be_text(target: TargetRunner, project: Project) -> None:
    rows = schema("rows", {"id": INTEGER, "worked": TIME})
    messages = [rows, record("rows", {"id": 1, "worked": "30:15:00"}), record("rows", {"id": 2, "worked": "8:00:00"})]
    refused = target(*messages)
    assert refused.errors == ["rows: record id=1: `worked` must be a time of day, but is a string of 8 characters."]
    assert target(*messages, on_invalid_record="quarantine", dataset=project.dataset("other")).code == 0

    result = target(*messages, time_columns="text")

    assert result.code == 0, result.log
    assert [project.rows("rows")[number]["worked"] for number in (1, 2)] == ["30:15:00", "8:00:00"]
    assert column_type(project, "worked") == "STRING"


def test_records_of_a_schema_without_properties_are_kept_whole(target: TargetRunner, project: Project) -> None:
    free = schema("rows", {}, key=())
    result = target(free, record("rows", {"a": 1, "b": {"c": [2]}}))
    assert result.code == 0, result.log
    assert "rows: its schema lists no property, so all that its records have goes into the JSON column" in result.log
    (row,) = project.query(f"SELECT * FROM `{project.bronze}.rows`")
    assert row["_etl_extra"] == {"a": 1, "b": {"c": [2]}}

    closed = {**schema("none", {}, key=()), "schema": {"properties": {}, "additionalProperties": False}}
    assert target(closed, record("none", {"a": 1})).code == 0
    assert [field.name for field in project.client.get_table(f"{project.bronze}.none").schema] == [
        "_etl_operation",
        "_etl_synced",
    ]


def test_of_the_properties_with_the_prefix_of_the_sdk_only_its_own_are_left_out(
    target: TargetRunner, project: Project
) -> None:
    properties = {"id": INTEGER, "_sdc_sequence": INTEGER, "_sdc_deleted_at": STRING, "_sdc_lsn": INTEGER}
    values = {"id": 1, "_sdc_sequence": 7, "_sdc_deleted_at": None, "_sdc_lsn": 9}

    result = target(schema("rows", properties), record("rows", values))

    assert result.code == 0, result.log
    (warning,) = [line for line in result.log.splitlines() if "| WARNING" in line]
    assert "rows: no column for `_sdc_sequence`, in which a tap says how it read a record." in warning
    row = project.rows("rows")[1]
    assert row["_sdc_lsn"] == 9
    assert "_sdc_sequence" not in row

    maps = {"rows": {"sequence": "_sdc_sequence"}}
    mapped = target(schema("rows", properties), record("rows", values), stream_maps=maps)
    assert mapped.code == 0, mapped.log
    assert project.rows("rows")[1]["sequence"] == 7
    key = target(schema("other", properties, ["_sdc_sequence"]), record("other", values))
    assert "other: the key property `_sdc_sequence` says how a tap has read a record" in key.errors[0]


@pytest.mark.parametrize("way", [INLINE, pytest.param(STAGED, marks=pytest.mark.long)], ids=["inline", "staged"])
def test_an_unsigned_integer_may_partition_a_table(way: dict[str, Any], target: TargetRunner, project: Project) -> None:
    rows = schema("rows", {"id": UNSIGNED, "n": UNSIGNED})
    signed = schema("rows", {"id": INTEGER, "n": INTEGER})
    settings = {**way, "partition_by": {"rows": "n:0:1000:10"}}
    assert target(signed, record("rows", {"id": 1, "n": 5}), **settings).code == 0

    other = record("rows", {"id": 2**64 - 1, "n": None})
    for number in (7, 7):
        result = target(rows, record("rows", {"id": 1, "n": number}), other, **settings)
        assert result.code == 0, result.log
    assert project.log("rows")[-1]["rows_unchanged"] == 2
    assert (column_type(project, "id"), column_type(project, "n")) == ("NUMERIC", "INTEGER")
    assert {int(key): row["n"] for key, row in project.rows("rows").items()} == {1: 7, 2**64 - 1: None}

    large = target(rows, record("rows", {"id": 1, "n": 2**64 - 1}), **settings)
    assert large.code == 1
    assert project.rows("rows")[1]["n"] == 7
    fraction = target(rows, record("rows", {"id": 1, "n": 7.5}), **settings)
    assert fraction.code == 1

    new = target(rows, record("rows", {"id": 1, "n": 7}), dataset=project.dataset("new_one"), **settings)
    assert new.code == 0, new.log


def test_a_table_with_times_of_deletions_keeps_them(target: TargetRunner, project: Project) -> None:
    project.client.create_dataset(project.bronze, exists_ok=True)
    project.query(f"CREATE TABLE `{project.bronze}.rows` (id INT64, name STRING, _sdc_deleted_at TIMESTAMP)")
    project.query(
        f"INSERT INTO `{project.bronze}.rows` VALUES (1, 'a', NULL), (2, 'gone', TIMESTAMP '2024-01-02 00:00:00+00'), "
        "(3, 'here', TIMESTAMP '1970-01-01 00:00:00+00')"
    )

    result = target(
        schema("rows", {"id": INTEGER, "name": STRING}), record("rows", {"id": 1, "name": "b"}), adopt_tables=["rows"]
    )

    assert result.code == 0, result.log
    assert project.operations("rows") == {1: "UPDATE", 2: "DELETE", 3: "INSERT"}
    assert project.rows("rows")[2]["_sdc_deleted_at"] == dt.datetime(2024, 1, 2, tzinfo=dt.UTC)


@pytest.mark.parametrize("way", [INLINE, STAGED], ids=["inline", "staged"])
def test_binary_values_are_bytes_or_the_text_that_a_table_has_already(
    way: dict[str, Any], target: TargetRunner, project: Project
) -> None:
    binary = {"type": ["string", "null"], "contentEncoding": "base64"}
    many = {"type": "array", "items": binary}
    columns = {"file": binary, "old": binary, "parts": many, "doc": {"type": "object", "properties": {"file": binary}}}
    rows = schema("rows", {"id": INTEGER, **columns})
    values = {"file": "aGVs\nbG8=", "old": "aGk=", "parts": ["AP8=", ""], "doc": {"file": "AAE="}}
    assert target(schema("rows", {"id": INTEGER, "old": STRING}), record("rows", {"id": 1, "old": "aGk="})).code == 0

    messages = [rows, record("rows", {"id": 1, **values}), record("rows", {"id": 2, "parts": [], "doc": {}})]
    for updated in (1, 0):
        result = target(*messages, **way)
        assert result.code == 0, result.log
        assert project.log("rows")[-1]["rows_updated"] == updated
    found = project.rows("rows")[1]
    assert [found[name] for name in columns] == [b"hello", "aGk=", [b"\x00\xff", b""], {"file": b"\x00\x01"}]
    broken = target(rows, record("rows", {"id": 1, "file": "no base64!"}), **way)
    assert broken.errors == ["rows: record id=1: `file` must be base64 text, but is a string of 10 characters."]
    text = target(*messages, binary_columns="text", dataset=project.dataset("as_text"), **way)
    assert text.code == 0, text.log
