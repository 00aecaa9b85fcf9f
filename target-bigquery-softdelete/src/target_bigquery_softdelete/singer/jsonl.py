"""Reads JSON lines from a file of any length, in chunks that native code decodes as a whole."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING

import msgspec

from target_bigquery_softdelete.errors import BadLineError, LongLineError
from target_bigquery_softdelete.singer.lenient_json import mend, restore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK_BYTES = 1 << 20

UNREADABLE = (msgspec.MsgspecError, RecursionError)
"""The exceptions that the decoder raises for a line that it cannot read."""

_DECODER = msgspec.json.Decoder(msgspec.Raw)

_BYTE = re.compile(r"\(byte (\d+)\)")
"""Where the decoder found a mistake, in its own words."""


def available_reader(file: IO[bytes]) -> Callable[[int], bytes]:
    """Return the function that reads the available bytes, up to a limit. It waits only if there are none."""
    read: Callable[[int], bytes] = getattr(file, "read1", file.read)
    return read


def read_chunks(read: Callable[[int], bytes], longest_line: int) -> Iterator[bytes]:
    """Yield the input in chunks of whole lines. The last chunk may end without a line feed.

    Args:
        read: Returns the next bytes, up to a limit; none at the end.
        longest_line: The most bytes of a line that has not ended yet. A line within CHUNK_BYTES is never too long.

    Raises:
        LongLineError: If the line after the last chunk is longer. No more of it is read.
    """
    # Not a list: of an input that comes byte by byte, its items would take forty times the bytes.
    begun = bytearray()
    while data := read(CHUNK_BYTES):
        end = data.rfind(b"\n") + 1
        if len(begun) + (data.find(b"\n") if end else len(data)) > longest_line:
            raise LongLineError(longest_line)
        if end:
            chunk = b"".join((begun, data[:end]))
            begun = bytearray(data[end:])  # now, so that a long line is not in memory twice while it is handled
            yield chunk
        else:
            begun += data
    if begun:
        yield bytes(begun)


def number_lines(chunk: bytes, first: int) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the text of each line that is not blank."""
    for number, line in enumerate(chunk.split(b"\n"), first):
        if line.strip():
            yield number, line


def describe(error: Exception, line: bytes) -> str:
    """Return why a line cannot be read, with the column of the mistake.

    >>> describe(ValueError("JSON is malformed: invalid character (byte 9)"), '{"é": 1, oops}'.encode())
    'JSON is malformed: invalid character (column 9)'
    """
    return _BYTE.sub(lambda match: f"(column {len(line[: int(match[1])].decode(errors='replace')) + 1})", str(error))


def read_raw_values(file: IO[bytes], longest_line: int) -> Iterator[list[bytes]]:
    """Yield the values of a file without decoding them, one list per chunk.

    Args:
        file: The file.
        longest_line: As in `read_chunks`.

    Raises:
        BadLineError: If a line is not JSON, or too long.
    """
    first = 1
    try:
        for chunk in read_chunks(available_reader(file), longest_line):
            try:
                yield list(_DECODER.decode_lines(chunk))
            except UNREADABLE:
                yield [_raw_value(number, line) for number, line in number_lines(chunk, first)]
            first += chunk.count(b"\n")
    except LongLineError as error:
        raise BadLineError(f"line {first} {error}") from None


def _raw_value(number: int, line: bytes) -> bytes:
    try:
        return bytes(_DECODER.decode(line))
    except UNREADABLE:
        pass
    try:
        return restore(bytes(_DECODER.decode(mend(line))))
    except UNREADABLE as error:
        raise BadLineError(f"line {number} is not JSON: {describe(error, line)}") from None
