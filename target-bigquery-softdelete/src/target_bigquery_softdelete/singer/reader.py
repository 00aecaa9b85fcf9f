"""Reads Singer messages as bytes, and decodes no record.

Input is read in chunks. Each chunk is decoded at once by native code, as far as type, stream and version of each
message; the record itself stays the bytes that it is. Records of one stream that follow one another are handed over
together.
"""

from __future__ import annotations

import io
import select
import sys
from collections import Counter
from itertools import groupby
from operator import attrgetter
from typing import IO, TYPE_CHECKING, Any

import msgspec
from singer_sdk.io_base import GenericSingerReader, SingerMessageType

from target_bigquery_softdelete.errors import BadInputError
from target_bigquery_softdelete.plugin_runtime.compat import override
from target_bigquery_softdelete.singer.jsonl import UNREADABLE, chunks, numbered, reading
from target_bigquery_softdelete.singer.lenient_json import has_constants, mended, restored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class _IncompleteMessageError(ValueError):
    """A message lacks what its type needs. The line is looked for when it is known that there is one."""


LONGEST_SHOWN_TYPE = 50

_REQUIRED: dict[str, tuple[str, ...]] = {
    SingerMessageType.RECORD: ("stream", "record"),
    SingerMessageType.SCHEMA: ("stream", "schema"),
    SingerMessageType.STATE: ("value",),
    SingerMessageType.ACTIVATE_VERSION: ("stream", "version"),
    SingerMessageType.BATCH: ("stream", "encoding", "manifest"),
}

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
        self.patience: Callable[[], float | None] = lambda: None
        """Tells how many seconds to wait for input, from now on, before `on_silence` is called."""
        self.on_silence: Callable[[], None] = lambda: None

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
        for chunk in chunks(self._heard(_as_bytes(file_input or self.default_input))):
            try:
                for message in _batched(self._decoded(chunk, line)):
                    kind = message["type"]
                    callbacks.get(kind, self._process_unknown_message)(message)
                    counts[kind] += len(message["records"]) if isinstance(message, RecordBatch) else 1
            except _IncompleteMessageError:
                self._raise_for_incomplete(chunk, line)
            line += chunk.count(b"\n")
        return counts

    @override
    def _process_unknown_message(self, message_dict: dict[str, Any]) -> None:
        raise BadInputError(f"The input has a message of the type `{message_dict['type']}`, which nothing reads.")

    def _heard(self, file: IO[bytes]) -> Callable[[int], bytes]:
        read = reading(file)

        def when_ready(size: int) -> bytes:
            while not _is_ready(file, self.patience()):
                self.on_silence()
            return read(size)

        return when_ready

    def _raise_for_incomplete(self, chunk: bytes, first_line: int) -> None:
        for number, line in numbered(chunk, first_line):
            if problem := _problem(self._decoded_or_mended(line)):
                raise BadInputError(f"Line {number} of the input is a message {problem}.") from None

    def _decoded(self, chunk: bytes, first_line: int) -> Iterator[Message]:
        try:
            yield from self._decoder.decode_lines(chunk)
        except UNREADABLE:
            # Line by line, to mend or to name the one that is wrong.
            for number, line in numbered(chunk, first_line):
                yield from self._decoded_line(line, number, ended=chunk.endswith(b"\n"))

    def _decoded_line(self, line: bytes, number: int, *, ended: bool) -> Iterator[Message]:
        try:
            yield self._decoded_or_mended(line)
        except UNREADABLE as error:
            problem = BadInputError(f"Line {number} of the input is not a Singer message: {error}.")
            if ended:
                raise problem from None
            self.cut_off = problem

    def _decoded_or_mended(self, line: bytes) -> Message:
        try:
            return self._decoder.decode(line)
        except UNREADABLE:
            text = mended(line)
            message = self._decoder.decode(text)
            if has_constants(text):
                if message.type != SingerMessageType.RECORD or not isinstance(message.record, msgspec.Raw):
                    raise  # in a record NaN is a value; anywhere else it is a mistake
                message.record = msgspec.Raw(restored(bytes(message.record)))
            return message


def _batched(messages: Iterator[Message]) -> Iterator[dict[str, Any]]:
    for (kind, stream, version), group in groupby(messages, attrgetter("type", "stream", "version")):
        if kind == SingerMessageType.RECORD and stream is not None:
            yield RecordBatch(type=kind, stream=stream, version=version, records=list(map(_record, group)))
        else:
            yield from map(_complete, group)


def _record(message: Message) -> msgspec.Raw:
    if message.record is msgspec.UNSET:
        raise _IncompleteMessageError
    return message.record


def _complete(message: Message) -> dict[str, Any]:
    if _problem(message):
        raise _IncompleteMessageError
    return message.as_dict()


def _problem(message: Message) -> str | None:
    required = _REQUIRED.get(message.type)
    if required is None:
        return f"of the unknown type `{message.type[:LONGEST_SHOWN_TYPE]}`"
    missing = [name for name in required if getattr(message, name) in (None, msgspec.UNSET)]
    return f"of the type {message.type} without `{'` and `'.join(missing)}`" if missing else None


def _is_ready(file: IO[bytes], seconds: float | None) -> bool:
    """Wait until the file has something to read, or has ended. Reading a piece leaves nothing in its buffer."""
    try:
        return bool(select.select([file], [], [], seconds)[0])
    except (OSError, ValueError, TypeError):  # it is no file of the system's
        return True


def _as_bytes(file: Any) -> IO[bytes]:  # noqa: ANN401 - the SDK hands over text files too
    if isinstance(file, io.TextIOBase):
        buffer = getattr(file, "buffer", None)
        return buffer if buffer is not None else io.BytesIO(file.read().encode())
    return file  # type: ignore[no-any-return]
