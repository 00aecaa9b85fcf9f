"""Reads a list as its spec says, and adds the fields that its records lack."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

import msgspec

from tap_servicetitan.api.pages import PageDecoder
from tap_servicetitan.replication.complete_list import CompleteListReader
from tap_servicetitan.replication.list_pass import by_content, by_key, read_pages
from tap_servicetitan.specs.spec import CREATED, CREATED_BEFORE, DATE, POSITION, ResponseFormat
from tap_servicetitan.times import format_api_time
from tap_servicetitan.transform.inject import deletion_marker, filler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tap_servicetitan.api.client import ApiClient
    from tap_servicetitan.api.pages import Key, ListPage, Page
    from tap_servicetitan.errors import StreamError
    from tap_servicetitan.replication.complete_list import PassRequest
    from tap_servicetitan.specs.spec import StreamSpec

    AnyPage = TypeVar("AnyPage", bound=Page)


PAGE_SIZE = "pageSize"
"""The parameter of a list that says how many records a page has."""


def page_decoder(spec: StreamSpec) -> PageDecoder:
    """Return the decoder of a spec's pages. It reads the key fields that the API sends, not those that the tap adds."""
    added = {POSITION} if spec.numbered else set()
    if spec.parent:
        added.add(spec.parent.field)
    if spec.period:
        added.add(DATE)
    return PageDecoder(
        [name for name in spec.key if name not in added],
        spec.cursor,
        CREATED if spec.is_freezable else None,
        spec.unpack,
        spec.data_field,
    )


def list_decoder(spec: StreamSpec) -> Callable[[bytes], ListPage]:
    """Return a function that decodes a page of a spec's list."""
    decoder = page_decoder(spec)
    return {
        ResponseFormat.PAGES: decoder.list_page,
        ResponseFormat.ARRAY: decoder.array_page,
        ResponseFormat.DATA: decoder.data_page,
        ResponseFormat.OBJECT: decoder.object_page,
    }[spec.response_format]


def list_path(spec: StreamSpec, parent: Key | None) -> str:
    """Return the path of a spec's list, with the key of the parent in it if it has one."""
    path = spec.list_path or ""
    if spec.parent is None:
        return path
    return path.replace(f"{{{spec.parent.placeholder}}}", quote(str(parent), safe=""))


def page_deletion_marker(spec: StreamSpec) -> Callable[[AnyPage], AnyPage]:
    """Return a function that marks the deleted records of a page, if the spec says that inactive ones are deleted."""
    if not spec.inactive_is_deleted:
        return lambda page: page
    mark = deletion_marker(spec.cursor)
    return lambda page: replace(page, records=mark(page.records, page.extracted_at.isoformat()))


class ListReader:
    """Reads the lists of one stream: one list, or one per parent."""

    def __init__(
        self, client: ApiClient, spec: StreamSpec, page_size: int, on_smaller: Callable[[str], None] = lambda _: None
    ) -> None:
        """Prepare to read.

        Args:
            client: Sends the requests.
            spec: A spec with a list.
            page_size: Records per page, if the list has pages. The spec may set a lower limit.
            on_smaller: Called with a sentence when the API does not give such pages, the first time for each reason.
        """
        self._client = client
        self._spec = spec
        self._page_size = min(page_size, spec.most_per_page or page_size)
        """Less from when a page did not come on, for all lists of the stream."""
        self._on_smaller = on_smaller
        self._has_said = False
        self._has_said_cap = False
        self._decode = list_decoder(spec)
        self._mark = page_deletion_marker(spec)
        self._fill_position = filler(POSITION)
        self._fill_parent = filler(spec.parent.field) if spec.parent else None

    def open(
        self,
        on_problem: Callable[[int, str], None],
        *,
        parent: Key | None = None,
        query: Mapping[str, str] | None = None,
        added: Mapping[str, str] | None = None,
        tells_changes: bool = False,
    ) -> CompleteListReader:
        """Return a reader that reads a list until every record was seen.

        Args:
            on_problem: Called after each pass that may have missed records: its number, from 1 on, and why.
            parent: Key of the parent, for a child stream.
            query: Parameters in addition to those of the spec and of the page.
            added: Fields that each record gets, with their values.
            tells_changes: Whether a record that changes between two passes is another one.
        """
        return CompleteListReader(
            lambda request: self.read_pages(request, parent=parent, query=query, added=added),
            page_size=self._page_size,
            is_freezable=self._spec.is_freezable and not query,
            identify=by_content if self._spec.numbered or tells_changes else by_key,
            pause=self._client.pause,
            on_problem=on_problem,
        )

    def read_pages(
        self,
        request: PassRequest,
        *,
        parent: Key | None = None,
        query: Mapping[str, str] | None = None,
        added: Mapping[str, str] | None = None,
    ) -> Iterator[ListPage]:
        """Yield the pages of one pass over a list, with complete records.

        Args:
            request: Which pages to ask for.
            parent: Key of the parent, for a child stream.
            query: Parameters in addition to those of the spec and of the page.
            added: Fields that each record gets, with their values.

        Raises:
            StreamError: If the list cannot be read to its end.
        """
        path = list_path(self._spec, parent)
        own = dict(query or {})
        if request.created_before:
            own[CREATED_BEFORE] = format_api_time(request.created_before)
        size = min(request.page_size, self._page_size) if PAGE_SIZE in self._spec.list_parameters else 1
        position = number = 0
        fetch = partial(self._fetch, path, own)
        for page in read_pages(fetch, size, self._remember_smaller):
            first, position = position, position + len(page.records)
            self._watch_size(page, number := number + 1, position)
            yield _add(self._complete(page, parent, first), added or {})

    def _fetch(
        self, path: str, query: Mapping[str, str], number: int, size: int, *, may_ask_for_less: bool
    ) -> ListPage:
        if self._spec.body is not None:
            body = msgspec.json.encode({**self._spec.body, **query})
            return self._client.post(path, {}, body, self._decode)
        params = {**self._page_params(number, size), **self._spec.query, **query}
        return self._client.get_page(path, params, self._decode, may_ask_for_less=may_ask_for_less)

    def _remember_smaller(self, size: int, reason: StreamError) -> None:
        """Ask for no larger pages in the rest of the run."""
        self._page_size = min(self._page_size, size)
        if not self._has_said:
            self._has_said = True
            self._on_smaller(f"asks for {size} records per page from now on: larger pages do not come ({reason})")

    def _watch_size(self, page: ListPage, number: int, rows: int) -> None:
        """Say once when the API gives smaller pages than it was asked for, and does not say so."""
        short = rows // number
        has_size = PAGE_SIZE in self._spec.list_parameters and self._spec.unpack is None
        are_equal = page.has_more and number > 1 and rows == number * short
        if has_size and are_equal and short < self._page_size and not self._has_said_cap:
            self._has_said_cap = True
            self._on_smaller(
                f"gets {short} records per page, although it asks for {self._page_size}: the API gives no more"
            )

    def _page_params(self, number: int, size: int) -> dict[str, str]:
        values = {"page": str(number), PAGE_SIZE: str(size), "includeTotal": "true"}
        return {name: values[name] for name in self._spec.list_parameters}

    def _complete(self, page: ListPage, parent: Key | None, first: int) -> ListPage:
        page = self._mark(page)
        if self._fill_parent:
            value = msgspec.json.encode(parent)
            page = replace(page, records=self._fill_parent(page.records, [value] * len(page.records)))
        if self._spec.numbered:
            positions = range(first, first + len(page.records))
            page = replace(page, records=self._fill_position(page.records, map(b"%d".__mod__, positions)))
        return page


def _add(page: ListPage, added: Mapping[str, str]) -> ListPage:
    """Return a page of which each record has some more fields."""
    records: Sequence[msgspec.Raw] = page.records
    for name, value in added.items():
        records = filler(name)(records, [msgspec.json.encode(value)] * len(records))
    return replace(page, records=records)
