"""JSON values, one a line, from a file of any length: a piece at a time, each decoded at once in native code."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import msgspec

from target_bigquery_softdelete.errors import BadLineError
from target_bigquery_softdelete.singer.lenient_json import mended, restored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK_BYTES = 1 << 20

UNREADABLE = (msgspec.MsgspecError, RecursionError)
"""What the decoder raises for a line that it cannot read."""

_DECODER = msgspec.json.Decoder(msgspec.Raw)


def reading(file: IO[bytes]) -> Callable[[int], bytes]:
    """Return what reads the bytes that are there, so many at most. It waits only when there are none."""
    read: Callable[[int], bytes] = getattr(file, "read1", file.read)
    return read


def chunks(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield the input in pieces that end with a line feed, the last one as it comes."""
    parts: list[bytes] = []
    while data := read(CHUNK_BYTES):
        end = data.rfind(b"\n") + 1
        parts.append(data[:end] if end else data)
        if end:
            yield b"".join(parts)
            parts = [data[end:]]
    if rest := b"".join(parts):
        yield rest


def numbered(chunk: bytes, first: int) -> Iterator[tuple[int, bytes]]:
    """Yield number and text of the lines that are not blank."""
    for number, line in enumerate(chunk.split(b"\n"), first):
        if line.strip():
            yield number, line


def raw_values(file: IO[bytes]) -> Iterator[list[bytes]]:
    """Yield the values of a file as text, those of a piece together.

    Raises:
        BadLineError: If a line is not JSON.
    """
    first = 1
    for chunk in chunks(reading(file)):
        try:
            yield list(_DECODER.decode_lines(chunk))
        except UNREADABLE:
            yield [_raw_value(number, line) for number, line in numbered(chunk, first)]
        first += chunk.count(b"\n")


def _raw_value(number: int, line: bytes) -> bytes:
    try:
        return bytes(_DECODER.decode(line))
    except UNREADABLE:
        pass
    try:
        return restored(bytes(_DECODER.decode(mended(line))))
    except UNREADABLE as error:
        raise BadLineError(f"line {number} is not JSON: {error}") from None
