"""Singer messages read from a pipe."""

from __future__ import annotations

import io
import json
import os
import sys
import tracemalloc
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, cast

import pytest

from target_bigquery_softdelete.errors import BadInputError
from target_bigquery_softdelete.plugin_runtime.compat import override
from target_bigquery_softdelete.singer.jsonl import CHUNK_BYTES
from target_bigquery_softdelete.singer.lenient_json import encode_record
from target_bigquery_softdelete.singer.reader import BlockReader, RecordBatch

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

KINDS = ("RECORD", "SCHEMA", "STATE", "ACTIVATE_VERSION", "BATCH")

TOO_DEEP = '{"type":"RECORD","stream":"a","record":' + "[" * 20_000 + "]" * 20_000 + "}"

STATE = '{"type":"STATE","value":{"bookmarks":{}}}'


LIMIT = 3 * CHUNK_BYTES


class Received:
    """The messages that a reader passed on."""

    def __init__(self, data: bytes | str | IO[bytes]) -> None:
        self.messages: list[dict[str, Any]] = []
        self.reader = BlockReader()
        self.reader.longest_line = LIMIT
        self._file = (
            io.BytesIO(data) if isinstance(data, bytes) else io.StringIO(data) if isinstance(data, str) else data
        )
        self.counts: Counter[str] = self.reader.process_lines(
            cast("IO[bytes]", self._file), dict.fromkeys(KINDS, self.messages.append)
        )

    @property
    def records(self) -> list[tuple[str, int | None, list[Any]]]:
        """Stream, version and records of each batch."""
        batches = [message for message in self.messages if isinstance(message, RecordBatch)]
        return [
            (batch["stream"], batch["version"], [json.loads(bytes(raw)) for raw in batch["records"]])
            for batch in batches
        ]


def record(stream: str, value: Any, version: int | None = None) -> str:  # noqa: ANN401
    return json.dumps(
        {"type": "RECORD", "stream": stream, "record": {"v": value}, **({"version": version} if version else {})}
    )


def lines(*messages: str, end: str = "\n") -> str:
    return "".join(message + end for message in messages)


class Trickle(io.RawIOBase):
    """A pipe that gives a few bytes at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        super().__init__()
        self._data = io.BytesIO(data)
        self._step = step

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any) -> int:
        piece = self._data.read(min(self._step, len(buffer)))
        buffer[: len(piece)] = piece
        return len(piece)


MESSAGES = lines(
    '{"type":"SCHEMA","stream":"a","schema":{"properties":{}},"key_properties":["id"],"bookmark_properties":["at"]}',
    record("a", "é\n\u2028"),
    record("a", 2),
    record("b", 3),
    record("a", 4),
    STATE,
    record("a", 5, version=1),
    record("a", 6, version=2),
    '{"type":"ACTIVATE_VERSION","stream":"a","version":2}',
    '{"type":"BATCH","stream":"a","encoding":{"format":"jsonl"},"manifest":["file:///x"]}',
)


def test_consecutive_records_come_together_and_other_messages_in_order() -> None:
    received = Received(MESSAGES.encode())
    assert [message["type"] for message in received.messages] == [
        *("SCHEMA", "RECORD", "RECORD", "RECORD", "STATE", "RECORD", "RECORD", "ACTIVATE_VERSION", "BATCH")
    ]
    assert received.records == [
        ("a", None, [{"v": "é\n\u2028"}, {"v": 2}]),
        ("b", None, [{"v": 3}]),
        ("a", None, [{"v": 4}]),
        ("a", 1, [{"v": 5}]),
        ("a", 2, [{"v": 6}]),
    ]
    assert received.counts == {"SCHEMA": 1, "RECORD": 6, "STATE": 1, "ACTIVATE_VERSION": 1, "BATCH": 1}


def test_other_messages_keep_their_fields() -> None:
    messages = [json.loads(line) for line in MESSAGES.splitlines()]
    assert [message for message in Received(MESSAGES.encode()).messages if message["type"] != "RECORD"] == [
        message for message in messages if message["type"] != "RECORD"
    ]


@pytest.mark.parametrize("value", [None, {}, {"bookmarks": {"a": {"id": 2**63, "ratio": 1.0, "none": None}}}])
def test_a_state_passes_unchanged(value: Any) -> None:  # noqa: ANN401
    (message,) = Received(json.dumps({"type": "STATE", "value": value})).messages
    assert json.loads(encode_record(message["value"])) == value


@pytest.mark.parametrize("step", [1, 7, 64])
def test_it_does_not_matter_where_a_chunk_ends(step: int) -> None:
    data = MESSAGES.encode()
    trickled = Received(cast("IO[bytes]", io.BufferedReader(Trickle(data, step), buffer_size=16)))
    values = [item["v"] for _, _, records in trickled.records for item in records]
    assert values == ["é\n\u2028", 2, 3, 4, 5, 6]
    assert trickled.counts == Received(data).counts


def test_text_and_bytes_are_read_alike() -> None:
    as_bytes, as_text = Received(MESSAGES.encode()), Received(MESSAGES)
    assert as_text.records == as_bytes.records
    wrapped = Received(cast("IO[bytes]", io.TextIOWrapper(io.BytesIO(MESSAGES.encode()), encoding="utf-8")))
    assert wrapped.records == as_bytes.records


def test_a_record_keeps_its_bytes() -> None:
    raw = '{ "price":1.10, "id":12345678901234567890 ,"text":"\\u00e9"}'
    (message,) = Received(f'{{"type":"RECORD","stream":"a","record":{raw}}}\n').messages
    assert [bytes(item) for item in message["records"]] == [raw.encode()]


@pytest.mark.parametrize(("step", "expected"), [(1, [1, 3, 4, 6, 7, 8, 9]), (10_000, [1, 4, 6, 7, 9])])
def test_a_message_knows_its_line_while_it_is_passed_on(step: int, expected: list[int]) -> None:
    text = lines(record("a", 1), "", record("a", 2), STATE, " ", STATE, record("b", 3), record("b", 4), STATE)
    reader = BlockReader()
    found: list[int] = []
    file = cast("IO[bytes]", Trickle(text.encode(), step))
    reader.process_lines(file, dict.fromkeys(KINDS, lambda _: found.append(reader.line)))
    assert found == expected


@pytest.mark.parametrize("end", ["\r\n", "\n\n", "\n \t\n"])
def test_blank_lines_and_carriage_returns_are_no_messages(end: str) -> None:
    received = Received("\n" + lines(record("a", 1), record("a", 2), STATE, end=end))
    assert [item["v"] for _, _, records in received.records for item in records] == [1, 2]
    assert received.counts == {"RECORD": 2, "STATE": 1}


def test_the_last_line_needs_no_line_feed() -> None:
    received = Received(lines(record("a", 1)) + record("a", 2))
    assert received.counts == {"RECORD": 2}
    assert received.reader.cut_off is None


@pytest.mark.parametrize("length", [1, 20, 60])
def test_a_cut_off_last_line_is_noted_and_the_rest_is_passed_on(length: int) -> None:
    received = Received(lines(record("a", 1)) + record("a", "x" * 99)[:length])
    assert received.records == [("a", None, [{"v": 1}])]
    assert "Line 2 of the input is not a Singer message" in str(received.reader.cut_off)


def test_a_line_may_be_longer_than_a_chunk() -> None:
    text = "x" * (2 * CHUNK_BYTES + 1)
    received = Received(lines(record("a", 1), record("a", text), record("a", 2)).encode())
    assert [item["v"] for _, _, records in received.records for item in records] == [1, text, 2]


def test_the_number_of_a_bad_line_counts_all_lines_of_all_chunks() -> None:
    filler = record("a", "x" * 1000)
    good = CHUNK_BYTES // len(filler) * 3
    with pytest.raises(BadInputError, match=f"Line {good + 2} of the input is not a Singer message"):
        Received(("\n" + lines(*[filler] * good, "{not json", filler)).encode())


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[]",
        "1",
        "{}",
        '{"type":1}',
        '{"stream":"a","record":{}}',
        '{"type":"STATE","value":{"at":NaN}}',
        '{"type":"RECORD","stream":"a","record":{"v":nan}}',
        '{"type":"RECORD","stream":"a","version":"one","record":{}}',
        # Python 3.14 reads past it, and the value is refused when it is converted.
        *([TOO_DEEP] if sys.version_info < (3, 14) else []),
    ],
)
def test_a_line_that_is_not_a_message_is_an_error_with_its_number(line: str) -> None:
    with pytest.raises(BadInputError, match="Line 2 of the input is not a Singer message"):
        Received(lines(STATE, line, STATE))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"type":"RECORD","stream":"a"}', "of the type RECORD without `record`"),
        ('{"type":"RECORD","record":{}}', "of the type RECORD without `stream`"),
        ('{"type":"SCHEMA","stream":"a"}', "of the type SCHEMA without `schema`"),
        ('{"type":"STATE"}', "of the type STATE without `value`"),
        ('{"type":"ACTIVATE_VERSION"}', "of the type ACTIVATE_VERSION without `stream`"),
        ('{"type":"BATCH","stream":"a","encoding":{}}', "of the type BATCH without `manifest`"),
        ('{"type":"NONSENSE"}', "of the unknown type `NONSENSE`"),
        (
            '{"type":"RECORD","stream":"a","record":{},"version":1.5}',
            "of the type RECORD with a `version` that is no whole number",
        ),
    ],
)
@pytest.mark.parametrize("before", [record("a", 1), '{"type":"RECORD","stream":"a","record":{"v":NaN}}'])
def test_a_message_without_a_required_field_is_an_error_with_its_line(line: str, problem: str, before: str) -> None:
    with pytest.raises(BadInputError, match=f"Line 4 of the input is a message {problem}"):
        Received("\n" + lines(before, STATE, line, record("a", 1)))


def test_nan_and_infinity_stay_in_a_record() -> None:
    raw = r'{"a":NaN,"b":[-Infinity,Infinity],"c":"NaN \" -Infinity \\","d":{"NaN":1.10}, "e":12345678901234567890}'
    received = Received(lines(record("a", 1), f'{{"type":"RECORD","stream":"a","record":{raw}}}', record("a", 2)))
    (message,) = received.messages
    assert [bytes(item) for item in message["records"]] == [b'{"v": 1}', raw.encode(), b'{"v": 2}']


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"\ud800", "\ufffd"),
        (r"a\uDFFFb", "a\ufffdb"),
        (r"\ud83d\ude00", "\U0001f600"),
        (r"\ud83d\ud83d\ude00\\ud800\u0041", "\ufffd\U0001f600\\ud800A"),
    ],
)
def test_half_a_character_becomes_the_replacement_character(text: str, value: str) -> None:
    received = Received(f'{{"type":"RECORD","stream":"a","record":{{"v":"{text}","w":"\\ud800"}}}}\n')
    assert received.records == [("a", None, [{"v": value, "w": "\ufffd"}])]


class Endless(io.RawIOBase):
    """A pipe that gives a message, and then a line that does not end."""

    def __init__(self, step: int) -> None:
        self.given = 0
        self._step = step

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any) -> int:
        data = f"{STATE}\n".encode() if self.given == 0 else b"x" * self._step
        buffer[: len(data)] = data
        self.given += len(data)
        return len(data)


@pytest.mark.parametrize("step", [64, 1 << 16])
def test_a_line_without_an_end_is_an_error_before_it_fills_the_memory(step: int) -> None:
    pipe = Endless(step)
    tracemalloc.start()
    with pytest.raises(
        BadInputError, match=r"Line 2 of the input is longer than 3145728 bytes\. .* `max_line_bytes`\.$"
    ):
        Received(cast("IO[bytes]", pipe))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert pipe.given < 2 * LIMIT
    assert peak < 4 * LIMIT


@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n" + STATE.encode()])
def test_the_longest_line_is_read(end: bytes) -> None:
    line = STATE.encode()
    whole = line + b" " * (LIMIT - len(line))
    assert Received(whole + end).counts["STATE"] == 1 + end.count(b"STATE")
    with pytest.raises(BadInputError, match="Line 1 of the input is longer"):
        Received(whole + b" " + end)


def test_a_reader_says_when_it_waits_and_does_not_when_it_passes_messages_on() -> None:
    noted: list[str] = []

    @contextmanager
    def waiting() -> Iterator[None]:
        noted.append("waits")
        yield
        noted.append("has")

    def write() -> None:
        os.write(writing, STATE.encode() + b"\n")
        os.close(writing)

    reader = BlockReader()
    reader.waiting = waiting
    reader.idle_timeout = lambda: 0.0
    reader.on_idle = write
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as file:
        reader.process_lines(file, {"STATE": lambda message: noted.append(message["type"])})
    waited = ["waits", "has"]
    # Once in vain, then for the line: until there is something, and until it is read; and so to the end.
    assert noted == [*waited, *waited, *waited, "STATE", *waited, *waited]


def test_each_of_many_messages_may_ask_for_its_line() -> None:
    count = 50_000  # asked anew from the beginning of the input, this takes minutes
    reader, found = BlockReader(), list[int]()
    file = io.BytesIO(b'{"type":"ACTIVATE_VERSION","stream":"a","version":1}\n\n' * count)
    reader.process_lines(file, dict.fromkeys(KINDS, lambda _: found.append(reader.line)))
    assert found == list(range(1, 2 * count, 2))


def test_a_state_may_be_nested_deep_but_not_without_end() -> None:
    def state_of(depth: int) -> str:
        return '{"type":"STATE","value":' + "[" * depth + "]" * depth + "}\n"

    # Python 3.12 reads less deep than the versions before and after it.
    assert len(Received(state_of(1000 if sys.version_info < (3, 13) else 5000)).messages) == 1
    with pytest.raises(
        BadInputError, match=r"Line 1 .* not a Singer message: (maximum recursion depth|Stack overflow)"
    ):
        Received(state_of(100_000))
