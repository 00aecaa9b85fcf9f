"""Pages: bodies as the API sends them, and decoded ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from tap_servicetitan.api.pages import ListPage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_servicetitan.api.pages import Key

AWKWARD = (
    b'{"id":9007199254740993,"money":1.10,"tiny":1e-7,"modifiedOn":null,'
    b'"text":"\\n\\u2028\xe2\x80\xa8 \xf0\x9f\x98\x80"}'
)
"""A record whose bytes a JSON library would change."""

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def list_body(*records: bytes, more: bytes = b"false", total: bytes = b"2") -> bytes:
    """Return a page of a list."""
    return b'{"page":1,"pageSize":5,"hasMore":%b,"totalCount":%b,"data":[%b]}' % (more, total, b",".join(records))


def list_page(  # noqa: PLR0913 - the fields of a page
    *keys: Key,
    total: int | None = None,
    more: bool = False,
    contents: Sequence[bytes] | None = None,
    newest: str | None = None,
    created: str | None = None,
    sent: datetime = NOON,
) -> ListPage:
    """Return a decoded page of a list, whose records are their keys unless they have other contents."""
    records = [str(key).encode() for key in keys] if contents is None else contents
    return ListPage(
        records=list(map(msgspec.Raw, records)),
        keys=list(keys),
        newest=newest,
        has_more=more,
        total_count=total,
        latest_created=created,
        extracted_at=sent,
        sent=sent,
    )
