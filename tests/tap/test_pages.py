"""Pages are taken apart into records that stay the bytes they came as."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_servicetitan.api.pages import CHUNK_BYTES, PageDecoder, newest, remove_line_breaks
from tap_servicetitan.output.record_messages import LINES_AT_ONCE, record_lines

decoder = PageDecoder(["id"], "modifiedOn")

AWKWARD = (
    b'{"id":9007199254740993,"money":1.10,"tiny":1e-7,"modifiedOn":null,'
    b'"text":"\\n\\u2028\xe2\x80\xa8 \xf0\x9f\x98\x80"}'
)


def list_body(*records: bytes, more: bytes = b"false", total: bytes = b"2") -> bytes:
    return b'{"page":1,"pageSize":5,"hasMore":%b,"totalCount":%b,"data":[%b]}' % (more, total, b",".join(records))


def lines_of(body: bytes, version: int | None = 7) -> list[bytes]:
    return b"".join(record_lines("things", decoder.list_page(body), version)).splitlines()


def test_list_page() -> None:
    page = decoder.list_page(
        list_body(b'{"id":1,"modifiedOn":"2024-01-02T00:00:00Z"}', b'{"id":2}', more=b"true", total=b"9")
    )
    assert page.keys == [1, 2]
    assert page.newest == "2024-01-02T00:00:00Z"
    assert page.has_more
    assert page.total_count == 9


def test_the_lines_of_a_page_are_made_some_at_a_time() -> None:
    count = 2 * LINES_AT_ONCE + 1
    page = decoder.list_page(list_body(*(b'{"id":%d}' % number for number in range(count))))
    blocks = list(record_lines("things", page, None))
    assert [piece.count(b"\n") for piece in blocks] == [LINES_AT_ONCE, LINES_AT_ONCE, 1]
    assert [json.loads(line)["record"]["id"] for line in b"".join(blocks).splitlines()] == list(range(count))


def test_a_page_may_lack_its_total() -> None:
    assert decoder.list_page(b'{"hasMore":false,"data":[]}').total_count is None


def test_export_page() -> None:
    page = decoder.export_page(b'{"hasMore":true,"continueFrom":"abc==","data":[{"id":"k"}]}')
    assert (page.keys, page.newest, page.has_more, page.continue_from) == (["k"], None, True, "abc==")


def test_key_and_cursor_are_found_by_the_names_of_the_row() -> None:
    page = PageDecoder(["code"], "changed").list_page(
        list_body(b'{"id":1,"code":"a","changed":"2024-01-01T00:00:00Z"}')
    )
    assert (page.keys, page.newest) == (["a"], "2024-01-01T00:00:00Z")


def test_a_key_may_have_several_fields_and_a_record_no_time() -> None:
    page = PageDecoder(["jobId", "code"], None).list_page(list_body(b'{"code":"a","jobId":1,"cursor":"x"}'))
    assert (page.keys, page.newest) == ([(1, "a")], None)


def test_half_characters_become_whole_ones_and_nothing_else_changes() -> None:
    half = rb'{"id":1,"x":"\ud800 \ud83d\ude00 \\ud800 \u0041","n":1.10}'
    whole = rb'{"id":1,"x":"\ufffd \ud83d\ude00 \\ud800 \u0041","n":1.10}'
    for body in (list_body(half), list_body(half).replace(b",", b",\n")):
        assert list(map(bytes, decoder.list_page(body).records)) == [whole]
    pairs = half.replace(rb"\ud800 ", b"", 1)
    assert list(map(bytes, decoder.list_page(list_body(pairs)).records)) == [pairs]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        list_body(AWKWARD)[:-3],
        list_body(b'{"id":1,"x":tru}'),
        list_body(b'{"id":1,"x":NaN}'),
        list_body(b'{"id":1,"x":01}'),
    ],
)
def test_what_is_not_json_may_pass(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError) as caught:
        decoder.list_page(body)
    assert not isinstance(caught.value, msgspec.ValidationError)


@pytest.mark.parametrize(
    "body", [b"null", b"{}", b'{"error":"x"}', list_body(b'{"name":"no key"}'), list_body(b'{"id":null}')]
)
def test_json_of_another_shape_does_not_pass(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        decoder.list_page(body)


@pytest.mark.parametrize("position", [0, CHUNK_BYTES - 1, CHUNK_BYTES * 2])
def test_text_that_is_not_utf8_is_noticed(position: int) -> None:
    body = bytearray(list_body(b'{"id":1,"x":"%b"}' % (b"a" * CHUNK_BYTES * 3)))
    body[80 + position] = 0xFF
    with pytest.raises(UnicodeDecodeError):
        decoder.list_page(bytes(body))


def test_text_across_the_pieces_of_the_check_is_fine() -> None:
    body = list_body(b'{"id":1,"x":"%b"}' % ("\N{GRINNING FACE}".encode() * CHUNK_BYTES))
    assert decoder.list_page(body).keys == [1]


def test_records_stay_the_bytes_they_came_as() -> None:
    (line,) = lines_of(list_body(AWKWARD))
    assert b'"record":' + AWKWARD + b"," in line


def test_a_line_is_a_record_message() -> None:
    page = decoder.list_page(list_body(b'{"id":1}', b'{"id":2}'))
    first, second = map(json.loads, b"".join(record_lines("things", page, 7)).splitlines())
    assert first == {
        "type": "RECORD",
        "stream": "things",
        "record": {"id": 1},
        "version": 7,
        "time_extracted": page.extracted_at.isoformat().replace("+00:00", "Z"),
    }
    assert second == first | {"record": {"id": 2}}


def test_no_version_outside_of_a_pass() -> None:
    (line,) = lines_of(list_body(b'{"id":1}'), version=None)
    assert "version" not in json.loads(line)


def test_no_records_no_lines() -> None:
    assert lines_of(list_body()) == []


def test_indentation_does_not_break_lines() -> None:
    body = json.dumps(json.loads(list_body(b'{"id":1,"a":{"b":[1,2]},"t":"x\\r\\ny"}')), indent=2).replace("\n", "\r\n")
    (line,) = lines_of(body.encode())
    assert json.loads(line)["record"] == {"id": 1, "a": {"b": [1, 2]}, "t": "x\r\ny"}


def test_removing_line_breaks_keeps_the_digits() -> None:
    assert remove_line_breaks(b'{\n "a": 1.10,\n "b": 1E5\n}') == b'{"a":1.10,"b":1E5}'


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    records=st.lists(st.dictionaries(st.text(), json_values, max_size=4), max_size=4),
    indent=st.sampled_from([None, 2]),
    ascii_only=st.booleans(),
)
def test_any_record_comes_out_as_it_went_in(
    records: list[dict[str, Any]], indent: int | None, *, ascii_only: bool
) -> None:
    records = [record | {"id": number, "modifiedOn": None} for number, record in enumerate(records)]
    body = json.dumps({"hasMore": False, "data": records}, indent=indent, ensure_ascii=ascii_only)
    lines = b"".join(record_lines("things", decoder.list_page(body.encode()), 1)).split(b"\n")
    assert lines.pop() == b""
    assert [json.loads(line)["record"] for line in lines] == records


def test_newest_compares_whole_seconds() -> None:
    assert newest([]) is None
    assert newest([None, ""]) is None
    assert newest(["2024-01-01T00:00:01Z", "2024-01-01T00:00:00.9999999Z", None]) == "2024-01-01T00:00:01Z"
