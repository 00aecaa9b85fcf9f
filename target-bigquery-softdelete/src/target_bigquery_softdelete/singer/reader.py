"""Reads Singer messages as bytes, without decoding the records.

It reads the input in chunks. Native code decodes each chunk as a whole, down to the type, stream and version of each
message; the record itself stays bytes. Consecutive records of one stream are passed on together.
"""

from __future__ import annotations

import io
import json
import select
import sys
from collections import Counter
from contextlib import nullcontext
from itertools import groupby
from operator import attrgetter
from typing import IO, TYPE_CHECKING, Any

import msgspec
from singer_sdk.io_base import GenericSingerReader, SingerMessageType

from target_bigquery_softdelete.errors import BadInputError, LongLineError
from target_bigquery_softdelete.plugin_runtime.compat import override
from target_bigquery_softdelete.singer.jsonl import UNREADABLE, available_reader, describe, number_lines, read_chunks
from target_bigquery_softdelete.singer.lenient_json import has_constants, mend, restore
from target_bigquery_softdelete.singer.read_ends import READ_MEMBER
from target_bigquery_softdelete.singer.version_numbers import whole_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


class _DeepMessageError(Exception):
    """A message is nested deeper than it can be read."""


class _IncompleteMessageError(ValueError):
    """A message lacks a field that its type requires. The line number is determined afterwards."""


LONGEST_SHOWN_TYPE = 50
"""Characters of an unknown message type that an error shows."""

LONGEST_INTEGER = 300
"""Characters of an integer that is decoded to one."""

_PLAIN = msgspec.json.Decoder()
_EXACT = msgspec.json.Decoder(float_hook=msgspec.Raw)

_REQUIRED: dict[str, tuple[str, ...]] = {
    SingerMessageType.RECORD: ("stream", "record"),
    SingerMessageType.SCHEMA: ("stream", "schema"),
    SingerMessageType.STATE: ("value",),
    SingerMessageType.ACTIVATE_VERSION: ("stream",),
    SingerMessageType.BATCH: ("stream", "encoding", "manifest"),
}

_Raw = msgspec.Raw | msgspec.UnsetType


class Message(msgspec.Struct):
    """A Singer message, decoded only as far as needed to dispatch it."""

    type: str
    stream: str | None = None
    version: int | float | None = None
    record: _Raw = msgspec.UNSET
    schema: _Raw = msgspec.UNSET
    key_properties: _Raw = msgspec.UNSET
    bookmark_properties: _Raw = msgspec.UNSET
    value: _Raw = msgspec.UNSET
    read: _Raw = msgspec.field(default=msgspec.UNSET, name=READ_MEMBER)
    encoding: _Raw = msgspec.UNSET
    manifest: _Raw = msgspec.UNSET

    def as_dict(self) -> dict[str, Any]:
        """Return the message with all fields decoded."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return {
            name: _decode(name, value) if isinstance(value, msgspec.Raw) else value
            for name, value in fields.items()
            if value is not msgspec.UNSET and value is not None
        }


def _decode(field: str, value: msgspec.Raw) -> Any:  # noqa: ANN401 - any JSON
    # A STATE goes out with the numbers that it came with: a bookmark that is rounded up would leave rows out. Numbers
    # with a fraction or an exponent stay text.
    decoder = _EXACT if field == "value" else _PLAIN
    try:
        return _decode_numbers(decoder, value)
    except RecursionError as error:  # Python 3.14 goes deeper when it only looks for the end of a value
        raise _DeepMessageError(str(error)) from None


def _decode_numbers(decoder: msgspec.json.Decoder[Any], value: msgspec.Raw) -> Any:  # noqa: ANN401 - any JSON
    try:
        return decoder.decode(value)
    except msgspec.ValidationError:  # it holds a number that no double holds, or an integer of hundreds of digits
        return json.loads(bytes(value), parse_int=_integer, parse_float=msgspec.Raw if decoder is _EXACT else float)


def _integer(text: str) -> int | msgspec.Raw:
    return int(text) if len(text) <= LONGEST_INTEGER else msgspec.Raw(text)


class RecordBatch(dict[str, Any]):
    """RECORD messages of one stream and version: `stream`, `version` and `records`, a list of bytes."""


class BlockReader(GenericSingerReader[bytes]):
    """Passes on RECORD messages in batches, and every other message as the SDK does."""

    def __init__(self) -> None:
        super().__init__()
        self._decoder = msgspec.json.Decoder(Message)
        self._chunk = b""
        """The chunk whose messages are being passed on."""
        self._chunk_line = 1
        """The line of the input that it begins with."""
        self._position = 0
        """How many messages of it came before the one that is being passed on."""
        self._numbers: list[int] | None = None
        """The lines of the input with its messages, once somebody has asked."""
        self.cut_off: BadInputError | None = None
        """Set if the input ended in the middle of a line, as happens when the tap crashes."""
        self.idle_timeout: Callable[[], float | None] = lambda: None
        """Returns the seconds to wait for input before `on_idle` is called; None to wait without a limit."""
        self.on_idle: Callable[[], None] = lambda: None
        """Called each time the idle timeout passes without input."""
        self.waiting: Callable[[], AbstractContextManager[None]] = nullcontext
        """Returns what is entered while the input is waited for."""
        self.longest_line = sys.maxsize
        """The most bytes of a line. A longer one is not read to its end, so that it does not fill the memory."""

    @property
    @override
    def default_input(self) -> IO[bytes]:
        return sys.stdin.buffer

    @override
    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        message: dict[str, Any] = msgspec.json.decode(line)
        return message

    @override
    def process_lines(
        self, file_input: IO[bytes] | None, callbacks: dict[str, Callable[[dict[str, Any]], None]]
    ) -> Counter[str]:
        """Read the whole input and call the callback of each message.

        Raises:
            BadInputError: If a line is not a Singer message, or too long.
        """
        counts: Counter[str] = Counter()
        for chunk in self._chunks(_as_bytes(file_input or self.default_input)):
            self._chunk, self._position, self._numbers = chunk, 0, None
            try:
                for message in _batch(self._decode_chunk(chunk, self._chunk_line)):
                    kind = message["type"]
                    callbacks.get(kind, self._process_unknown_message)(message)
                    count = len(message["records"]) if isinstance(message, RecordBatch) else 1
                    counts[kind] += count
                    self._position += count
            except _IncompleteMessageError:
                self._raise_for_incomplete(chunk, self._chunk_line)
            except _DeepMessageError as error:
                raise BadInputError(f"Line {self.line} of the input is not a Singer message: {error}.") from None
            self._chunk_line += chunk.count(b"\n")
        return counts

    @property
    def line(self) -> int:
        """The line of the input with the message that is being passed on, or with the first of a batch."""
        if self._numbers is None:
            self._numbers = [number for number, _ in number_lines(self._chunk, self._chunk_line)]
        return self._numbers[self._position]

    def _chunks(self, file: IO[bytes]) -> Iterator[bytes]:
        line = 1
        try:
            for chunk in read_chunks(self._read_when_ready(file), self.longest_line):
                yield chunk
                line += chunk.count(b"\n")
        except LongLineError as error:
            raise BadInputError(f"Line {line} of the input {error}") from None

    @override
    def _process_unknown_message(self, message_dict: dict[str, Any]) -> None:
        raise BadInputError(f"The input has a message of the unsupported type `{message_dict['type']}`.")

    def _read_when_ready(self, file: IO[bytes]) -> Callable[[int], bytes]:
        read = available_reader(file)

        def when_ready(size: int) -> bytes:
            while not self._wait_for(file):
                self.on_idle()
            with self.waiting():
                return read(size)

        return when_ready

    def _wait_for(self, file: IO[bytes]) -> bool:
        seconds = self.idle_timeout()
        with self.waiting():
            return _is_ready(file, seconds)

    def _raise_for_incomplete(self, chunk: bytes, first_line: int) -> None:
        for number, line in number_lines(chunk, first_line):
            if problem := _problem(self._decode_leniently(line)):
                raise BadInputError(f"Line {number} of the input is a message {problem}.") from None

    def _decode_chunk(self, chunk: bytes, first_line: int) -> Iterator[Message]:
        try:
            yield from self._decoder.decode_lines(chunk)
        except UNREADABLE:
            # Decode line by line, to repair the bad line or to name it.
            for number, line in number_lines(chunk, first_line):
                yield from self._decode_line(line, number, ended=chunk.endswith(b"\n"))

    def _decode_line(self, line: bytes, number: int, *, ended: bool) -> Iterator[Message]:
        try:
            yield self._decode_leniently(line)
        except UNREADABLE as error:
            problem = BadInputError(f"Line {number} of the input is not a Singer message: {describe(error, line)}.")
            if ended:
                raise problem from None
            self.cut_off = problem

    def _decode_leniently(self, line: bytes) -> Message:
        try:
            return self._decoder.decode(line)
        except UNREADABLE:
            text = mend(line)
            message = self._decoder.decode(text)
            if has_constants(text):
                if message.type != SingerMessageType.RECORD or not isinstance(message.record, msgspec.Raw):
                    raise  # NaN is a value in a record, and a mistake anywhere else
                message.record = msgspec.Raw(restore(bytes(message.record)))
            return message


def _batch(messages: Iterator[Message]) -> Iterator[dict[str, Any]]:
    for (kind, stream, version), group in groupby(messages, attrgetter("type", "stream", "version")):
        whole = whole_version(version)
        if kind == SingerMessageType.RECORD and stream is not None and whole == version:
            yield RecordBatch(type=kind, stream=stream, version=whole, records=list(map(_record_of, group)))
        else:
            yield from map(_decode_complete, group)


def _record_of(message: Message) -> msgspec.Raw:
    if message.record is msgspec.UNSET:
        raise _IncompleteMessageError
    return message.record


def _decode_complete(message: Message) -> dict[str, Any]:
    if _problem(message):
        raise _IncompleteMessageError
    message.version = whole_version(message.version)
    return message.as_dict()


def _problem(message: Message) -> str | None:
    required = _REQUIRED.get(message.type)
    if required is None:
        return f"of the unknown type `{message.type[:LONGEST_SHOWN_TYPE]}`"
    if message.version is not None and whole_version(message.version) is None:
        return f"of the type {message.type} with a `version` that is no whole number"
    missing = [name for name in required if getattr(message, name) in (None, msgspec.UNSET)]
    return f"of the type {message.type} without `{'` and `'.join(missing)}`" if missing else None


def _is_ready(file: IO[bytes], seconds: float | None) -> bool:
    """Wait until the file has data or has ended. It buffers nothing: each read returns all available bytes."""
    try:
        return bool(select.select([file], [], [], seconds)[0])
    except (OSError, ValueError, TypeError):  # the operating system cannot wait for this file
        return True


def _as_bytes(file: Any) -> IO[bytes]:  # noqa: ANN401 - the SDK also passes text files
    if isinstance(file, io.TextIOBase):
        buffer = getattr(file, "buffer", None)
        return buffer if buffer is not None else io.BytesIO(file.read().encode())
    return file  # type: ignore[no-any-return]
