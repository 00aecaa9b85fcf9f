"""The text of strings and of JSON values."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.target.values import refuses, value_of
from target_bigquery_softdelete.records.json_text import json_text, json_text_of_raw
from target_bigquery_softdelete.records.values import parse_record
from target_bigquery_softdelete.schema.columns import Kind


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
def test_a_string_accepts_every_text_and_scalars(text: str, value: str) -> None:
    assert value_of(Kind.STRING, text) == value
    value_of(Kind.STRING, text).encode()


@pytest.mark.parametrize("text", ["{}", "[]", '["a"]'])
def test_a_string_accepts_no_object_and_no_array(text: str) -> None:
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
    if "\\ud8" not in raw:  # the native path leaves these to the row path
        assert json_text_of_raw(raw.encode()) == text


@pytest.mark.parametrize("raw", ["1e309", "[NaN]", "1" * 400, "[" * 501 + "]" * 501])
def test_json_that_bigquery_cannot_store_is_refused(raw: str) -> None:
    refuses(Kind.JSON, raw)
    with pytest.raises(ValueError):  # noqa: PT011 - any of them
        json_text_of_raw(raw.encode())


@settings(max_examples=200)
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
