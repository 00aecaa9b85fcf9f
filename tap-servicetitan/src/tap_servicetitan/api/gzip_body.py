"""Decompresses gzipped response bodies in one step."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

GZIP = 16 + zlib.MAX_WBITS
"""zlib's `wbits` for data with gzip's header and trailer."""

GZIP_HEADER = b"\x1f\x8b\x08"
"""The first bytes of each member of gzipped data. By chance, they may also occur inside one."""

MAX_RESERVED_BYTES = 1 << 26
"""The most memory to reserve for a body before it is decompressed. A body may be larger."""


def decompress(body: bytes) -> bytes:
    """Return the content of a gzipped body, without the copies that zlib makes when it does not know the size.

    Raises:
        zlib.error: If the body is cut short or damaged.
    """
    if body.find(GZIP_HEADER, 1) > 0:
        return b"".join(_decompress_members(body))
    # The last four bytes are the size (RFC 1952).
    size = int.from_bytes(body[-4:], "little")
    return zlib.decompress(body, GZIP, min(size, MAX_RESERVED_BYTES))


def _decompress_members(body: bytes) -> Iterator[bytes]:
    """Yield the content of each member of a gzipped body. It may have several, each with a header and a trailer."""
    while body:
        member = zlib.decompressobj(GZIP)
        yield member.decompress(body)
        if not member.eof:
            raise zlib.error("the body ends early")
        body = member.unused_data
