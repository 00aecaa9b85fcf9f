"""Streams from a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tap_servicetitan.errors import StreamError
from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.replication.complete_list import CompleteListReader, PassRequest
from tap_servicetitan.replication.list_pass import by_content, read_pages
from tap_servicetitan.reports.config import REPORT_DATE, REPORT_POSITION
from tap_servicetitan.reports.description import cell_readers, missing_fields, undiscovered_reason
from tap_servicetitan.reports.rows import decode_run_page, to_list_page
from tap_servicetitan.streams.base import new_version
from tap_servicetitan.streams.daily import DailyStream
from tap_servicetitan.times import format_state_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from singer_sdk import Tap

    from tap_servicetitan.api.pages import ListPage
    from tap_servicetitan.api.rate_limit import RateLimiter
    from tap_servicetitan.reports.config import Report
    from tap_servicetitan.reports.rows import RunPage
    from tap_servicetitan.streams.context import StreamContext


class ReportStream(DailyStream):
    """A report: in full on every run, or day by day if it has a date range."""

    date_field: ClassVar[str] = REPORT_DATE
    position_field: ClassVar[str] = REPORT_POSITION

    def __init__(
        self, tap: Tap, context: StreamContext, report: Report, schema: dict[str, Any], pace: RateLimiter
    ) -> None:
        """Make the stream.

        Args:
            tap: The tap, for the SDK: catalog and state.
            context: What the streams of the run share.
            report: The report, as the settings declare it.
            schema: Schema of its rows.
            pace: Limits its runs.
        """
        super().__init__(tap, context, report.spec, report.spec, schema)
        self._report = report
        self._pace = pace
        self._missed: set[str] = set()
        self._undiscovered = undiscovered_reason(schema)
        self._readers = cell_readers(report, schema)

    @override
    def read(self) -> None:
        if self._undiscovered:
            raise StreamError(f"the report could not be discovered: {self._undiscovered}")
        super().read()

    @override
    def _read(self) -> None:
        if self._report.date_range:
            self._read_days(self._report.date_range)
        else:
            self._read_in_full()

    @override
    def _pages(self) -> Iterator[ListPage]:
        request = PassRequest(page_size=self._report.page_size)
        return self._run(self._now.date() if self._report.date_range else None, request)

    def _read_in_full(self) -> None:
        began = self._now
        version = new_version()
        reader = self._open(None)
        for page in reader.pages():
            self._write_page(page, version)
        if reader.problem:
            self._note_incomplete(reader.problem)
            return
        self._activate(version, lambda: self._save({"snapshot_at": format_state_time(began)}))

    @property
    @override
    def _is_numbered(self) -> bool:
        return not self._report.key

    @override
    def _open_day(self, day: date) -> CompleteListReader:
        return self._open(day)

    def _open(self, day: date | None) -> CompleteListReader:
        return CompleteListReader(
            lambda request: self._run(day, request),
            page_size=self._report.page_size,
            identify=by_content,
            pause=self._client.pause,
            on_problem=self._warn_of_problem,
        )

    def _run(self, day: date | None, request: PassRequest) -> Iterator[ListPage]:
        body = self._report.arguments(day)
        rows = 0

        def fetch(number: int, size: int, *, may_ask_for_less: bool) -> ListPage:
            nonlocal rows
            # A page may count as a run: then the second one would be refused if it came at once.
            with self._context.turns.pause():
                self._pace.wait()
            run_page = self._client.post(
                self._report.data_path,
                {"page": str(number), "pageSize": str(size), "includeTotal": "true"},
                body,
                decode_run_page,
                may_ask_for_less=may_ask_for_less,
                least_pause=self._settings.report_interval_seconds,
            )
            self._warn_of_missing_fields(run_page)
            page = to_list_page(self._report, run_page, day, rows, self._readers)
            rows += len(page.records)
            return page

        return read_pages(fetch, request.page_size)

    def _warn_of_missing_fields(self, page: RunPage) -> None:
        missing = set(missing_fields(self.schema, self._report, page.names)) - self._missed
        self._missed |= missing
        for name in sorted(missing):
            self.logger.warning("%s: the report no longer has the field %s: discover it again", self.name, name)
