"""The target, as the SDK knows it: takes the messages, keeps a sink for each stream, and ends the run."""

from __future__ import annotations

import math
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, cast

import click
from singer_sdk import Target
from singer_sdk.helpers.capabilities import PluginCapabilities
from singer_sdk.mapper import RemoveRecordTransform, SameRecordTransform
from singer_sdk.plugin_base import PluginBase

from target_bigquery_softdelete.audit.etl_log import LOG_TABLE
from target_bigquery_softdelete.audit.freshness_view import FRESHNESS_VIEW
from target_bigquery_softdelete.audit.quarantine import REJECTED_TABLE
from target_bigquery_softdelete.audit.stream_report import progress
from target_bigquery_softdelete.bigquery.client import make_client
from target_bigquery_softdelete.bigquery.job_options import encryption
from target_bigquery_softdelete.bigquery.lease import LEASE_TABLE, Lease, LeaseTimes, Owners
from target_bigquery_softdelete.bigquery.retry import RetryPolicy
from target_bigquery_softdelete.bigquery.server_clock import ServerClock, steady_seconds
from target_bigquery_softdelete.bigquery.tenancy import Tenancy
from target_bigquery_softdelete.bigquery.warehouse import Warehouse
from target_bigquery_softdelete.config.settings import CONFIG_JSONSCHEMA, Settings
from target_bigquery_softdelete.context import Run, new_run_id
from target_bigquery_softdelete.errors import (
    BadInputError,
    BatchFileError,
    MissingSchemaError,
    StreamMapError,
    WarehouseError,
)
from target_bigquery_softdelete.plugin_runtime.compat import override
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.plugin_runtime.heap import share_one_heap
from target_bigquery_softdelete.plugin_runtime.settings import CheckedSettings
from target_bigquery_softdelete.run.checkpoints import Checkpoints
from target_bigquery_softdelete.run.early_ends import EarlyEnds
from target_bigquery_softdelete.run.failures import RunFailures
from target_bigquery_softdelete.run.finalize import finalize
from target_bigquery_softdelete.run.refused_streams import RefusedStreams
from target_bigquery_softdelete.run.stream_maps import StreamMaps, make_mapper
from target_bigquery_softdelete.runtime.memory import use_system_memory
from target_bigquery_softdelete.runtime.shutdown import end_on_signal
from target_bigquery_softdelete.schema.flattening import Flattening
from target_bigquery_softdelete.schema.json_schema import unite_schemas
from target_bigquery_softdelete.schema.keywords import check_key, check_schema
from target_bigquery_softdelete.schema.naming import history_name, live_name, table_name
from target_bigquery_softdelete.singer.batch import Batch, BatchLimits
from target_bigquery_softdelete.singer.bookmarks import Bookmarks
from target_bigquery_softdelete.singer.read_ends import ReadEnds
from target_bigquery_softdelete.singer.reader import BlockReader, RecordBatch
from target_bigquery_softdelete.singer.sources import declared_sources, has_open_sources
from target_bigquery_softdelete.singer.state import StateComposer
from target_bigquery_softdelete.singer.swept_ranges import PARTS_PROPERTY, parse_swept
from target_bigquery_softdelete.sink import BigQuerySoftDeleteSink

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import FrameType

    from singer_sdk.helpers.capabilities import CapabilitiesEnum
    from singer_sdk.mapper import StreamMap


TENANT_PROPERTY = "x-tenant-id"
"""Property of the schema in a SCHEMA message with which a tap says whose records follow."""

OWN_BOOKMARK_PROPERTY = "x-own-bookmark"
"""Property with which a tap says that no bookmark but the stream's own covers its records."""


class TargetBigQuerySoftDelete(CheckedSettings, Target):
    """Singer target for BigQuery that writes only what changed and marks what disappeared."""

    name = "target-bigquery-softdelete"
    config_jsonschema = CONFIG_JSONSCHEMA
    default_sink_class = BigQuerySoftDeleteSink
    message_reader_class = BlockReader
    retry_policy: ClassVar[RetryPolicy] = RetryPolicy()
    lease_times: ClassVar[LeaseTimes] = LeaseTimes()
    began: ClassVar[float | None] = None
    """When the process began, in steady seconds. By default, when the target was made."""
    _is_stoppable = False
    _is_stopping = False
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.ACTIVATE_VERSION,
        PluginCapabilities.BATCH,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - the SDK's own options
        began = steady_seconds() if self.began is None else self.began
        super().__init__(**options)
        settings = Settings.from_config(self.config)
        run_id = new_run_id()
        client, clock, self._tenancy = make_client(settings), ServerClock(began=began), Tenancy(settings.tenant_id)
        clock.follow(client)
        warehouse = Warehouse(client, settings, run_id, self._tenancy, self.retry_policy, clock=clock)
        lease = Lease(
            client,
            warehouse.lease_id(),
            run_id,
            settings.on_concurrent_run,
            clock=clock,
            tenancy=self._tenancy,
            prepare=warehouse.ensure_datasets,
            encryption=encryption(settings),
            owners=Owners(settings.run_owner or "", tuple(settings.dead_owners)),
            times=self.lease_times,
        )
        self.run = Run(run_id, settings, warehouse, lease, clock)
        self._state = StateComposer()
        self._bookmarks = Bookmarks()
        self._read_ends = ReadEnds()
        self._has_begun = False
        self._tables: dict[str, str] = {}
        """Names of tables, in lower case, and the stream that writes into each."""
        self._schemas: dict[str, dict[str, dict[str, Any]]] = {}
        """For each sink, the last schema of each stream of the input that goes into it."""
        self._source = ""
        """The stream of the SCHEMA message that is being processed."""
        self._failures = RunFailures()
        self._maps = StreamMaps(self.mapper, Flattening.of(self.config))
        self._refused = RefusedStreams(self.run)
        self._ignored: set[str] = set()
        """The streams with an ACTIVATE_VERSION message that has no effect."""
        self._checkpoints = Checkpoints(
            self.run,
            self._state,
            self._failures,
            sinks=self._sinks_active,  # type: ignore[arg-type]
            stream_maps=lambda: self.mapper.stream_maps,
        )
        self._early_ends = EarlyEnds(self.run, self._checkpoints, self._read_ends)
        if isinstance(self.message_reader, BlockReader):
            self.message_reader.idle_timeout = self._seconds_left
            self.message_reader.longest_line = settings.max_line_bytes
            self.message_reader.waiting = self.run.stopwatch.waiting
            self.message_reader.on_idle = self._proceed
        self._context = click.get_current_context(silent=True)
        if self._context:
            use_system_memory()
            share_one_heap()
        if self._context and threading.current_thread() is threading.main_thread():
            self._context.with_resource(self._stoppable())

    def _seconds_left(self) -> float:
        """Return the seconds for which the input may be waited for."""
        left = self._early_ends.seconds_left()
        return min(self._checkpoints.seconds_left(), math.inf if left is None else left)

    def _proceed(self) -> None:
        """Do what is due between two messages."""
        self._checkpoints.merge_if_due()
        self._early_ends.proceed()

    @override
    def setup_mapper(self) -> None:
        self._mapper = make_mapper(self.config, self.logger)

    @contextmanager
    def _stoppable(self) -> Iterator[None]:
        with end_on_signal(self._stop):
            self._is_stoppable = True
            try:
                yield
            finally:
                self._is_stoppable = False

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        # During a run another thread ends the process: here, in the middle of anything, nothing can be done safely.
        if self._is_stoppable:
            self._is_stopping = True
        else:
            super()._handle_termination(signum, frame)

    def _stop(self, signum: int) -> None:
        """Cancel the running jobs, and log how far the run got."""
        jobs = self.run.abandon()
        lease = " The lease of the dataset stays until it expires." if self.run.lease.is_held else ""
        self.logger.error(
            "Stopped by signal %d before the end of the run. %s. %s%s The next run continues from the last state.",
            signum,
            progress([(sink.report, sink.records_merged) for sink in self.sinks]),
            jobs.summary(),
            lease,
        )

    @classmethod
    @override
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        # Only the SDK's settings that have an effect here: stream maps and flattening.
        PluginBase.append_builtin_config.__func__(cls, config_jsonschema)  # type: ignore[attr-defined]

    @property
    def sinks(self) -> list[BigQuerySoftDeleteSink]:
        """The sinks of all streams, in the order of their first SCHEMA messages."""
        return list(self._sinks_active.values())  # type: ignore[arg-type]

    @override
    def get_sink(
        self,
        stream_name: str,
        *,
        record: dict[str, Any] | None = None,
        schema: dict[str, Any] | None = None,
        key_properties: Sequence[str] | None = None,
    ) -> BigQuerySoftDeleteSink:
        """Return the sink of a stream. It stays the same when the schema changes."""
        sink = self._sinks_active.get(stream_name)
        if schema is not None:
            sources = self._schemas.setdefault(stream_name, {})
            sources[self._source] = schema
            schema = unite_schemas(list(sources.values()))
        if schema is None and sink is None:
            self._assert_sink_exists(stream_name)
        if sink is None:
            self._claim_table_names(stream_name, keyed=bool(key_properties))
            sink = self.add_sink(stream_name, schema or {}, key_properties)
        elif schema is not None and not sink.has_schema(schema, key_properties or []):  # type: ignore[attr-defined]
            sink.change_schema(schema, key_properties or [])  # type: ignore[attr-defined]
        return sink  # type: ignore[return-value]

    def _claim_table_names(self, stream: str, *, keyed: bool) -> None:
        names = [table_name(stream)]
        if self.run.settings.has_history(stream, keyed=keyed):
            names.append(history_name(stream))
        if self.run.settings.has_live_views:
            names.append(live_name(stream))
        for name in names:
            if name.lower() in self._reserved_names:
                raise PluginError(
                    f"{stream}: its table would be `{name}`, which this target needs for itself. Give the stream "
                    "another name with `__alias__` in `stream_maps`."
                )
            other = self._tables.setdefault(name.lower(), stream)
            if other != stream:
                raise PluginError(
                    f"{stream}: it needs the name `{name}` for a table, and so does the stream `{other}`. "
                    "Give one of them another name with `__alias__` in `stream_maps`."
                )

    @property
    def _reserved_names(self) -> set[str]:
        settings = self.run.settings
        logs = {LOG_TABLE, REJECTED_TABLE, FRESHNESS_VIEW} if settings.log_dataset == settings.dataset else set()
        return {LEASE_TABLE, *logs}

    @override
    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        stream = message_dict["stream"]
        if not stream:
            raise BadInputError("A SCHEMA message has a stream without a name.")
        self._begin_or_check(stream, message_dict["schema"])
        schema = message_dict["schema"]
        is_independent = isinstance(schema, dict) and schema.get(OWN_BOOKMARK_PROPERTY) is True
        self._state.note_stream(stream, is_independent=is_independent)
        may_go_on = self._goes_on(stream)
        self._read_ends.note_schema(stream, schema)
        if not may_go_on:
            return
        self._source = stream
        may_resume = not self._sinks_of(stream) and self._bookmarks.can_resume(stream)
        self._register(stream, schema, message_dict.get("key_properties"))
        for sink in self._open_sinks(self._sinks_of(stream)):
            sink.note_source(stream, declared_sources(self._stream_maps, sink.stream_name, stream))
            if isinstance(schema, dict) and schema.get(PARTS_PROPERTY) is True:
                sink.note_parts(stream)
            self._note_begin(stream, sink, may_resume=may_resume)

    def _note_begin(self, stream: str, sink: BigQuerySoftDeleteSink, *, may_resume: bool) -> None:
        """Note what must be known, or be done, before the bookmark of a stream is true that begins in this run."""
        if may_resume:
            sink.note_resumption(stream, self._version_kept(stream, sink))
            self._state.note_record(stream)  # whether its bookmark is true is only known when the table is checked
        elif sink.lacks_table:
            self._state.note_tableless(stream)

    def _register(self, stream: str, schema: object, key_properties: object) -> None:
        """Take the schema of a stream: every sink that its maps lead to gets what they make of it.

        What cannot be used ends the stream, or what one of its maps makes of it.
        """
        if stream in self._refused:
            return
        try:
            made = self._maps.register(stream, check_schema(schema), check_key(key_properties))
        except Exception as error:  # noqa: BLE001 - whatever it is, the other streams go on
            self._fail(stream, error)
            return
        for table in made:
            if table.alias in self._refused:
                continue
            try:
                self._check_open(table.alias)
                self.get_sink(table.alias, schema=table.schema, key_properties=table.key)
            except Exception as error:  # noqa: BLE001 - the same
                self._fail(stream, error, only=table.alias)

    def _check_open(self, alias: str) -> None:
        """Check that no other thread has finished a table, or is about to, before its load is changed.

        Raises:
            BadInputError: If its streams have been read to their ends, as the tap has said.
        """
        sinks = [sink for sink in self.sinks if sink.stream_name == alias]
        if any(sink.is_closed for sink in sinks):
            self._early_ends.end()  # one that only waited to be finished may go on
        if any(sink.is_closed for sink in sinks):
            raise BadInputError("it goes on, though the tap has said that it had read it to its end.")

    def _fail(self, stream: str, error: Exception, *, only: str | None = None) -> None:
        """End a stream because the message that is being processed cannot be used.

        Args:
            stream: Its name in the input.
            error: What is wrong with the message.
            only: The one of its tables, by its name as a stream, that is not written. By default, none is.

        Raises:
            WarehouseError: If that is the error: BigQuery would not answer for the next stream, either.
        """
        if isinstance(error, WarehouseError):
            raise error
        sinks = [sink for sink in self.sinks if sink.stream_name == only] if only else self._sinks_of(stream)
        problem = self._bad_message(only or stream, error)
        for sink in sinks:
            sink.fail(problem)
        if not sinks:
            self._refused.refuse(only or stream, problem)
        self._state.note_stream(stream)
        self._state.note_record(stream)

    def _bad_message(self, stream: str, error: Exception) -> PluginError:
        """Return what is wrong with the message that is being processed, with its stream and line."""
        text = str(error) if isinstance(error, PluginError) else f"unexpected {type(error).__name__}: {error}"
        line = self.message_reader.line if isinstance(self.message_reader, BlockReader) else None
        place = f" See line {line} of the input." if line else ""
        names_stream = text.startswith((f"{stream}:", f"{stream}."))
        kind = MissingSchemaError if isinstance(error, MissingSchemaError) else PluginError
        return kind(f"{text if names_stream else f'{stream}: {text}'}{place}")

    @override
    def _process_record_message(self, message_dict: dict[str, Any]) -> None:
        batch = RecordBatch(message_dict)
        self._ingest(batch["stream"], batch["records"], batch["version"])

    def _ingest(self, stream: str, records: Sequence[bytes], version: int | None) -> None:
        may_go_on = self._goes_on(stream)
        routes = self._routes(stream) if may_go_on else []
        self._state.note_record(stream)
        self._read_ends.note_record(stream)
        self._refused.count_read(stream, len(records))
        for stream_map, sink in routes:
            try:
                mapped = self._maps.apply(stream_map, records)
            except StreamMapError as error:
                sink.fail(error)
                continue
            sink.append(stream, mapped, None if self._ignores_versions(stream, sink) else version)
        # Only now: a merge lets STATE out when every sink of the stream has written what it has.
        for _, sink in routes:
            self._checkpoints.enforce_limits(sink)

    def _routes(self, stream: str) -> list[tuple[StreamMap, BigQuerySoftDeleteSink]]:
        """Return the maps of a stream, each with the sink that it leads to. A stream without a SCHEMA message fails."""
        if stream not in self.mapper.stream_maps and stream not in self._refused:
            self._fail(stream, MissingSchemaError(f"{stream}: its records came before its SCHEMA message."))
        sinks = cast("Mapping[str, BigQuerySoftDeleteSink]", self._sinks_active)
        maps = self.mapper.stream_maps.get(stream, ())
        return [(each, sinks[each.stream_alias]) for each in maps if each.stream_alias in sinks]

    def _ignores_versions(self, stream: str, sink: BigQuerySoftDeleteSink) -> bool:
        return self.run.settings.ignores_versions({stream, sink.stream_name})

    def _version_kept(self, stream: str, sink: BigQuerySoftDeleteSink) -> int | None:
        """Return the version in the last bookmark of a stream, if there is one and it is not ignored."""
        return None if self._ignores_versions(stream, sink) else self._bookmarks.version(stream)

    def _sinks_of(self, stream: str) -> list[BigQuerySoftDeleteSink]:
        """Return the sinks of a stream of the input. There are none before its SCHEMA message."""
        aliases = {stream_map.stream_alias for stream_map in self.mapper.stream_maps.get(stream, ())}
        return [sink for sink in self.sinks if sink.stream_name in aliases]

    @override
    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        self._note_swept(message_dict.get("read"))
        self._state.note_state(message_dict["value"])
        self._read_ends.note_state(message_dict.get("read"))
        for sink in self._open_sinks(self.sinks):
            sink.note_state()
        for stream in self._bookmarks.note_state(message_dict["value"], self.mapper.stream_maps):
            for sink in self._open_sinks(self._sinks_of(stream)):
                sink.note_bookmark(stream, self._version_kept(stream, sink))
        self._offer_ended(message_dict.get("read"))
        self._proceed()

    def _note_swept(self, read: object) -> None:
        """Note which ranges the tap has read, before the bookmarks that are true only when they are swept."""
        for stream, swept in parse_swept(read).items():
            for stream_map in self.mapper.stream_maps.get(stream, ()):
                sink = self._sinks_active.get(stream_map.stream_alias)
                if (
                    not isinstance(sink, BigQuerySoftDeleteSink)
                    or sink.is_closed
                    or self._ignores_versions(stream, sink)
                ):
                    continue
                self._state.note_record(stream)  # its effect on the table is not written yet
                if swept is None:
                    sink.note_swept(stream, "the tap says in an unknown way which ranges of the stream it has read")
                elif type(stream_map) is not SameRecordTransform:
                    sink.note_swept(stream, "a stream map may have changed the property by which the tap has read it")
                else:
                    sink.note_swept(stream, swept)

    @staticmethod
    def _open_sinks(sinks: Iterable[BigQuerySoftDeleteSink]) -> list[BigQuerySoftDeleteSink]:
        return [sink for sink in sinks if not sink.is_closed]

    @property
    def _stream_maps(self) -> Mapping[str, Any]:
        return self.config.get("stream_maps") or {}

    def _offer_ended(self, read: object) -> None:
        """Let the sinks be finished of which the tap has now read all streams to their ends."""
        said = self._read_ends.said()
        for stream in read if isinstance(read, dict) else ():
            self._early_ends.offer(
                [
                    sink
                    for sink in self._sinks_of(stream)
                    if sink.may_end_early(said) and not has_open_sources(self._stream_maps, sink.stream_name)
                ]
            )

    def _goes_on(self, stream: str) -> bool:
        """Return whether a stream may go on. One that the tap has read to its end, as it has said, fails if it does."""
        if any(sink.is_closed for sink in self._sinks_of(stream)):
            self._early_ends.end()  # a stream that only waited to be finished may go on
        if not any(sink.is_closed for sink in self._sinks_of(stream)):
            return True
        if all(sink.error is None for sink in self._sinks_of(stream)):
            self._fail(stream, BadInputError("it goes on, though the tap has said that it had read it to its end."))
        return False

    @override
    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        stream = message_dict["stream"]
        if stream not in self.mapper.stream_maps:
            if stream not in self._refused:
                self._note_ignored(stream, "came before the stream's SCHEMA message")
            return
        version = message_dict.get("version")
        if version is None:
            self._note_ignored(stream, "has no version")
        elif self._goes_on(stream):
            self._activate(stream, version)

    def _activate(self, stream: str, version: int) -> None:
        self._read_ends.note_activation(stream)
        for stream_map, sink in self._routes(stream):
            # A stream that is mapped to nothing has no record here, and its snapshot is not empty.
            if not self._ignores_versions(stream, sink) and not isinstance(stream_map, RemoveRecordTransform):
                self._state.note_record(stream)  # its effect on the table is not written yet, either
                sink.activate(stream, version)

    def _note_ignored(self, stream: str, reason: str) -> None:
        """Say once of a stream why an ACTIVATE_VERSION message of it has no effect."""
        if stream not in self._ignored:
            self._ignored.add(stream)
            self.logger.warning("%s: an ACTIVATE_VERSION message %s, so it marks no row deleted.", stream, reason)

    @override
    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:
        stream = message_dict["stream"]
        self._routes(stream)  # without a SCHEMA message, not even files that have no record may pass
        self._state.note_record(stream)
        limits = BatchLimits(self.run.settings.batch_schemes, self.run.settings.max_line_bytes)
        try:
            batch = Batch.of(message_dict)
        except BatchFileError as error:
            self._fail(stream, error)
            return
        try:
            for records in batch.records(limits):
                self._ingest(stream, records, batch.version)
        except BatchFileError as error:
            for sink in self._sinks_of(stream):
                sink.fail(error)

    def _acquire_lease(self) -> None:
        if self._context:
            self._context.call_on_close(self._leave)  # however the run ends
        self.run.lease.acquire()

    def _leave(self) -> None:
        """Wait for the streams that are being finished in threads, and only then give the lease back.

        A run that ends with an error in the middle of its input comes here first. What its threads still wrote after
        another run has taken the lease might undo what that one has found.
        """
        try:
            self._early_ends.end()
        except Exception as error:  # noqa: BLE001 - what has ended the run matters more
            reason = str(error) if isinstance(error, PluginError) else f"unexpected {type(error).__name__}"
            self.logger.warning("A stream that had ended early could not be finished: %s", reason)
        finally:
            self.run.release_lease()

    @override
    def process_endofpipe(self) -> None:
        """Merge every stream, and write the last STATE and the audit log.

        Raises:
            PluginError: If a stream failed, or the input was cut off. Everything that could be written is written.
        """
        if self._is_stopping:  # whoever stops the run ends its input, too: nothing more is begun
            threading.Event().wait()
        cut_off = self.message_reader.cut_off if isinstance(self.message_reader, BlockReader) else None
        try:
            self._early_ends.end()
            finalize(
                self.run,
                self.sinks,
                self._checkpoints,
                self._failures,
                done=self._early_ends.done,
                refused=self._refused,
                read_ends=self._read_ends,
                cut_off=cut_off,
            )
        finally:
            self.run.release_lease()
            self.logger.info("the run %s", self.run.stopwatch.read())

    def _begin_or_check(self, stream: str, schema: object) -> None:
        """Take the lease and then check whose tables these are, before the first stream begins.

        Raises:
            WrongTenantError: If the tap, or what BigQuery has, belongs to another tenant.
            PluginError: If another run holds the lease, or BigQuery does not answer.
        """
        tenant = schema.get(TENANT_PROPERTY) if isinstance(schema, dict) else None
        is_news = tenant is not None and self._tenancy.note_tap(str(tenant), stream)
        if not self._has_begun:
            self._acquire_lease()
        if is_news or not self._has_begun:
            # After the lease is taken: another run may have made the tables while this one waited for it.
            self.run.warehouse.check_tenant()
            self.run.begin_log()
        self._has_begun = True
