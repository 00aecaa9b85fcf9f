"""Merges streams before their end, so that a crash loses little, and writes the STATE that is true by then."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from target_bigquery_softdelete.plugin_runtime.errors import PluginError
from target_bigquery_softdelete.singer.state_writer import write_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from singer_sdk.mapper import StreamMap

    from target_bigquery_softdelete.context import Run
    from target_bigquery_softdelete.run.failures import RunFailures
    from target_bigquery_softdelete.singer.state import StateComposer
    from target_bigquery_softdelete.sink import BigQuerySoftDeleteSink

BLOCKS_IN_MEMORY = 4
"""When the blocks of all streams together are larger than so many full ones, the largest is converted."""


class Checkpoints:
    """The checkpoints of one run."""

    def __init__(
        self,
        run: Run,
        state: StateComposer,
        failures: RunFailures,
        *,
        sinks: Mapping[str, BigQuerySoftDeleteSink],
        stream_maps: Callable[[], Mapping[str, Sequence[StreamMap]]],
    ) -> None:
        """Start the clock.

        Args:
            run: The run.
            state: Composes the STATE that is true.
            failures: Takes the error when STATE cannot be written.
            sinks: The sinks of all streams so far, by name. The target adds to them.
            stream_maps: Returns the maps of each stream of the input: a stream may go into several tables.
        """
        self._run = run
        self._state = state
        self._failures = failures
        self._sinks = sinks
        self._stream_maps = stream_maps
        self._last = time.monotonic()
        self._can_write_state = True
        self._up_to_date: set[str] = set()
        """Tables that have been merged since other runs were told."""

    def seconds_left(self) -> float:
        """Return the seconds until the next checkpoint is due."""
        due = self._last + self._run.settings.merge_interval_seconds
        return max(0.0, due - time.monotonic())

    def merge_if_due(self) -> None:
        """Merge all streams that may be merged early, if a checkpoint is due."""
        if not self.seconds_left():
            self._merge_early([sink for sink in self._open_sinks() if sink.merges_early])
            self._last = time.monotonic()

    def enforce_limits(self, sink: BigQuerySoftDeleteSink) -> None:
        """Keep memory, and what a crash would lose, within their limits.

        Args:
            sink: The one that has taken records.
        """
        settings = self._run.settings
        if sink.buffered_bytes >= settings.block_bytes:
            sink.convert()
        elif self._buffered_bytes() >= BLOCKS_IN_MEMORY * settings.block_bytes:
            max(self._open_sinks(), key=lambda other: other.buffered_bytes).convert()
        if sink.unmerged_records >= settings.merge_interval_rows and sink.merges_early:
            self._merge_early([sink])

    def _open_sinks(self) -> list[BigQuerySoftDeleteSink]:
        """Return the sinks that still take records. The others are, or have been, finished in another thread."""
        return [sink for sink in self._sinks.values() if not sink.is_closed]

    def _buffered_bytes(self) -> int:
        return sum(sink.buffered_bytes for sink in self._open_sinks())

    def _merge_early(self, sinks: Sequence[BigQuerySoftDeleteSink]) -> None:
        for sink in sinks:
            sink.process_batch({})
        self.let_out(sinks)

    def let_out(self, sinks: Sequence[BigQuerySoftDeleteSink]) -> None:
        """Write the STATE that is true now that these sinks have merged."""
        # Of all: what other sinks of the same stream have rejected is covered by its STATE, too.
        self.record_rejections([*sinks, *(sink for sink in self._open_sinks() if sink not in sinks)])
        self.mark_written(sinks)
        self.write_state()

    def record_rejections(self, sinks: Iterable[BigQuerySoftDeleteSink]) -> None:
        """Put the rejected records of the rows that are merged into the quarantine, all at once.

        If that fails, the streams that have some fail: STATE would say that they are done with.
        """
        found = [(sink, rejections) for sink in sinks if (rejections := sink.take_rejections())]
        quarantine = self._run.open_quarantine()
        if not found or quarantine is None:
            return
        try:
            quarantine.write([rejections for _, rejections in found])
        except PluginError as error:
            for sink, _ in found:
                sink.fail(PluginError(f"{sink.stream_name}: {error}"))
        except Exception as error:  # noqa: BLE001 - whatever it is, the other streams go on
            kind = type(error).__name__
            for sink, _ in found:
                sink.fail(PluginError(f"{sink.stream_name}: unexpected {kind} while rejected records were written"))

    def mark_written(self, sinks: Iterable[BigQuerySoftDeleteSink]) -> None:
        """Note which streams of the input are written completely, now that these sinks have merged."""
        merged = {sink.stream_name for sink in sinks}
        self._up_to_date |= {sink.report.table_name for sink in sinks}
        for stream, maps in self._stream_maps().items():
            aliases = {stream_map.stream_alias for stream_map in maps}
            if aliases & merged and all(self._is_written(alias) for alias in aliases):
                self._state.mark_written(stream)

    def _is_written(self, alias: str) -> bool:
        sink = self._sinks.get(alias)
        return sink is not None and sink.is_written

    def write_state(self) -> None:
        """Write the STATE that is true now, if it is new, after other runs can know of it. A dry run writes none."""
        state = self._state.next_state()
        if not self._can_write_state or self._run.settings.dry_run:
            return
        tables, self._up_to_date = self._up_to_date, set()
        self._can_write_state = self._failures.attempt(lambda: self._run.lease.note_up_to_date(tables))
        if state is not None and self._can_write_state:
            self._can_write_state = self._failures.attempt(lambda: write_state(state))
