"""Streams from a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_servicetitan.errors import MissingRecordsError, StreamError, UnavailableError
from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.replication.complete_list import CompleteListReader, PassRequest
from tap_servicetitan.replication.list_pass import by_content, read_pages
from tap_servicetitan.reports.days import ReportState, days_to_read
from tap_servicetitan.reports.description import cell_readers, missing_fields, undiscovered_reason
from tap_servicetitan.reports.rows import decode_run_page, deletion_page, to_list_page
from tap_servicetitan.streams.base import ServiceTitanStream, new_version
from tap_servicetitan.times import format_state_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from singer_sdk import Tap

    from tap_servicetitan.api.pages import ListPage
    from tap_servicetitan.api.rate_limit import RateLimiter
    from tap_servicetitan.reports.config import DateRange, Report
    from tap_servicetitan.reports.rows import RunPage
    from tap_servicetitan.streams.context import StreamContext


MAX_FAILED_DAYS = 3
"""How many days of a run may fail before the report does. Each takes all retries."""


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

    def _read_days(self, days: DateRange) -> None:
        today = self._now.date()
        state = self._begin_days(today)
        failed = 0
        for day in days_to_read(state, days, today):
            try:
                state = self._read_day(state, day, today, days)
            except (MissingRecordsError, UnavailableError) as error:
                # The days behind it go on, unless the report is in trouble for all of them.
                failed += 1
                if failed > MAX_FAILED_DAYS:
                    raise
                self._note_incomplete(f"{day}: {error}")
                state = ReportState.parse(self._saved_state, today).without(day, today)
            self._save(state.dump())

    def _begin_days(self, today: date) -> ReportState:
        try:
            return ReportState.parse(self._saved_state, today)
        except ValueError as error:
            self.logger.warning("%s: its bookmark is not used, so it is read from its start: %s", self.name, error)
            self._save({})
            return ReportState()

    def _read_day(self, state: ReportState, day: date, today: date, days: DateRange) -> ReportState:
        """Write the rows of a day, and mark those that are gone. Return the state after that."""
        had_rows = state.rows.get(day, 0) > 0
        state, reader = self._write_day(state, day)
        if had_rows and not reader.rows and not reader.problem:
            # Nothing, where there was something, may be a passing trouble of the report.
            state, reader = self._write_day(state, day)
        if reader.problem:
            self._note_incomplete(f"{day}: {reader.problem}")
            return state.without(day, today)
        if not self._report.key:
            self._write_page(deletion_page(day, reader.rows, state.rows.get(day, 0)))
        return state.after(day, today, days, None if self._report.key else reader.rows)

    def _write_day(self, state: ReportState, day: date) -> tuple[ReportState, CompleteListReader]:
        reader = self._open(day)
        for page in reader.pages():
            if not self._report.key and page.records:
                written = reader.rows + len(page.records)
                # Before the rows, so that none is forgotten if the run ends between the two.
                if written > state.rows.get(day, 0):
                    state = state.before(day, written)
                    self._save(state.dump())
            self._write_page(page)
        return state, reader

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
