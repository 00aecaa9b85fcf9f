"""Bodies of pages, as the API sends them."""

from __future__ import annotations

AWKWARD = (
    b'{"id":9007199254740993,"money":1.10,"tiny":1e-7,"modifiedOn":null,'
    b'"text":"\\n\\u2028\xe2\x80\xa8 \xf0\x9f\x98\x80"}'
)
"""A record whose bytes a JSON library would change."""


def list_body(*records: bytes, more: bytes = b"false", total: bytes = b"2") -> bytes:
    """Return a page of a list."""
    return b'{"page":1,"pageSize":5,"hasMore":%b,"totalCount":%b,"data":[%b]}' % (more, total, b",".join(records))
