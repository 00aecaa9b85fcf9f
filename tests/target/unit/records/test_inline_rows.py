"""Rows as the text that a statement carries: exact for every kind, and one text for one row, however it was written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from target_bigquery_softdelete.records.block_converter import BlockConverter
from target_bigquery_softdelete.records.inline_rows import MOST_COLUMNS, InlineRows, can_travel, inline_rows
from target_bigquery_softdelete.schema.columns import Column, Kind, TableColumns

ID = Column("id", "id", Kind.INT64)


def staged(columns: TableColumns, *records: str | dict[str, Any], most_bytes: int = 1_000_000) -> InlineRows | None:
    """Return the text of records, staged as the target stages them."""
    lines = [each if isinstance(each, str) else json.dumps(each) for each in records]
    converted = BlockConverter(columns, "jobs").convert("".join(f"{line}\n" for line in lines).encode(), 0)
    return inline_rows(converted.table, columns, most_bytes=most_bytes)


def text_of(kind: Kind, value: str, *, repeated: bool = False, fields: tuple[Column, ...] = ()) -> Any:  # noqa: ANN401
    """Return how the text writes a value that stands in a record as this JSON."""
    columns = TableColumns((ID, Column("v", "v", kind, repeated, fields)), ("id",))
    found = staged(columns, f'{{"id":1,"v":{value}}}')
    assert found is not None
    ((key, written, deleted),) = json.loads(found.text)
    assert (key, deleted) == ("1", None)
    return written


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (Kind.INT64, "9223372036854775807", "9223372036854775807"),
        (Kind.INT64, "-9223372036854775808", "-9223372036854775808"),
        (Kind.FLOAT64, "0.1", "0.1"),
        (Kind.FLOAT64, "-0.0", "0.0"),
        (Kind.FLOAT64, "5e-324", "5e-324"),
        (Kind.FLOAT64, "1.7976931348623157e308", "1.7976931348623157e+308"),
        (Kind.FLOAT64, "NaN", "NaN"),
        (Kind.FLOAT64, "-Infinity", "-inf"),
        (Kind.NUMERIC, "99999999999999999999999999999.999999999", "99999999999999999999999999999.999999999"),
        (Kind.NUMERIC, "-0.000000001", "-0.000000001"),
        (Kind.NUMERIC, "1e3", "1000.000000000"),
        (Kind.BIGNUMERIC, f"{'9' * 38}.{'9' * 38}", f"{'9' * 38}.{'9' * 38}"),
        (Kind.BIGNUMERIC, f"-0.{'0' * 37}1", f"-0.{'0' * 37}1"),
        (Kind.BOOL, "true", "true"),
        (Kind.BOOL, "false", "false"),
        (Kind.STRING, '""', ""),
        (Kind.STRING, '"null"', "null"),
        (Kind.STRING, '"\\ud83d\\ude00 \\u2028 \\" \\\\ \\n é"', '\N{GRINNING FACE} \u2028 " \\ \n é'),
        (Kind.TIMESTAMP, '"0001-01-01T00:00:00Z"', "-62135596800000000"),
        (Kind.TIMESTAMP, '"9999-12-31T23:59:59.999999Z"', "253402300799999999"),
        (Kind.TIMESTAMP, '"2024-05-01T10:00:00.000001+02:00"', "1714550400000001"),
        (Kind.DATE, '"0001-01-01"', "0001-01-01"),
        (Kind.DATE, '"9999-12-31"', "9999-12-31"),
        (Kind.TIME, '"23:59:59.999999"', "23:59:59.999999"),
        (Kind.TIME, '"08:00:00"', "08:00:00"),
        (Kind.JSON, '{"b":[1,null],"a":"x"}', '{"a":"x","b":[1,null]}'),
    ],
)
def test_every_kind_is_a_text_with_all_that_it_says(kind: Kind, value: str, text: str) -> None:
    written = text_of(kind, value)

    assert json.loads(written) == json.loads(text) if kind is Kind.JSON else written == text
    assert text_of(kind, "null") is None
    assert text_of(kind, f"[{value},{value}]", repeated=True) == [written, written]


def test_arrays_and_structs_say_what_is_missing_and_what_is_empty() -> None:
    leaf = Column("leaf", "leaf", Kind.INT64)
    many = Column("many", "many", Kind.STRING, repeated=True)
    struct: dict[str, Any] = {"kind": Kind.STRUCT, "fields": (leaf, many)}

    assert text_of(value="null", **struct) is None
    assert text_of(value="{}", **struct) == ["1", None, []]
    assert text_of(value='{"leaf":7,"many":["a",""]}', **struct) == ["1", "7", ["a", ""]]
    assert text_of(value="null", repeated=True, **struct) == text_of(value="[]", repeated=True, **struct) == []
    assert text_of(value='[{"leaf":1},{"many":["x"]}]', repeated=True, **struct) == [["1", "1", []], ["1", None, ["x"]]]
    nothing = Column("none", "none", Kind.STRUCT, fields=())
    assert text_of(Kind.STRUCT, '{"none":{}}', fields=(nothing,)) in (["1", ["1"]], ["1", None])


def test_the_arrays_of_rows_do_not_mix() -> None:
    columns = TableColumns((ID, Column("v", "v", Kind.INT64, repeated=True)), ("id",))
    records: list[dict[str, Any]] = [{"id": 1, "v": [1, 2]}, {"id": 2}, {"id": 3, "v": []}, {"id": 4, "v": [3]}]

    found = staged(columns, *records)

    assert found is not None
    assert [row[1] for row in json.loads(found.text)] == [["1", "2"], [], [], ["3"]]


KEYED = TableColumns((ID, Column("name", "name", Kind.STRING), Column("cost", "cost", Kind.NUMERIC)), ("id",))


def test_all_rows_are_sent_in_order_and_the_last_of_each_key_counts() -> None:
    rows = [{"id": 2, "name": "b"}, {"id": 1, "name": "old"}, {"id": 1, "name": "new"}]

    found, other = staged(KEYED, *rows), staged(KEYED, *reversed(rows))

    assert found is not None
    assert other is not None
    assert json.loads(found.text) == [["2", "b", None, None], ["1", "old", None, None], ["1", "new", None, None]]
    assert [json.loads(each) for each in found.last_of_keys] == [["1", "new", None, None], ["2", "b", None, None]]
    assert [json.loads(each)[1] for each in other.last_of_keys] == ["old", "b"]


def test_a_row_has_one_text_however_it_was_written_and_whenever_it_came() -> None:
    first = staged(KEYED, '{"id":1,"name":"\\u00e9","cost":1.5}', '{"id":2,"name":null}')
    second = staged(KEYED, '{"id":2}', '{"cost":1.500,"name":"é","id":1}', '{"id":2}')

    assert first is not None
    assert second is not None
    assert first.last_of_keys == second.last_of_keys


def test_a_deletion_is_part_of_its_row() -> None:
    live, gone = staged(KEYED, {"id": 1}), staged(KEYED, {"id": 1, "_sdc_deleted_at": "2024-05-01T00:00:00Z"})

    assert live is not None
    assert gone is not None
    assert json.loads(gone.text) == [["1", None, None, "1"]]
    assert live.last_of_keys != gone.last_of_keys


def test_a_key_of_several_columns_and_of_floats() -> None:
    value, other = Column("v", "v", Kind.FLOAT64), Column("w", "w", Kind.STRING)
    found = staged(
        TableColumns((ID, value, other), ("w", "v")),
        *('{"id":1,"v":0.0,"w":"a"}', '{"id":2,"v":-0.0,"w":"a"}', '{"id":3,"v":0.0,"w":"b"}'),
    )

    assert found is not None
    assert [json.loads(each)[0] for each in found.last_of_keys] == ["2", "3"], "-0 and 0 are one key"


def test_without_a_key_there_is_no_last_row_of_a_key() -> None:
    found = staged(TableColumns((ID,), ()), {"id": 1}, {"id": 1})

    assert found is not None
    assert (json.loads(found.text), found.last_of_keys) == ([["1", None], ["1", None]], ())


def test_a_text_travels_as_long_as_the_request_has_room_for_it_quoted_once_more() -> None:
    rows = [{"id": number, "name": '"' * 10} for number in range(20)]
    found = staged(KEYED, *rows)
    assert found is not None
    assert found.sent_bytes == len(json.dumps(found.text)) > len(found.text)

    assert staged(KEYED, *rows, most_bytes=found.sent_bytes) == found
    assert staged(KEYED, *rows, most_bytes=found.sent_bytes - 1) is None


@pytest.mark.parametrize("value", ['"a\\u0000"', '{"a":"\\u0000"}'])
def test_the_character_zero_does_not_travel(value: str) -> None:
    columns = TableColumns((ID, Column("v", "v", Kind.JSON if value.startswith("{") else Kind.STRING)), ("id",))

    assert staged(columns, f'{{"id":1,"v":{value}}}') is None
    assert staged(columns, '{"id":1,"v":"\\\\u000a"}') is not None


def test_rows_of_very_many_columns_do_not_travel() -> None:
    inner = tuple(Column(f"f{number}", f"f{number}", Kind.INT64) for number in range(MOST_COLUMNS - 2))
    most = TableColumns((ID, Column("v", "v", Kind.STRUCT, fields=inner)), ("id",))

    assert can_travel(most)
    assert not can_travel(TableColumns((*most.columns, Column("w", "w", Kind.INT64)), ("id",)))


def test_rows_may_have_no_column() -> None:
    found = staged(TableColumns((), ()), {"id": 1}, {"id": 2})
    assert found is not None
    assert json.loads(found.text) == [[None], [None]]
