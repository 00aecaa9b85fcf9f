"""Decodes pages. A page is taken apart once, into records that stay the bytes they came as."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tap_servicetitan.plugin_runtime.characters import with_whole_characters
from tap_servicetitan.plugin_runtime.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

_T = TypeVar("_T")

KeyField = int | str
"""A field of a key as JSON has it."""

Key = KeyField | tuple[KeyField, ...]
"""What identifies a record: its key field, or the tuple of them."""


LINES_AT_ONCE = 256
"""How many messages are made at a time: all of a page's would take as much memory again as the page."""

CHUNK_BYTES = 1 << 16
"""How much of a body is checked at a time."""


class _ListAnswer(msgspec.Struct, rename="camel"):
    data: list[msgspec.Raw]
    has_more: bool
    total_count: int | None = None


class _DataAnswer(msgspec.Struct):
    data: list[msgspec.Raw]


class _ExportAnswer(msgspec.Struct, rename="camel"):
    data: list[msgspec.Raw]
    has_more: bool
    continue_from: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one request brought."""

    records: Sequence[msgspec.Raw]
    keys: Sequence[Key]
    newest: str | None
    """The latest change in the page, as the API wrote it; None when no record says one."""
    has_more: bool
    extracted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage(Page):
    """A page of a list."""

    total_count: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPage(Page):
    """A page of an export feed."""

    continue_from: str


class PageDecoder:
    """Decodes the pages of one stream. All methods raise msgspec.DecodeError for what is not JSON."""

    def __init__(self, key: Sequence[str], cursor: str | None) -> None:
        """Prepare the decoders.

        Args:
            key: Names of the key fields. Every record must have them. Without any, a record is known by its bytes.
            cursor: Name of the field with the time of the last change, if there is one. A record may lack it.
        """
        head = _head_type(key, cursor)
        self._list = msgspec.json.Decoder(_ListAnswer)
        self._export = msgspec.json.Decoder(_ExportAnswer)
        self._data = msgspec.json.Decoder(_DataAnswer)
        self._array = msgspec.json.Decoder(list[msgspec.Raw])
        heads: Any = list[head]  # type: ignore[valid-type]  # a type that is made at run time
        wrapped: Any = msgspec.defstruct("Heads", [("data", heads)])
        self._heads = msgspec.json.Decoder(wrapped)
        self._bare_heads = msgspec.json.Decoder(heads)
        self._key: Callable[[object], Key] | None = attrgetter(*_key_attributes(key)) if key else None

    def list_page(self, body: bytes) -> ListPage:
        """Return a page of a list."""
        return decoded(body, self._list_page)

    def _list_page(self, body: bytes) -> ListPage:
        answer = self._list.decode(body)
        return ListPage(
            **self._common(answer.data, self._heads.decode(body).data),
            has_more=answer.has_more,
            total_count=answer.total_count,
        )

    def data_page(self, body: bytes) -> ListPage:
        """Return a list that comes at once, in an object."""
        return decoded(body, self._data_page)

    def _data_page(self, body: bytes) -> ListPage:
        records = self._data.decode(body).data
        return ListPage(**self._common(records, self._heads.decode(body).data), has_more=False, total_count=None)

    def array_page(self, body: bytes) -> ListPage:
        """Return a list that comes at once, as an array."""
        return decoded(body, self._array_page)

    def _array_page(self, body: bytes) -> ListPage:
        records = self._array.decode(body)
        return ListPage(**self._common(records, self._bare_heads.decode(body)), has_more=False, total_count=None)

    def export_page(self, body: bytes) -> ExportPage:
        """Return a page of an export feed."""
        return decoded(body, self._export_page)

    def _export_page(self, body: bytes) -> ExportPage:
        answer = self._export.decode(body)
        return ExportPage(
            **self._common(answer.data, self._heads.decode(body).data),
            has_more=answer.has_more,
            continue_from=answer.continue_from,
        )

    # Going over the body a second time, for the heads, costs less in native code than a call per record.

    def _common(self, records: list[msgspec.Raw], heads: list[Any]) -> dict[str, Any]:
        return {
            "records": records,
            "keys": list(map(self._key, heads)) if self._key else [hash(bytes(record)) for record in records],
            "newest": newest(head.cursor for head in heads),
            "extracted_at": utc_now(),
        }


def _key_attributes(key: Sequence[str]) -> list[str]:
    return [f"key{number}" for number in range(len(key))]


def _head_type(key: Sequence[str], cursor: str | None) -> Any:  # noqa: ANN401 - a type that is made at run time
    """Return the type of a record of which nothing but the key and the time of change is read."""
    attributes = _key_attributes(key)
    return msgspec.defstruct(
        "Head",
        [*((attribute, KeyField) for attribute in attributes), ("cursor", str | None, None)],
        # No field has an empty name, so without a cursor it stays unset.
        rename=dict(zip(attributes, key, strict=True)) | {"cursor": cursor or ""},
        gc=False,
    )


def decoded(body: bytes, decode: Callable[[bytes], _T]) -> _T:
    """Decode a body that :func:`one_line_each` has been over, with U+FFFD in the place of half characters.

    Raises:
        msgspec.DecodeError: If it is not JSON.
        UnicodeDecodeError: If it is not UTF-8.
    """
    try:
        return decode(one_line_each(body))
    except msgspec.DecodeError:
        # Half a character is refused, and would keep its stream from being read for as long as its text stays.
        whole = with_whole_characters(body)
        if whole == body:
            raise
        return decode(one_line_each(whole))


def one_line_each(body: bytes) -> bytes:
    """Return the body with no line break in it, so that each record in it can stand on a line of its own.

    Raises:
        UnicodeDecodeError: If the body is not UTF-8, which decoding into raw records would not notice.
    """
    if not body.isascii():
        check_utf8(body)
    if b"\n" in body or b"\r" in body:
        # Inside strings JSON escapes them, so these are between values: indentation.
        return msgspec.json.format(body, indent=-1)
    return body


def check_utf8(body: bytes) -> None:
    """Make sure that the body is UTF-8, a piece at a time: as text it could take four times its size.

    Raises:
        UnicodeDecodeError: If it is not.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(body), CHUNK_BYTES):
        decoder.decode(body[start : start + CHUNK_BYTES])
    decoder.decode(b"", final=True)


def newest(times: Iterable[str | None]) -> str | None:
    """Return the latest of the API's times, or None when there is none.

    Fractions of a second are not compared: they come with and without, and as text `.5Z` sorts before `Z`.
    """
    return max((time for time in times if time), key=lambda time: time[:19], default=None)


def record_lines(stream: str, page: Page, version: int | None) -> Iterator[bytes]:
    """Yield the RECORD messages of a page, one a line, around the records' own bytes, some hundreds at a time.

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
