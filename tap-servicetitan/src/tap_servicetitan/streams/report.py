"""Streams from a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_servicetitan.errors import StreamError
from tap_servicetitan.plugin_runtime.clock import utc_now
from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.replication.snapshot import PassCheck, read_list
from tap_servicetitan.replication.times import epoch_milliseconds, format_state_time
from tap_servicetitan.reports.days import ReportState, days_to_read
from tap_servicetitan.reports.description import missing_fields, undiscovered_reason
from tap_servicetitan.reports.rows import decode_run_page, deletion_page, to_list_page
from tap_servicetitan.streams.base import ServiceTitanStream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from singer_sdk import Tap

    from tap_servicetitan.api.pages import ListPage
    from tap_servicetitan.api.rate_limit import RateLimiter
    from tap_servicetitan.reports.config import DateRange, Report
    from tap_servicetitan.reports.rows import RunPage
    from tap_servicetitan.streams.context import StreamContext


class ReportStream(ServiceTitanStream):
    """A report: in full on every run, or day by day if it has a date range."""

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
        return self._run(utc_now().date() if self._report.date_range else None)

    def _read_in_full(self) -> None:
        started = utc_now()
        version = epoch_milliseconds(started)
        if self._write_run(None, version) is not None:
            self._activate(version)
            self._save({"snapshot_at": format_state_time(started)})

    def _read_days(self, days: DateRange) -> None:
        today = utc_now().date()
        state = ReportState.parse(self._saved_state)
        for day in days_to_read(state, days, today):
            rows = self._write_run(day)
            if rows is None:
                return
            if not self._report.key:
                self._write_page(deletion_page(day, rows, state.rows.get(day, 0)))
            state = state.after(day, today, days, None if self._report.key else rows)
            self._save(state.dump())

    def _write_run(self, day: date | None, version: int | None = None) -> int | None:
        """Write the rows of one run, and return how many there are; None if the run may have missed some."""
        check, rows = PassCheck(sorted_by_key=False), 0
        for page in self._run(day):
            self._write_page(page, version)
            check.add(page)
            rows += len(page.records)
        problem = check.problem()
        if problem:
            self._note_unsettled(problem)
        return None if problem else rows

    def _run(self, day: date | None) -> Iterator[ListPage]:
        body = self._report.arguments(day)
        rows = 0

        def fetch(number: int) -> ListPage:
            nonlocal rows
            params = {"page": str(number), "pageSize": str(self._report.page_size), "includeTotal": "true"}
            run_page = self._client.post(self._report.data_path, params, body, decode_run_page)
            self._warn_of_missing_fields(run_page)
            page = to_list_page(self._report, run_page, day, rows)
            rows += len(page.records)
            return page

        # The pages of a run belong together. If the API counts each page as a run, it asks for a pause itself.
        self._pace.wait()
        return read_list(fetch)

    def _warn_of_missing_fields(self, page: RunPage) -> None:
        missing = set(missing_fields(self.schema, self._report, page.names)) - self._missed
        self._missed |= missing
        for name in sorted(missing):
            self.logger.warning("%s: the report no longer has the field %s: discover it again", self.name, name)
