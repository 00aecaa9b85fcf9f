"""Decodes pages: splits each into its records, which stay the bytes that they came as."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tap_servicetitan.api.unpack import unpacker
from tap_servicetitan.plugin_runtime.characters import with_whole_characters
from tap_servicetitan.plugin_runtime.clock import utc_now
from tap_servicetitan.plugin_runtime.prepared_types import prepared
from tap_servicetitan.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from tap_servicetitan.api.responses import Place

_T = TypeVar("_T")

KeyField = int | str
"""The value of a key field."""


@dataclass(frozen=True, slots=True)
class NoKey:
    """Stands for the key of a record that has none, or of which it cannot be read.

    The record is written all the same: the target names it, and rejects it alone.
    """

    digest: int
    """A hash of the record, by which it is recognized in another pass."""


Key = KeyField | tuple[KeyField, ...] | NoKey
"""The key of a record: the value of its key field, or the tuple of them."""

CHUNK_BYTES = 1 << 16
"""How much of a body to check at a time."""


NOTHING = b""
"""The body of a response with the status 204: there are no records."""


@prepared
class _ListBody(msgspec.Struct, rename="camel"):
    data: list[msgspec.Raw] | None
    has_more: bool
    total_count: int | None = None


@prepared
class _ExportBody(msgspec.Struct, rename="camel"):
    data: list[msgspec.Raw] | None
    has_more: bool
    continue_from: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The records of one response."""

    records: Sequence[msgspec.Raw]
    keys: Sequence[Key]
    """The keys of the records, and of those that are left out."""
    newest: str | None
    """The latest time of change in the page, as the API wrote it; None if no record has one."""
    has_more: bool
    extracted_at: datetime
    sent: datetime
    """When the server sent the page (UTC), by its own clock."""
    broken: int = 0
    """How many records are left out because they are no JSON objects."""
    place: Place | None = None
    """The room that the page takes in memory."""

    def drop(self) -> None:
        """Forget the records, which have been written, and give their room to another page.

        A page that waits in a variable until the next one has come would double the memory.
        """
        if isinstance(self.records, list):
            self.records.clear()
        if self.place:
            self.place.give_back()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage(Page):
    """A page of a list."""

    total_count: int | None
    latest_created: str | None = None
    """The latest time of creation in the page, as the API wrote it, if the decoder was asked to read it."""
    earliest_created: str | None = None
    """The earliest one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPage(Page):
    """A page of an export feed."""

    continue_from: str | None
    """The token of the next page. The API may leave it out of the last one."""


class PageDecoder:
    """Decodes the pages of one stream. All methods raise msgspec.DecodeError for a body that is not JSON.

    NOTHING is a page without records, and so is one of which the records are null.
    """

    def __init__(
        self,
        key: Sequence[str],
        cursor: str | None,
        created: str | None = None,
        unpack: str | None = None,
        data: str = "data",
    ) -> None:
        """Prepare the decoders.

        Args:
            key: Names of the key fields. Without any, its bytes identify a record.
            cursor: Name of the field with the time of the last change, if there is one. A record may lack it.
            created: Name of the field with the time of creation, if the pages of a list are to tell the latest.
            unpack: Name of the field with the array of the records, if they come in other objects.
            data: Name of the field with the records of a list that comes whole, in an object.
        """
        head = _head_type(key, cursor, created)
        self._list = msgspec.json.Decoder(_ListBody)
        self._export = msgspec.json.Decoder(_ExportBody)
        whole: Any = msgspec.defstruct("Whole", [("data", list[msgspec.Raw] | None)], rename={"data": data})
        self._data = msgspec.json.Decoder(whole)
        self._array = msgspec.json.Decoder(list[msgspec.Raw])
        self._record = msgspec.json.Decoder(msgspec.Raw)
        heads: Any = list[head]  # type: ignore[valid-type]  # a type that is made at run time
        wrapped: Any = msgspec.defstruct("Heads", [("data", heads)])
        self._heads = msgspec.json.Decoder(wrapped)
        whole_heads: Any = msgspec.defstruct("WholeHeads", [("data", heads)], rename={"data": data})
        self._data_heads = msgspec.json.Decoder(whole_heads)
        self._bare_heads = msgspec.json.Decoder(heads)
        self._head = msgspec.json.Decoder(head)
        self._unpack = unpacker(unpack) if unpack else None
        self._key: Callable[[object], Key] | None = attrgetter(*_key_attributes(key)) if key else None

    def list_page(self, body: bytes) -> ListPage:
        """Return a page of a list."""
        return self._no_list() if body == NOTHING else decode_body(body, self._list_page)

    def _no_list(self) -> ListPage:
        return ListPage(**self._common([], list)[0], has_more=False, total_count=None)

    def _list_page(self, body: bytes) -> ListPage:
        page = self._list.decode(body)
        common, heads = self._common(page.data, lambda: self._heads.decode(body).data)
        earliest, latest = ends(head.created for head in heads)
        return ListPage(
            **common,
            has_more=page.has_more,
            total_count=page.total_count,
            latest_created=latest,
            earliest_created=earliest,
        )

    def data_page(self, body: bytes) -> ListPage:
        """Return a list that comes whole, in an object."""
        return self._no_list() if body == NOTHING else decode_body(body, self._data_page)

    def _data_page(self, body: bytes) -> ListPage:
        common, _ = self._common(self._data.decode(body).data, lambda: self._data_heads.decode(body).data)
        return ListPage(**common, has_more=False, total_count=None)

    def array_page(self, body: bytes) -> ListPage:
        """Return a list that comes whole, as an array."""
        return self._no_list() if body == NOTHING else decode_body(body, self._array_page)

    def _array_page(self, body: bytes) -> ListPage:
        common, _ = self._common(self._array.decode(body), lambda: self._bare_heads.decode(body))
        return ListPage(**common, has_more=False, total_count=None)

    def object_page(self, body: bytes) -> ListPage:
        """Return a list of the one record that the body is, or of none if it is null."""
        return self._no_list() if body == NOTHING else decode_body(body, self._object_page)

    def _object_page(self, body: bytes) -> ListPage:
        record = self._record.decode(body)
        if bytes(record).strip() == b"null":
            return self._no_list()
        common, _ = self._common([record], lambda: self._bare_heads.decode(b"[%b]" % record))
        return ListPage(**common, has_more=False, total_count=None)

    def export_page(self, body: bytes) -> ExportPage:
        """Return a page of an export feed."""
        if body == NOTHING:
            return ExportPage(**self._common([], list)[0], has_more=False, continue_from=None)
        return decode_body(body, self._export_page)

    def _export_page(self, body: bytes) -> ExportPage:
        page = self._export.decode(body)
        common, _ = self._common(page.data, lambda: self._heads.decode(body).data)
        return ExportPage(**common, has_more=page.has_more, continue_from=page.continue_from)

    def _common(
        self, records: list[msgspec.Raw] | None, decode_heads: Callable[[], list[Any]]
    ) -> tuple[dict[str, Any], list[Any]]:
        """Return what all pages have, and the heads of those records that have one."""
        if records is None:
            return self._common([], list)
        if self._unpack:
            inner = self._unpack(records)
            return self._read(inner, lambda: self._bare_heads.decode(b"[%b]" % b",".join(map(bytes, inner))))
        return self._read(records, decode_heads)

    def _read(
        self, records: list[msgspec.Raw], decode_heads: Callable[[], list[Any]]
    ) -> tuple[dict[str, Any], list[Any]]:
        broken = 0
        try:
            # Decoding the body a second time, for the heads, takes less time in native code than a call per record.
            heads = decode_heads()
            keys = list(map(self._key, heads)) if self._key else [hash(bytes(record)) for record in records]
        except msgspec.ValidationError:
            keys, heads = self._key_by_key(records)
            whole = [record for record in records if bytes(record).lstrip()[:1] == b"{"]
            broken, records = len(records) - len(whole), whole
        now = utc_now()
        common = {
            "records": records,
            "keys": keys,
            "newest": newest(head.cursor for head in heads),
            "extracted_at": now,
            "sent": now,
            "broken": broken,
        }
        return common, heads

    def _key_by_key(self, records: Sequence[msgspec.Raw]) -> tuple[list[Key], list[Any]]:
        """Return the key of each record, one by one, and the heads that could be read."""
        keys: list[Key] = []
        heads: list[Any] = []
        for record in records:
            try:
                head = self._head.decode(record)
            except msgspec.ValidationError:
                keys.append(NoKey(hash(bytes(record))))
            else:
                heads.append(head)
                keys.append(self._key(head) if self._key else hash(bytes(record)))
        return keys, heads


def _key_attributes(key: Sequence[str]) -> list[str]:
    return [f"key{number}" for number in range(len(key))]


def _head_type(key: Sequence[str], cursor: str | None, created: str | None) -> Any:  # noqa: ANN401 - a type made here
    """Return a type that decodes only the key, the time of change and the time of creation of a record."""
    attributes = dict(zip(_key_attributes(key), key, strict=True))
    times = {attribute: name for attribute, name in (("cursor", cursor), ("created", created)) if name is not None}
    return msgspec.defstruct(
        "Head",
        [
            *((attribute, KeyField) for attribute in attributes),
            *((attribute, str | None, None) for attribute in times),
        ],
        # What the pages lack is no field, under whatever name: a record may have any.
        namespace={attribute: None for attribute in ("cursor", "created") if attribute not in times},
        rename=attributes | times,
        gc=False,
    )


def decode_body(body: bytes, decode: Callable[[bytes], _T]) -> _T:
    """Decode a body without its line breaks, and with U+FFFD in place of half characters.

    Args:
        body: The body of a response.
        decode: Decodes JSON.

    Raises:
        msgspec.DecodeError: If it is not JSON.
        UnicodeDecodeError: If it is not UTF-8.
    """
    try:
        return decode(remove_line_breaks(body))
    except msgspec.DecodeError:
        # msgspec refuses half a character (a lone surrogate). The stream could not be read while a record has one.
        whole = with_whole_characters(body)
        if whole == body:
            raise
        return decode(remove_line_breaks(whole))


def remove_line_breaks(body: bytes) -> bytes:
    """Return the body without line breaks, so that each record fits on one line.

    Raises:
        UnicodeDecodeError: If the body is not UTF-8. Decoding into raw records would not notice.
    """
    if not body.isascii():
        check_utf8(body)
    if b"\n" in body or b"\r" in body:
        # JSON escapes line breaks inside strings, so these stand between values: indentation.
        return msgspec.json.format(body, indent=-1)
    return body


def check_utf8(body: bytes) -> None:
    """Check that the body is UTF-8, a piece at a time: as text it could take four times its size.

    Raises:
        UnicodeDecodeError: If it is not.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(body), CHUNK_BYTES):
        decoder.decode(body[start : start + CHUNK_BYTES])
    decoder.decode(b"", final=True)


def newest(times: Iterable[str | None]) -> str | None:
    """Return the latest of the API's times, or None if there is none.

    Fractions of a second are ignored: times come with and without, and as text `.5Z` sorts before `Z`.
    """
    return ends(times)[1]


def ends(times: Iterable[str | None]) -> tuple[str | None, str | None]:
    """Return the earliest and the latest of the API's times, as `newest` does."""
    present = [time for time in times if time]
    if all(time[-1] == "Z" for time in present):
        seconds = [time[:19] for time in present]
        if not seconds:
            return None, None
        return present[seconds.index(min(seconds))], present[seconds.index(max(seconds))]
    moments = [(moment, time) for time in present if (moment := parse_time(time))]
    return (min(moments)[1], max(moments)[1]) if moments else (None, None)
