"""The base of all streams: writes pages, keeps the state, and notes how reading ended."""

from __future__ import annotations

import abc
from dataclasses import replace
from decimal import Decimal
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import msgspec
from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib import Metadata

from tap_servicetitan.api.pages import Page
from tap_servicetitan.catalog.entries import schema_of
from tap_servicetitan.catalog.meanings import restored
from tap_servicetitan.concurrency.prefetch import read_ahead
from tap_servicetitan.errors import RequestRefusedError
from tap_servicetitan.output.read_messages import read_message
from tap_servicetitan.plugin_runtime.clock import utc_now
from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.plugin_runtime.plurals import pluralize
from tap_servicetitan.replication.child_lists import ChildLists
from tap_servicetitan.replication.list_reader import ListReader
from tap_servicetitan.replication.parent_lookup import ParentLookup
from tap_servicetitan.specs.spec import DELETED_AT
from tap_servicetitan.streams.outcome import ReadStatus, StreamOutcome, describe_unread

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from datetime import datetime

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib import MetadataMapping, SchemaMessage

    from tap_servicetitan.api.client import ApiClient
    from tap_servicetitan.api.pages import Key, KeyField
    from tap_servicetitan.output.read_messages import Sweep
    from tap_servicetitan.output.writer import MessageWriter
    from tap_servicetitan.settings import Settings
    from tap_servicetitan.specs.spec import StreamSpec
    from tap_servicetitan.streams.context import StreamContext

T = TypeVar("T")

MODULE_MISSING = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})
"""How the API answers if the app has no scope for a module, or the tenant has not enabled it."""

TENANT_ANNOTATION = "x-tenant-id"
"""The keyword at the root of a SCHEMA message's schema that says whose records follow."""

OWN_BOOKMARK_ANNOTATION = "x-own-bookmark"
"""The keyword there that says that no bookmark but the stream's own covers its records, even while it has none."""

TELLS_END_ANNOTATION = "x-tells-end"
"""The keyword there that says that a STATE message will tell how reading the stream ended, in its member `x-read`."""


PARTS_ANNOTATION = "x-versions-are-parts"
"""The keyword there that says that the run goes on with a pass: its versions do not bring what a table has lost."""


def new_version() -> int:
    """Return a version for a full pass: this machine's time in milliseconds since 1970, which differs in each run."""
    return int(utc_now().timestamp() * 1000)


_exact = msgspec.json.Decoder(float_hook=Decimal)


class ServiceTitanStream(Stream, abc.ABC):
    """A stream that is made from its spec. Pages leave as raw bytes if nothing in them has to change."""

    TYPE_CONFORMANCE_LEVEL: ClassVar[TypeConformanceLevel] = TypeConformanceLevel.NONE  # type: ignore[misc]

    def __init__(
        self,
        tap: Tap,
        context: StreamContext,
        spec: StreamSpec,
        source: StreamSpec,
        schema: dict[str, Any] | None = None,
    ) -> None:
        """Make the stream.

        Args:
            tap: The tap, for the SDK: catalog and state.
            context: What the streams of the run share.
            spec: The spec of the stream.
            source: The spec whose pages are read: the parent's for a child stream, else the stream's own.
            schema: Schema of the records; by default the committed one.
        """
        self._context = context
        self._shaper = context.shaper_for(spec, schema or schema_of(spec))
        super().__init__(tap, name=spec.name, schema=self._shaper.schema)
        self.primary_keys = spec.key
        self.replication_key = spec.replication_key
        self.selected_by_default = spec.selected
        self.spec = spec
        self.source = source
        self.outcome = StreamOutcome()
        self._checkpoint: Callable[[], None] | None = None
        """Saves what has been read so far of something long. It covers only what is written."""
        self.has_ended = False
        """Whether the target has been told how reading it ended."""
        self._sweep: Sweep | None = None
        """What the target is to sweep when it is told that."""
        self._is_doubtful = False
        """Whether records may be missing of what this run has read, and which is not known."""

    @property
    def _goes_on_with_pass(self) -> bool:
        """Whether the run goes on with a full pass, and so leaves out what earlier runs have read of it."""
        return False

    @property
    def goes_on(self) -> bool:
        """Whether the last run has begun something with the stream that may take long."""
        return False

    def read(self) -> None:
        """Write the stream's messages and keep its state: the SDK's `sync` without the SDK's log lines.

        Raises:
            StreamError: If the stream cannot be read to its end.
        """
        self.logger.info("Reading %s", self.name)
        self._write_schema_message()
        for _ in self._sync_records():
            pass

    @property
    @override
    def metadata(self) -> MetadataMapping:
        metadata = super().metadata
        # Without its key a record is lost, and without this field one that is deleted looks alive: no catalog may
        # leave them out.
        for name in {*self.spec.key, DELETED_AT} & self.schema["properties"].keys():
            metadata["properties", name].inclusion = Metadata.InclusionType.AUTOMATIC
        return metadata

    @property
    @override
    def emit_activate_version_messages(self) -> bool:
        """The SDK would emit them before the records, when the tap cannot know whether the pass will be complete."""
        return False

    @override
    def _generate_schema_messages(self) -> Generator[SchemaMessage, None, None]:
        # Here and not in the stream's own schema: the catalog is nobody's, and flattening keeps only the properties.
        for message in super()._generate_schema_messages():
            annotations: dict[str, object] = {
                TENANT_ANNOTATION: self._settings.tenant_id,
                TELLS_END_ANNOTATION: True,
            }
            if self._goes_on_with_pass:
                annotations[PARTS_ANNOTATION] = True
            if message.stream == self.name:  # a copy under another name, made by a stream map, hangs on this bookmark
                annotations[OWN_BOOKMARK_ANNOTATION] = True
            message.schema = {**restored(message.schema, self.schema), **annotations}
            yield message

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """Keep the SDK's own bookmark out of the state."""

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Yield the records of one pass as dictionaries with exact numbers. The sync itself works on pages."""
        for page in self._pages():
            for own in self._own_pages(page):
                yield from map(_exact.decode, self._shaper.shape(own.records))

    @override
    def _sync_records(
        self,
        context: Context | None = None,
        *,
        write_messages: bool = True,
    ) -> Generator[dict[str, Any], Any, Any]:
        self._set_outcome(StreamOutcome())
        with self.get_record_counter() as self._counter, self.get_sync_timer():
            try:
                self._read()
            except RequestRefusedError as error:
                self._skip_or_raise(error)
            finally:
                self._writer.flush()
        yield from ()

    def tell_end(self, failure: str | None) -> None:
        """Tell the target how reading the stream ended, and which ranges of it to sweep.

        The bookmark that is true when they are swept comes with that: no other message tells it before.

        Args:
            failure: Why it failed, if it did.
        """
        outcome = self.outcome if failure is None else StreamOutcome(ReadStatus.FAILED, reason=failure)
        names = [stream_map.stream_alias for stream_map in self.stream_maps]
        sweep = self._sweep if failure is None else None
        with self._writer.lock:
            if sweep:
                self._set_bookmark(sweep.bookmark)
            message = read_message(
                self.tap_state, names, outcome.status.value, outcome.reason, self._shaper.unknown_fields, sweep=sweep
            )
            self._writer.write_object(message)
            self.has_ended = True

    def cut(self, reason: str) -> None:
        """Tell the target that the stream was not read to its end because the time is up. Save how far it was read.

        Args:
            reason: Which time it is.
        """
        if self._checkpoint:
            self._checkpoint()
        self._prepare_cut()
        so_far = self._progress()
        text = f"{reason}: {so_far}" if so_far else reason
        self.outcome = StreamOutcome(ReadStatus.INCOMPLETE, self.outcome.records, text)
        self.tell_end(None)

    def _prepare_cut(self) -> None:
        """Note what is to be told with the end that is not in the bookmark yet."""

    def _progress(self) -> str:
        """Return how far the stream was read, in words; empty if there is nothing to say."""
        records = self.outcome.records
        return f"{pluralize(records, 'record')} {'was' if records == 1 else 'were'} read" if records else ""

    def _skip_or_raise(self, error: RequestRefusedError) -> None:
        missing = error.status in MODULE_MISSING and self.outcome.records == 0
        if not missing or self._settings.on_missing_module == "fail":
            raise error
        self._set_outcome(StreamOutcome(ReadStatus.SKIPPED, reason=str(error)))

    def _set_outcome(self, outcome: StreamOutcome) -> None:
        """Note how reading ends, unless the target has been told: after that the stream's thread may still run."""
        with self._writer.lock:
            if not self.has_ended:
                self.outcome = outcome

    @abc.abstractmethod
    def _read(self) -> None:
        """Read the stream, write its messages, keep its state."""

    @abc.abstractmethod
    def _pages(self) -> Iterator[Page]:
        """Yield the pages of one pass over the source."""

    @cached_property
    def _child_lists(self) -> ChildLists | None:
        """The lists of the source's records, for a child stream."""
        if self.spec.parent is None:
            return None
        return ChildLists(
            self._list_reader(self.spec).open,
            ParentLookup(self._client, self.source, self._list_reader(self.source)),
            owed=self._owed,
            were_read=bool(self._saved_state),
            on_problem=self._warn_of_problem,
        )

    def _list_reader(self, spec: StreamSpec) -> ListReader:
        def say(sentence: str) -> None:
            self.logger.warning("%s: %s", spec.name, sentence)

        return ListReader(self._client, spec, self._settings.page_size, say)

    @property
    def _owed(self) -> Sequence[Key]:
        """The parents whose lists an earlier run could not read."""
        return ()

    def _warn_of_problem(self, attempt: int, problem: str) -> None:
        self.logger.warning("%s: pass %d may have missed records: %s", self.name, attempt, problem)

    def _note_incomplete(self, problem: str, *, is_doubtful: bool = True) -> None:
        """Note that records may be missing. The first reason counts.

        Args:
            problem: The reason.
            is_doubtful: Whether it is not known which of them.
        """
        self._is_doubtful = self._is_doubtful or is_doubtful
        if self.outcome.status is ReadStatus.COMPLETE:
            self.outcome.status, self.outcome.reason = ReadStatus.INCOMPLETE, problem

    @property
    def _is_complete(self) -> bool:
        return self.outcome.status is ReadStatus.COMPLETE

    def _ahead(self, steps: Iterator[T]) -> Iterator[T]:
        """Yield pages, or what else a source brings, and fetch the next one meanwhile."""
        return read_ahead(steps if self.spec.parent is None else map(_keep_keys, steps), self._context.turns)

    def _own_pages(self, page: Page) -> Iterator[Page]:
        """Yield the stream's own pages for a page of the source."""
        if self._child_lists is None:
            return iter((page,))
        return self._child_lists.of(self._parents_in(page))

    def _parents_in(self, page: Page) -> list[KeyField]:
        """Return the keys of a page of parents, whose keys have one field. One that has none has a list, too."""
        keys = [key for key in page.keys if isinstance(key, (int, str))]
        if missing := len(page.keys) - len(keys):
            has, their = ("has", "its list was") if missing == 1 else ("have", "their lists were")
            counted = f"{pluralize(missing, 'record')} of {self.source.name}"
            self._note_incomplete(f"{counted} {has} no key, so {their} not read")
        return keys

    def _write_from(self, page: Page, version: int | None = None) -> None:
        """Write the stream's own pages for a page of the source."""
        for own in self._own_pages(page):
            self._write_page(own, version)
            if self._child_lists:
                # Between two pages of the source many lists are read.
                self._context.turns.offer()

    def _settle(self, version: int | None = None) -> None:
        """Read once more the child lists that could not be read. If some still cannot, the stream is incomplete."""
        if self._child_lists is None:
            return
        for page in self._child_lists.settle():
            self._write_page(page, version)
        if unread := self._child_lists.unread:
            self._note_incomplete(describe_unread(self.source.name, unread), is_doubtful=False)

    def _activate(self, version: int, save: Callable[[], None]) -> None:
        """Tell the target that it has all records of a version, and save that at once: the output never ends between.

        Args:
            version: The version.
            save: Saves the bookmark.
        """
        with self._writer.lock:
            self._write_activate_version_message(version)
            save()

    @property
    def _now(self) -> datetime:
        """The time (UTC) by the server's clock."""
        return self._client.server_time

    @property
    def _client(self) -> ApiClient:
        return self._context.client

    @property
    def _settings(self) -> Settings:
        return self._context.settings

    @property
    def _writer(self) -> MessageWriter:
        return self._context.writer

    def _leaves_unchanged(self, name: str) -> bool:
        """Return whether the values of a field leave as they came: selected, and not changed by a map or a rule."""
        maps = self.stream_maps
        is_mapped = len(maps) != 1 or type(maps[0]) is not SameRecordTransform
        return not is_mapped and self.mask.get(("properties", name), False) and self._shaper.leaves_unchanged(name)

    @cached_property
    def _writes_raw(self) -> bool:
        """Whether records leave as they came: no map, no flattening, every field selected, no limit."""
        maps = self.stream_maps
        return (
            len(maps) == 1
            and type(maps[0]) is SameRecordTransform
            and not maps[0].flattening_enabled
            and all(self.mask.values())
            and self.ABORT_AT_RECORD_COUNT is None
        )

    def _write_page(self, page: Page, version: int | None = None) -> None:
        """Write the records of a page, if it has any, and drop them."""
        if page.broken:
            are, were = ("is no JSON object", "was") if page.broken == 1 else ("are no JSON objects", "were")
            self._note_incomplete(f"{pluralize(page.broken, 'record')} of a page {are}, and {were} left out")
        if page.records:
            self._write_records(replace(page, records=self._shaper.shape(page.records)), version)
        page.drop()

    def _write_records(self, page: Page, version: int | None) -> None:
        for name in self._shaper.take_new_unknown_fields(page.records):
            self.logger.warning("%s: the API sends a field that is not in the schema: %s", self.name, name)
        if self._writes_raw:
            for lines in self._context.messages(self.name, page, version):
                self._writer.write_lines(lines)
        else:
            self._write_mapped(page, version)
        self._counter.increment(len(page.records))
        self.outcome.records += len(page.records)
        self.state_manager.is_flushed = False

    def _write_mapped(self, page: Page, version: int | None) -> None:
        self._stream_version = version
        for index, raw in enumerate(page.records):
            self._check_max_record_limit(self.outcome.records + index)
            self._write_record_message(_exact.decode(raw))

    @property
    def _saved_state(self) -> Mapping[str, Any]:
        # Not `stream_state`, which would add an empty bookmark.
        state: Mapping[str, Any] = self.tap_state.get("bookmarks", {}).get(self.name, {})
        return state

    def _save(self, bookmark: Mapping[str, Any]) -> None:
        # All streams share one state, and it changes only here: it covers only written records of the other streams.
        with self._writer.lock:
            self._set_bookmark(bookmark)
            self._write_state_message()

    def _set_bookmark(self, bookmark: Mapping[str, Any]) -> None:
        """Set the bookmark of the stream. Hold the lock of the output, and write it before anybody else does."""
        self.stream_state.clear()
        self.stream_state.update({**bookmark, **self._context.identity})
        self.state_manager.is_flushed = False


def _keep_keys(step: T) -> T:
    """Return a page of parents without its records: only their keys are needed, for as long as reading their lists."""
    if isinstance(step, Page):
        step.drop()
    return step
