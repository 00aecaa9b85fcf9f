"""Decompresses gzipped response bodies in one step, up to a size."""

from __future__ import annotations

import sys
import zlib

GZIP = 16 + zlib.MAX_WBITS
"""zlib's `wbits` for data with gzip's header and trailer."""

GZIP_HEADER = b"\x1f\x8b\x08"
"""The first bytes of each member of gzipped data. By chance, they may also occur inside one."""

PIECE_BYTES = 1 << 16
"""How much of a body with several members to take at a time: zlib copies what comes after each of them."""


class BodyTooLargeError(Exception):
    """A body is larger than it may be."""


def stated_size(body: bytes) -> int:
    """Return the size of the content that a gzipped body states in its last four bytes (RFC 1952).

    It is the size of the last member, and need not be true.
    """
    return int.from_bytes(body[-4:], "little")


def decompress(body: bytes, most_bytes: int = sys.maxsize) -> bytes:
    """Return the content of a gzipped body, without the copies that zlib makes when it does not know the size.

    Raises:
        BodyTooLargeError: If the content has more bytes. A thousand times the size of the body is possible.
        zlib.error: If the body is cut short or damaged.
    """
    size = stated_size(body)
    many = body.find(GZIP_HEADER, 1) > 0
    content = _Content(most_bytes)
    step = PIECE_BYTES if many else max(len(body), 1)
    member = zlib.decompressobj(GZIP)
    for start in range(0, len(body), step):
        data = body[start : start + step]
        while data:
            if member.eof:
                member = zlib.decompressobj(GZIP)
            content.add(member.decompress(data, 1 + (content.left if many else min(size, content.left))))
            while not member.eof and (more := member.decompress(member.unconsumed_tail, 1 + content.left)):
                content.add(more)
            data = member.unused_data if many else b""
    if not member.eof:
        raise zlib.error("the body ends early")
    return content.join()


class _Content:
    """The content so far."""

    def __init__(self, most_bytes: int) -> None:
        self.left = most_bytes
        self._parts: list[bytes] = []

    def add(self, part: bytes) -> None:
        self.left -= len(part)
        if self.left < 0:
            raise BodyTooLargeError
        self._parts.append(part)

    def join(self) -> bytes:
        return b"".join(self._parts)
