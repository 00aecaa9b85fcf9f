"""A value of a key is kept one to one, or its record is refused: two rows of the source must not become one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from target_bigquery_softdelete.errors import InvalidRecordError, NeedsBigNumericError
from target_bigquery_softdelete.records.block_converter import BlockConverter
from target_bigquery_softdelete.schema.columns import Column, Kind, TableColumns

if TYPE_CHECKING:
    import pyarrow as pa

MOMENT = "2024-05-06T07:08:09"

KEPT = {
    Kind.INT64: ["9007199254740993", "-9223372036854775808", "1.0", '"7"', '"-7"', '"0"'],
    Kind.FLOAT64: [
        *("9007199254740992", "-9007199254740991", "9007199254740994", "1152921504606846976", "0", "-0.0", "1.50"),
        *("0.1", "123456789012.345", "1e22", "5e-324", '"0.1"', "2.5e-3", "1e3"),
    ],
    Kind.NUMERIC: ["9007199254740993", "0.1", "1.500", '"1.50"', '"0.5"', '"-0.5"', "12345678901234567890.123456789"],
    Kind.BIGNUMERIC: ["0.00000000000000000000000000000000000001", '"10"'],
    Kind.BOOL: ["true", '"TRUE"'],
    Kind.STRING: ['"\\u00e9"', '"e\\u0301"', '"\\ud83d\\ude00"', '"007"', '"\\ufffd"', '"A-1"'],
    Kind.TIMESTAMP: [f'"{MOMENT}{rest}"' for rest in ("", "Z", "+01:00", ".123456000Z", ".1234560", ",5", ".0000000")],
    Kind.DATE: ['"2024-05-06"', '"2024-05-06T00:00:00.000000000Z"', '"2024-05-05T24:00:00"'],
    Kind.TIME: ['"07:08:09.123456000"', '"07:08"', '"07:08:09.1"'],
}

LOST = {
    Kind.INT64: ['"007"', '"+7"', '"-07"', '"00"'],
    Kind.FLOAT64: [
        *("9007199254740993", "-9007199254740993", "9007199254740993.0", "1152921504606847000", "1e23", "1.5e300"),
        *("0.10000000000000000555", "0.12345678901234567890", "1e-400", "4.9e-324", "9007199254740992.5", '"00.1"'),
        *('"9007199254740993"', "5.00000000000000000001", '"+1"', "1.2345678901234567e-310"),
    ],
    Kind.NUMERIC: ['"007"', '"+1.5"', '"-01"'],
    Kind.BIGNUMERIC: ['"007"'],
    Kind.STRING: ['"\\ud800"', '"a\\udc00"'],
    Kind.TIMESTAMP: [
        *(f'"{MOMENT}{rest}"' for rest in (".1234567Z", ".123456001", ",1234569+01:00", ".0000001")),
        '"2024-12-31T23:59:60Z"',
    ],
    Kind.DATE: ['"2024-05-06T00:00:00.0000001Z"'],
    Kind.TIME: ['"07:08:09.1234567"', '"07:08:60"'],
}


def blocks(kind: Kind, *, rejects: bool = False) -> BlockConverter:
    return BlockConverter(TableColumns((Column("key", "key", kind),), ("key",)), "jobs", rejects=rejects)


def both_paths(kind: Kind, value: str) -> list[pa.Table | None]:
    """Return the table that each path makes of one record, or nothing where it makes none."""
    raw = b'{"key":%b}\n' % value.encode()
    try:
        by_record = blocks(kind).convert_by_record(raw)[0]
    except (InvalidRecordError, NeedsBigNumericError):
        by_record = None
    return [blocks(kind).convert_natively(raw), by_record]


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in KEPT.items() for value in values])
def test_what_is_kept_one_to_one_is_taken(kind: Kind, value: str) -> None:
    native, by_record = both_paths(kind, value)

    assert by_record is not None
    assert native is None or native.to_pylist() == by_record.to_pylist()


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in LOST.items() for value in values])
def test_what_would_lose_something_is_refused_by_both_paths(kind: Kind, value: str) -> None:
    assert both_paths(kind, value) == [None, None]


ORDINARY = {
    Kind.FLOAT64: ["1.5", "123456789"],
    Kind.NUMERIC: ["1.5"],
    Kind.TIMESTAMP: [f'"{MOMENT}.123456Z"', f'"{MOMENT}.123456000Z"'],
    Kind.TIME: ['"07:08:09.123456000"'],
    Kind.STRING: ['"e\\u0301"'],
}


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in ORDINARY.items() for value in values])
def test_ordinary_keys_take_the_native_path(kind: Kind, value: str) -> None:
    native, _ = both_paths(kind, value)

    assert native is not None


@pytest.mark.parametrize(
    ("kind", "value", "loss", "declaration"),
    [
        (Kind.FLOAT64, "9007199254740993", "digits as FLOAT64", 'an integer, a string, or with `"format": "decimal"`'),
        (Kind.TIME, "07:08:09.1234567", "what is finer than a microsecond", "a string without a format"),
        (Kind.INT64, "007", "zeros or a sign before the number as INT64", "a string"),
    ],
)
def test_the_line_names_stream_key_and_what_to_do(kind: Kind, value: str, loss: str, declaration: str) -> None:
    with pytest.raises(InvalidRecordError) as caught:
        blocks(kind).convert(b'{"key":"%b"}\n' % value.encode(), 0)

    assert str(caught.value) == (
        f"jobs: record key={value}: the key `key` would lose {loss}, and become the same as another key. "
        f"Declare it as {declaration}."
    )


def test_such_a_record_may_go_to_the_quarantine_and_the_others_land() -> None:
    lines = (json.dumps({"key": number}).encode() for number in (9007199254740992, 9007199254740993, 1))

    converted = blocks(Kind.FLOAT64, rejects=True).convert(b"\n".join(lines) + b"\n", 0)

    assert converted.table.column("key").to_pylist() == [9007199254740992, 1]
    assert [rejected.raw for rejected in converted.rejected] == [b'{"key": 9007199254740993}']


def test_only_a_key_is_so_strict() -> None:
    columns = TableColumns((Column("key", "key", Kind.INT64), Column("at", "at", Kind.TIMESTAMP)), ("key",))

    table = BlockConverter(columns, "jobs").convert(f'{{"key":1,"at":"{MOMENT}.1234567"}}\n'.encode(), 0).table

    assert table.num_rows == 1
