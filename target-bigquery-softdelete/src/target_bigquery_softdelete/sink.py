"""The sink of one stream, as the SDK knows it. Its load does the work; an error ends the stream and not the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec
from singer_sdk.sinks import Sink

from target_bigquery_softdelete.errors import DeletesRefusedError, TooManyRejectsError
from target_bigquery_softdelete.load.stream_load import StreamLoad
from target_bigquery_softdelete.plugin_runtime.compat import override
from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.schema.system_columns import DELETED_AT, SDK_PROPERTIES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from singer_sdk import Target

    from target_bigquery_softdelete.audit.quarantine import Rejections
    from target_bigquery_softdelete.audit.stream_report import StreamReport
    from target_bigquery_softdelete.context import HasRun
    from target_bigquery_softdelete.schema.json_schema import JsonSchema
    from target_bigquery_softdelete.singer.swept_ranges import SweptRanges


class BigQuerySoftDeleteSink(Sink):
    """Takes the records of one stream. It lives as long as the stream, whatever happens to the schema."""

    def __init__(
        self, target: Target, stream_name: str, schema: JsonSchema, key_properties: Sequence[str] | None
    ) -> None:
        left_out = sorted(SDK_PROPERTIES.intersection(schema["properties"]) - {DELETED_AT})
        super().__init__(target, stream_name, schema, key_properties)
        if left_out:
            self.logger.warning(
                "%s: no column for %s, in which a tap says how it read a record. If that is data, give it another name "
                "with a stream map.",
                stream_name,
                ", ".join(f"`{name}`" for name in left_out),
            )
        self._load = StreamLoad(cast("HasRun", target).run, stream_name, self.schema, self.key_properties)
        self.error: PluginError | None = None
        """The error that ended the stream."""
        self.is_closed = False
        """Whether its stream has been read to its end, so that another thread may finish it. Nothing is added then."""
        self.is_taken_in = False
        """Whether that thread is done, and what it has done may be told."""

    @property
    @override
    def include_sdc_metadata_properties(self) -> bool:
        # `_etl_synced` and `_etl_operation` say what the `_sdc_*` columns would; those change with every run.
        return False

    @override
    def get_validator(self) -> None:
        # The conversion is the validation: every record passes it, at native speed.
        return None

    @property
    def report(self) -> StreamReport:
        """What happened to the stream in this run."""
        return self._load.report

    @property
    def sources(self) -> Collection[str]:
        """The streams of the input that go into the table."""
        return self._load.sources

    @property
    def records_merged(self) -> int:
        """Records that are merged."""
        return self._load.records_merged

    @property
    def unmerged_records(self) -> int:
        """Records that were read since the last merge."""
        return self._load.unmerged_records

    @property
    def is_written(self) -> bool:
        """Whether the table is as the records say that were read, and this thread knows it.

        What another thread has just finished may have rejected records that are not in the quarantine yet.
        """
        is_told = self.is_taken_in or not self.is_closed
        return self.error is None and is_told and self._load.is_written

    @property
    def lacks_table(self) -> bool:
        """Whether there is no table yet."""
        return self._load.lacks_table

    @property
    def buffered_bytes(self) -> int:
        """Size of the block of raw records that is in memory."""
        return self._load.buffered_bytes

    @property
    def merges_early(self) -> bool:
        """Whether the rows so far may be merged before the end of the stream."""
        return self._load.merges_early

    def may_end_early(self, ended: Collection[str]) -> bool:
        """Return whether everything is there that the table gets in this run.

        Args:
            ended: The streams of the input that have been read to their ends.
        """
        return self._load.expected_sources <= set(ended)

    def has_schema(self, schema: JsonSchema, key_properties: Sequence[str]) -> bool:
        """Return whether the records that come now have this schema and key."""
        return self.original_schema == schema and list(self.key_properties) == list(key_properties)

    def change_schema(self, schema: JsonSchema, key_properties: Sequence[str]) -> None:
        """Take a changed SCHEMA message: the records before it are merged with the schema that they came with.

        Raises:
            PluginError: If the stream cannot have a table with this schema.
        """
        self.original_schema = self.schema = schema
        self._remove_sdc_metadata_from_schema()
        self._key_properties = list(key_properties)
        columns = self._load.table_columns(self.schema, key_properties)
        self._attempt(lambda: self._load.change_columns(columns))

    def note_source(self, source: str, declared: Collection[str]) -> None:
        """Note that a stream of the input goes into the table. See `StreamLoad`."""
        self._attempt(lambda: self._load.note_source(source, declared))

    def note_resumption(self, source: str, version: int | None) -> None:
        """Note that the tap had a bookmark of a stream of the input before it began, and the version in it."""
        self._load.note_resumption(source, version)

    def note_parts(self, source: str) -> None:
        """Note that the tap goes on with a pass over a stream of the input. See `StreamLoad`."""
        self._load.note_parts(source)

    def note_swept(self, source: str, swept: SweptRanges | str) -> None:
        """Note which ranges of a stream of the input the tap has read, or why they tell nothing."""
        self._load.note_swept(source, swept)

    def note_state(self) -> None:
        """Note a STATE message. See `StreamLoad`."""
        self._load.note_state()

    def note_bookmark(self, source: str, version: int | None) -> None:
        """Note that the tap has moved the bookmark of a stream of the input, and the version in it."""
        self._load.note_bookmark(source, version)

    def append(self, source: str, records: Sequence[bytes], version: int | None) -> None:
        """Take records.

        Args:
            source: The stream of the input.
            records: Each a JSON object as bytes.
            version: Version of the snapshot that they belong to, where the tap says so.
        """
        self.record_counter_metric.increment(len(records))
        if version is not None:
            begun = version
            self._attempt(lambda: self._load.begin_snapshot(source, begun))
        self._load.count_read(source, version, len(records))
        if self.error is None:
            self._load.append(records)

    @override
    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Take one record as the SDK hands it over."""
        self.append(self.stream_name, [msgspec.json.encode(record)], None)

    @override
    def activate_version(self, new_version: int) -> None:
        """Take an ACTIVATE_VERSION message as the SDK hands it over."""
        self.activate(self.stream_name, new_version)

    def activate(self, source: str, version: int) -> None:
        """Take an ACTIVATE_VERSION message of a stream of the input: the snapshot of that version is complete."""
        self._load.activate_version(source, version)

    def convert(self) -> None:
        """Convert the block that is in memory and write it to the local file."""
        self._attempt(self._load.convert)

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        """Merge the rows so far, before the end of the stream."""
        self._attempt(self._load.merge_early)

    def finish(self) -> None:
        """Merge the rest, mark rows deleted if a complete snapshot says so, and complete the report."""
        self._attempt(self._load.finish)
        for warning in self._load.end_report():
            self.logger.warning("%s", warning)

    def take_rejections(self) -> Rejections | None:
        """Return what the quarantine must know before STATE says that the rows so far are written. See `StreamLoad`.

        The rows of a stream that the guard has refused have landed, too. One that has failed because of its rejected
        records shows them.
        """
        if isinstance(self.error, TooManyRejectsError):
            return self._load.take_rejections_of_failed()
        has_landed = self.error is None or isinstance(self.error, DeletesRefusedError)
        return self._load.take_rejections() if has_landed else None

    @override
    def clean_up(self) -> None:
        """Drop the staging tables. Those of a failed stream stay until they expire, so that you can inspect them."""
        if self.error is not None:
            return
        try:
            self._load.drop()
        except PluginError as error:
            self.logger.warning("%s", error)  # no harm: all rows are in their table, and the staging table expires

    def _attempt(self, step: Callable[[], object]) -> None:
        """Run a step, unless the stream has failed. An error ends the stream."""
        if self.error is not None:
            return
        try:
            step()
        except PluginError as error:
            self.fail(error)
        except Exception as error:
            self.logger.debug("Where it happened:", exc_info=error)
            self.fail(PluginError(f"{self.stream_name}: unexpected {type(error).__name__}: {error}"))

    def fail(self, error: PluginError) -> None:
        """End the stream with an error. The first one counts."""
        if self.error is not None:
            return
        self.error = error
        self.report.fail(error)
        self._load.discard()
        self.logger.error("%s", error)
        error.reported = True
