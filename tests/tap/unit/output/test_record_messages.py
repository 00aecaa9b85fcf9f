"""RECORD messages hold the records as the bytes that they came as, one per line."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from support.tap.pages import AWKWARD, list_body
from tap_servicetitan.api.pages import PageDecoder
from tap_servicetitan.output.record_messages import LINES_AT_ONCE, record_lines

decoder = PageDecoder(["id"], "modifiedOn")


def lines_of(body: bytes, version: int | None = 7) -> list[bytes]:
    return b"".join(record_lines("things", decoder.list_page(body), version)).splitlines()


def test_the_lines_of_a_page_are_made_some_at_a_time() -> None:
    count = 2 * LINES_AT_ONCE + 1
    page = decoder.list_page(list_body(*(b'{"id":%d}' % number for number in range(count))))
    blocks = list(record_lines("things", page, None))
    assert [piece.count(b"\n") for piece in blocks] == [LINES_AT_ONCE, LINES_AT_ONCE, 1]
    assert [json.loads(line)["record"]["id"] for line in b"".join(blocks).splitlines()] == list(range(count))


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


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@example(records=[{" ": []}, {"": {}}], indent=None, ascii_only=False)  # names that no stream asks for
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
