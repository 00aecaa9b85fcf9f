"""Reads JSON lines from a file of any length, in chunks that native code decodes as a whole."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import msgspec

from target_bigquery_softdelete.errors import BadLineError
from target_bigquery_softdelete.singer.lenient_json import mend, restore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK_BYTES = 1 << 20

UNREADABLE = (msgspec.MsgspecError, RecursionError)
"""The exceptions that the decoder raises for a line that it cannot read."""

_DECODER = msgspec.json.Decoder(msgspec.Raw)


def available_reader(file: IO[bytes]) -> Callable[[int], bytes]:
    """Return the function that reads the available bytes, up to a limit. It waits only if there are none."""
    read: Callable[[int], bytes] = getattr(file, "read1", file.read)
    return read


def read_chunks(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield the input in chunks of whole lines. The last chunk may end without a line feed."""
    parts: list[bytes] = []
    while data := read(CHUNK_BYTES):
        end = data.rfind(b"\n") + 1
        parts.append(data[:end] if end else data)
        if end:
            yield b"".join(parts)
            parts = [data[end:]]
    if rest := b"".join(parts):
        yield rest


def number_lines(chunk: bytes, first: int) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the text of each line that is not blank."""
    for number, line in enumerate(chunk.split(b"\n"), first):
        if line.strip():
            yield number, line


def read_raw_values(file: IO[bytes]) -> Iterator[list[bytes]]:
    """Yield the values of a file without decoding them, one list per chunk.

    Raises:
        BadLineError: If a line is not JSON.
    """
    first = 1
    for chunk in read_chunks(available_reader(file)):
        try:
            yield list(_DECODER.decode_lines(chunk))
        except UNREADABLE:
            yield [_raw_value(number, line) for number, line in number_lines(chunk, first)]
        first += chunk.count(b"\n")


def _raw_value(number: int, line: bytes) -> bytes:
    try:
        return bytes(_DECODER.decode(line))
    except UNREADABLE:
        pass
    try:
        return restore(bytes(_DECODER.decode(mend(line))))
    except UNREADABLE as error:
        raise BadLineError(f"line {number} is not JSON: {error}") from None
