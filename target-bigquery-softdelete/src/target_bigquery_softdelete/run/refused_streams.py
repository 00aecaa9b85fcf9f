"""Streams of which nothing is written, because a message of theirs cannot be used. The others go on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from target_bigquery_softdelete.audit.stream_report import StreamReport
from target_bigquery_softdelete.plugin_runtime.clock import utc_now
from target_bigquery_softdelete.schema.naming import table_name

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from target_bigquery_softdelete.context import Run
    from target_bigquery_softdelete.plugin_runtime.errors import PluginError
    from target_bigquery_softdelete.singer.read_ends import ReadEnds

logger = logging.getLogger(__name__)


class RefusedStreams:
    """The refused streams of one run, by the names that their tables would have as streams."""

    def __init__(self, run: Run) -> None:
        """Begin without any.

        Args:
            run: The run.
        """
        self._run = run
        self._reports: dict[str, StreamReport] = {}
        self.errors: list[PluginError] = []

    @property
    def names(self) -> Collection[str]:
        """The names of the refused streams."""
        return self._reports.keys()

    def __contains__(self, stream: str) -> bool:
        return stream in self._reports

    def refuse(self, stream: str, error: PluginError) -> None:
        """Refuse a stream. The first error counts."""
        if stream in self:
            return
        table = self._run.warehouse.table_id(table_name(stream))
        self._reports[stream] = report = StreamReport(stream, str(table), dry_run=self._run.settings.dry_run)
        report.fail(error)
        self.errors.append(error)
        logger.error("%s", error)
        error.reported = True

    def count_read(self, stream: str, count: int) -> None:
        """Count records that came, and go nowhere."""
        if stream in self:
            self._reports[stream].rows_read += count

    def end_reports(self, read_ends: ReadEnds) -> Sequence[StreamReport]:
        """Complete the reports and return them.

        Args:
            read_ends: What the messages say about the ends of their streams.
        """
        for stream, report in self._reports.items():
            report.ended = utc_now()
            report.note_end(read_ends.of(stream))
        return list(self._reports.values())
