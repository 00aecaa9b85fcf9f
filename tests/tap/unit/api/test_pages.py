"""Pages are split into records that stay the bytes that they came as."""

from __future__ import annotations

import msgspec
import pytest

from support.tap.pages import AWKWARD, list_body
from tap_servicetitan.api.pages import CHUNK_BYTES, NOTHING, NoKey, PageDecoder, newest, remove_line_breaks

decoder = PageDecoder(["id"], "modifiedOn")


def test_list_page() -> None:
    page = decoder.list_page(
        list_body(b'{"id":1,"modifiedOn":"2024-01-02T00:00:00Z"}', b'{"id":2}', more=b"true", total=b"9")
    )
    assert page.keys == [1, 2]
    assert page.newest == "2024-01-02T00:00:00Z"
    assert page.has_more
    assert page.total_count == 9


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
        b" ",
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


def test_a_record_whose_key_cannot_be_read_comes_with_the_others() -> None:
    records = [
        b'{"id":1,"modifiedOn":"2026-01-02T00:00:00Z"}',
        b'{"id":null}',
        b'{"name":"x"}',
        b'{"id":[]}',
        b'{"id":5}',
    ]
    page = decoder.list_page(list_body(*records))

    assert [bytes(record) for record in page.records] == records
    assert [page.keys[0], page.keys[4]] == [1, 5]
    assert all(isinstance(key, NoKey) for key in page.keys[1:4])
    assert len(set(page.keys)) == 5
    assert page.keys == decoder.list_page(list_body(*records)).keys
    assert (page.newest, page.broken) == ("2026-01-02T00:00:00Z", 0)


@pytest.mark.parametrize("nothing", [b"null", b"7", b'"x"', b"[]"])
def test_what_is_no_record_is_left_out_and_counted(nothing: bytes) -> None:
    page = decoder.list_page(list_body(b'{"id":1}', nothing, b'{"id":2}'))
    assert (page.keys[0], page.keys[2], len(page.records), page.broken) == (1, 2, 2, 1)


EMPTY = b'{"page":1,"pageSize":5,"hasMore":false,"totalCount":null,"data":null}'


@pytest.mark.parametrize("body", [NOTHING, EMPTY])
def test_nothing_is_a_page_without_records(body: bytes) -> None:
    page = decoder.list_page(body)
    assert (page.records, page.keys, page.has_more, page.total_count) == ([], [], False, None)


def test_a_feed_with_nothing_has_no_token() -> None:
    for body in (NOTHING, b'{"hasMore":false,"data":null}', b'{"hasMore":false,"continueFrom":null,"data":[]}'):
        page = decoder.export_page(body)
        assert (page.records, page.has_more, page.continue_from) == ([], False, None)


@pytest.mark.parametrize("body", [b"null", b"{}", b'{"error":"x"}'])
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


def test_removing_line_breaks_keeps_the_digits() -> None:
    assert remove_line_breaks(b'{\n "a": 1.10,\n "b": 1E5\n}') == b'{"a":1.10,"b":1E5}'


def test_newest_compares_whole_seconds() -> None:
    assert newest([]) is None
    assert newest([None, ""]) is None
    assert newest(["2024-01-01T00:00:01Z", "2024-01-01T00:00:00.9999999Z", None]) == "2024-01-01T00:00:01Z"
