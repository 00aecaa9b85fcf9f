"""Reads Singer messages as bytes, and decodes no record.

Input is read in chunks. Each chunk is decoded at once by native code, as far as type, stream and version of each
message; the record itself stays the bytes that it is. Records of one stream that follow one another are handed over
together.
"""

from __future__ import annotations

import io
import sys
from collections import Counter
from itertools import groupby
from operator import attrgetter
from typing import IO, TYPE_CHECKING, Any

import msgspec
from singer_sdk.io_base import GenericSingerReader, SingerMessageType

from plugin_runtime import PluginError
from plugin_runtime.compat import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK_BYTES = 1 << 20


class BadInputError(PluginError):
    """The input is not a stream of Singer messages. The text names the line."""


_UNREADABLE = (msgspec.MsgspecError, RecursionError)

_Raw = msgspec.Raw | msgspec.UnsetType


class Message(msgspec.Struct):
    """A Singer message, decoded no further than needed to know what to do with it."""

    type: str
    stream: str | None = None
    version: int | None = None
    record: _Raw = msgspec.UNSET
    schema: _Raw = msgspec.UNSET
    key_properties: _Raw = msgspec.UNSET
    bookmark_properties: _Raw = msgspec.UNSET
    value: _Raw = msgspec.UNSET
    encoding: _Raw = msgspec.UNSET
    manifest: _Raw = msgspec.UNSET

    def as_dict(self) -> dict[str, Any]:
        """Return the message with everything decoded."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return {
            name: msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value
            for name, value in fields.items()
            if value is not msgspec.UNSET and value is not None
        }


class RecordBatch(dict[str, Any]):
    """RECORD messages of one stream and version: `stream`, `version` and `records`, a list of bytes."""


class BlockReader(GenericSingerReader[bytes]):
    """Hands RECORD messages over in batches, and every other message as the SDK does."""

    def __init__(self) -> None:
        super().__init__()
        self._decoder = msgspec.json.Decoder(Message)
        self.cut_off: BadInputError | None = None
        """Set when the input ended in the middle of a line, as it does when the tap dies."""

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
        """Read all input and call back for each message.

        Raises:
            BadInputError: If a line is not a Singer message.
        """
        counts: Counter[str] = Counter()
        line = 1
        for chunk in _chunks(_as_bytes(file_input or self.default_input)):
            for message in _batched(self._decoded(chunk, line)):
                kind = message["type"]
                callbacks.get(kind, self._process_unknown_message)(message)
                counts[kind] += len(message["records"]) if isinstance(message, RecordBatch) else 1
            line += chunk.count(b"\n")
        return counts

    @override
    def _process_unknown_message(self, message_dict: dict[str, Any]) -> None:
        raise BadInputError(f"The input has a message of the unknown type `{message_dict['type']}`.")

    def _decoded(self, chunk: bytes, first_line: int) -> Iterator[Message]:
        try:
            yield from self._decoder.decode_lines(chunk)
        except _UNREADABLE:
            # Line by line, to name the one that is wrong.
            for number, line in enumerate(chunk.split(b"\n"), first_line):
                if line.strip():
                    yield from self._decoded_line(line, number, ended=chunk.endswith(b"\n"))

    def _decoded_line(self, line: bytes, number: int, *, ended: bool) -> Iterator[Message]:
        try:
            yield self._decoder.decode(line)
        except _UNREADABLE as error:
            problem = BadInputError(f"Line {number} of the input is not a Singer message: {error}.")
            if ended:
                raise problem from None
            self.cut_off = problem


def _batched(messages: Iterator[Message]) -> Iterator[dict[str, Any]]:
    for (kind, stream, version), group in groupby(messages, attrgetter("type", "stream", "version")):
        if kind == SingerMessageType.RECORD:
            yield RecordBatch(type=kind, stream=stream, version=version, records=list(map(_record, group)))
        else:
            yield from (message.as_dict() for message in group)


def _record(message: Message) -> msgspec.Raw:
    if message.stream is None or message.record is msgspec.UNSET:
        raise BadInputError("The input has a RECORD message without `stream` or `record`.")
    return message.record


def _as_bytes(file: Any) -> IO[bytes]:  # noqa: ANN401 - the SDK hands over text files too
    if isinstance(file, io.TextIOBase):
        buffer = getattr(file, "buffer", None)
        return buffer if buffer is not None else io.BytesIO(file.read().encode())
    return file  # type: ignore[no-any-return]


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the input in pieces that end with a line feed, the last one as it comes."""
    read: Callable[[int], bytes] = getattr(file, "read1", file.read)
    parts: list[bytes] = []
    while data := read(CHUNK_BYTES):
        end = data.rfind(b"\n") + 1
        parts.append(data[:end] if end else data)
        if end:
            yield b"".join(parts)
            parts = [data[end:]]
    if rest := b"".join(parts):
        yield rest
