"""RECORD messages, built without decoding the records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_servicetitan.api.pages import Page

LINES_AT_ONCE = 256
"""How many messages to build at a time. All messages of a page would take as much memory again as the page."""


def record_lines(stream: str, page: Page, version: int | None) -> Iterator[bytes]:
    """Yield the RECORD messages of a page, one per line, some hundreds at a time.

    Args:
        stream: Name of the stream.
        page: The records.
        version: The version of the pass that they belong to (epoch milliseconds), if they belong to one.
    """
    before = b'{"type":"RECORD","stream":%b,"record":' % msgspec.json.encode(stream)
    numbered = b"" if version is None else b',"version":%d' % version
    after = b'%b,"time_extracted":%b}\n' % (numbered, msgspec.json.encode(page.extracted_at))
    between = after + before
    for start in range(0, len(page.records), LINES_AT_ONCE):
        yield before + between.join(page.records[start : start + LINES_AT_ONCE]) + after
