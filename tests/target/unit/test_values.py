"""What is accepted for a column, and what becomes of it."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_bigquery_softdelete.errors import InvalidValueError, NeedsBigNumericError
from target_bigquery_softdelete.records.values import convert_record, json_text, json_text_of_raw, parse_record
from target_bigquery_softdelete.schema.columns import Column, Kind

UTC = dt.UTC


def value_of(kind: Kind, text: str) -> Any:  # noqa: ANN401
    """Return the value of a column whose JSON text is this."""
    return convert_record(parse_record(f'{{"v":{text}}}'.encode()), [Column("v", "c", kind)])["c"]


def refuses(kind: Kind, text: str) -> None:
    with pytest.raises(InvalidValueError, match="`v` must be "):
        value_of(kind, text)


@pytest.mark.parametrize("kind", Kind)
def test_null_and_an_absent_property_are_null(kind: Kind) -> None:
    assert value_of(kind, "null") is None
    assert convert_record({}, [Column("v", "c", kind)]) == {"c": None}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-05-06T07:08:09Z", dt.datetime(2024, 5, 6, 7, 8, 9, 0, UTC)),
        ("2024-05-06T07:08:09", dt.datetime(2024, 5, 6, 7, 8, 9, 0, UTC)),
        ("2024-05-06 07:08", dt.datetime(2024, 5, 6, 7, 8, 0, 0, UTC)),
        ("2024-05-06", dt.datetime(2024, 5, 6, 0, 0, 0, 0, UTC)),
        ("2024-05-06T07:08:09.1", dt.datetime(2024, 5, 6, 7, 8, 9, 100000, UTC)),
        ("2024-05-06T07:08:09.12345Z", dt.datetime(2024, 5, 6, 7, 8, 9, 123450, UTC)),
        ("2024-05-06T07:08:09.9999999Z", dt.datetime(2024, 5, 6, 7, 8, 9, 999999, UTC)),
        ("2024-05-06T07:08:09.123456789Z", dt.datetime(2024, 5, 6, 7, 8, 9, 123456, UTC)),
        ("2024-05-06T07:08:09+01:30", dt.datetime(2024, 5, 6, 5, 38, 9, 0, UTC)),
        ("2024-05-06T07:08:09-0700", dt.datetime(2024, 5, 6, 14, 8, 9, 0, UTC)),
        ("2024-05-06T07:08:09+01", dt.datetime(2024, 5, 6, 6, 8, 9, 0, UTC)),
        ("2024-12-31T23:59:60Z", dt.datetime(2025, 1, 1, 0, 0, 0, 0, UTC)),
        ("2024-05-06T24:00:00", dt.datetime(2024, 5, 7, 0, 0, 0, 0, UTC)),
        ("0001-01-01T00:00:00", dt.datetime(1, 1, 1, 0, 0, 0, 0, UTC)),
        ("9999-12-31T23:59:59.9999999", dt.datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)),
    ],
)
def test_a_timestamp_is_utc_with_microseconds(text: str, moment: dt.datetime) -> None:
    assert value_of(Kind.TIMESTAMP, f'"{text}"') == moment


@pytest.mark.parametrize(
    "text",
    [
        *('""', '"soon"', "1715000000", "true", '"2024-02-30"', '"2024-13-01"', '"2024-05-06T25:00:00"', '"20240506"'),
        *('"2024-05-06T24:00:01"', '"2024-05-06T07:60:00"', '"2024-05-06T07:08:61"', '"10000-01-01T00:00:00Z"'),
        *(
            '"0000-01-01T00:00:00Z"',
            '"0001-01-01T00:00:00+01:00"',
            '"9999-12-31T23:59:59-01:00"',
            '"9999-12-31T24:00:00"',
        ),
    ],
)
def test_what_is_no_time_of_bigquery_is_refused(text: str) -> None:
    refuses(Kind.TIMESTAMP, text)


def test_a_date_may_come_as_midnight_but_not_with_a_time() -> None:
    assert value_of(Kind.DATE, '"2024-05-06"') == dt.date(2024, 5, 6)
    assert value_of(Kind.DATE, '"2024-05-06T00:00:00Z"') == dt.date(2024, 5, 6)
    refuses(Kind.DATE, '"2024-05-06T00:00:01Z"')


def test_a_time_is_one_of_a_day() -> None:
    assert value_of(Kind.TIME, '"07:08:09.1234567"') == dt.time(7, 8, 9, 123456)
    assert value_of(Kind.TIME, '"07:08"') == dt.time(7, 8)
    for text in ('"24:00:00"', '"23:59:60"', '"7:08"', '"07:08+01:00"', "7"):
        refuses(Kind.TIME, text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("7.0", 7),
        ("12e1", 120),
        ("70e-1", 7),
        ('"7"', 7),
    ],
)
def test_whole_numbers_are_integers(text: str, value: int) -> None:
    assert value_of(Kind.INT64, text) == value


@pytest.mark.parametrize(
    "text", ["9223372036854775808", "-9223372036854775809", "1.5", '"1.5"', "true", '""', '"7 "', "[]", "1e999999999"]
)
def test_what_is_no_64_bit_integer_is_refused(text: str) -> None:
    refuses(Kind.INT64, text)


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1.0), ("0.1", 0.1), ('"1e-3"', 0.001), ("1e-999999999", 0.0), ("5e-324", 5e-324)]
)
def test_numbers_are_floats(text: str, value: float) -> None:
    assert value_of(Kind.FLOAT64, text) == value


@pytest.mark.parametrize(("text", "value"), [("NaN", math.nan), ("Infinity", math.inf), ("-Infinity", -math.inf)])
def test_only_floats_take_what_json_does_not_have(text: str, value: float) -> None:
    assert repr(value_of(Kind.FLOAT64, text)) == repr(value)
    for kind in set(Kind) - {Kind.FLOAT64, Kind.STRUCT}:
        refuses(kind, text)


@pytest.mark.parametrize("text", ["1e309", '"1e309"', '"NaN"', '"inf"', "true", '"1,5"', "1" * 400])
def test_what_is_no_finite_number_is_refused(text: str) -> None:
    refuses(Kind.FLOAT64, text)


@pytest.mark.parametrize(
    "text",
    [
        *("9" * 29 + "." + "9" * 9, "-" + "9" * 29 + "." + "9" * 9, "0." + "0" * 8 + "1", "1.10", "1e28", "1e-9", "0"),
        *("1." + "0" * 60, "0e-999999999", "0e999999999", "1" + "0" * 10 + "e-15", "12345678901234567890.123456789"),
    ],
)
def test_a_decimal_keeps_every_digit(text: str) -> None:
    value = value_of(Kind.NUMERIC, text)
    assert value == Decimal(text)
    assert value.as_tuple().exponent == -9  # what Arrow takes without rescaling


@pytest.mark.parametrize("text", ["1.10", "-0.000000001", "+1", ".5", "5.", "1e28"])
def test_a_decimal_may_come_as_text(text: str) -> None:
    assert value_of(Kind.NUMERIC, f'"{text}"') == Decimal(text)


@pytest.mark.parametrize("text", ["1" + "0" * 29, "-1e29", "0." + "0" * 9 + "1", "9" * 38 + "." + "9" * 38, "1e-38"])
def test_a_decimal_with_more_digits_needs_bignumeric(text: str) -> None:
    with pytest.raises(NeedsBigNumericError) as caught:
        value_of(Kind.NUMERIC, text)
    assert caught.value.place == "v"
    assert value_of(Kind.BIGNUMERIC, text) == Decimal(text)


@pytest.mark.parametrize("kind", [Kind.NUMERIC, Kind.BIGNUMERIC])
@pytest.mark.parametrize(
    "text", ["1e38", "1e-39", "1e999999999", "1e-999999999", "NaN", "true", '""', '"1,5"', '"NaN"', "1" * 4300, "{}"]
)
def test_a_decimal_that_bigquery_does_not_hold_is_refused(kind: Kind, text: str) -> None:
    refuses(kind, text)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text", ["1e999999999999999999", "1e-999999999999999999", "1e99999999999999999999", "1" * 5000]
)
@pytest.mark.parametrize("kind", [Kind.INT64, Kind.FLOAT64, Kind.NUMERIC, Kind.BIGNUMERIC, Kind.STRING, Kind.JSON])
def test_a_number_of_any_size_is_decided_at_once(kind: Kind, text: str) -> None:
    with contextlib.suppress(ValueError):  # refused, and at once
        value_of(kind, text)


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False), ('"TRUE"', True), ('"false"', False)])
def test_true_and_false_are_booleans(text: str, value: bool) -> None:  # noqa: FBT001
    assert value_of(Kind.BOOL, text) is value


@pytest.mark.parametrize("text", ["0", "1", '"yes"', '""', "[]"])
def test_what_is_neither_true_nor_false_is_refused(text: str) -> None:
    refuses(Kind.BOOL, text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"a\\u0000b"', "a\0b"),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ('"x\\ud800y"', "x\ufffdy"),
        ('"\\udc00\\ud800"', "\ufffd\ufffd"),
        ('"\\u0009 \\" \\\\"', '\t " \\'),
        ("12345678901234567890123", "12345678901234567890123"),
        ("1.10", "1.10"),
        ("true", "true"),
    ],
)
def test_a_string_takes_every_text_and_scalars(text: str, value: str) -> None:
    assert value_of(Kind.STRING, text) == value
    value_of(Kind.STRING, text).encode()


@pytest.mark.parametrize("text", ["{}", "[]", '["a"]'])
def test_a_string_takes_no_object_and_no_array(text: str) -> None:
    refuses(Kind.STRING, text)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ('{ "b" : 1, "a" : [ 1.50, null, true ] }', '{"a":[1.5,null,true],"b":1}'),
        ('"\\u00e9\\/"', '"é/"'),
        ('{"z":{"b":1,"a":2}}', '{"z":{"a":2,"b":1}}'),
        ('{"a":1,"a":2}', '{"a":2}'),
        ("18446744073709551615", "18446744073709551615"),
        ("[18446744073709551616]", "[1.8446744073709552e19]"),
        ("0.1000", "0.1"),
        ("1e2", "100.0"),
        ('"\\ud800"', '"\ufffd"'),
        ('{"\\ud800":1}', '{"\ufffd":1}'),
    ],
)
def test_a_json_value_has_one_text(raw: str, text: str) -> None:
    assert value_of(Kind.JSON, raw) == text
    if "\\ud8" not in raw:  # the native way leaves those to the other one
        assert json_text_of_raw(raw.encode()) == text


@pytest.mark.parametrize("raw", ["1e309", "[NaN]", "1" * 400, "[" * 501 + "]" * 501])
def test_what_json_of_bigquery_does_not_hold_is_refused(raw: str) -> None:
    refuses(Kind.JSON, raw)
    with pytest.raises(ValueError):  # noqa: PT011 - any of them
        json_text_of_raw(raw.encode())


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.text()
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_the_text_of_a_json_value_reads_back_and_does_not_depend_on_order(value: object) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    shuffled = json.dumps(value, sort_keys=True)
    assert json_text_of_raw(shuffled.encode()) == text
    assert json_text(parse_record(b'{"v":%b}' % shuffled.encode())["v"]) == text


@pytest.mark.parametrize("raw", [b"[]", b"1", b'"x"', b"null"])
def test_a_record_is_an_object(raw: bytes) -> None:
    with pytest.raises(InvalidValueError, match="`record` must be an object, but is"):
        parse_record(raw)


@pytest.mark.parametrize("raw", [b"", b"{", b'{"a":1}{', b'{"a":"\xff"}', b'{"a":' + b"[" * 100_000, b'{"a":1e1e1}'])
def test_what_is_no_json_is_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any of them
        parse_record(raw)
