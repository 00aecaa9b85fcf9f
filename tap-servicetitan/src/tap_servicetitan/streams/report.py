"""The SDK stream of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_servicetitan.errors import StreamError
from tap_servicetitan.plugin_runtime.clock import utc_now
from tap_servicetitan.plugin_runtime.compat import override
from tap_servicetitan.replication.snapshot import PassCheck, read_list
from tap_servicetitan.reports.config import missing_fields, reason_undiscovered
from tap_servicetitan.reports.days import ReportState, days_to_read
from tap_servicetitan.reports.rows import page_of, read_answer, vanished
from tap_servicetitan.streams.base import ServiceTitanStream, milliseconds, utc_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from tap_servicetitan.api.pages import ListPage
    from tap_servicetitan.api.rate_limit import RateLimiter
    from tap_servicetitan.reports.config import DateRange, Report
    from tap_servicetitan.reports.rows import RunAnswer
    from tap_servicetitan.tap import TapServiceTitan


class ReportStream(ServiceTitanStream):
    """A report: whole on every run, or day by day when it is asked for days."""

    def __init__(self, tap: TapServiceTitan, report: Report, schema: dict[str, Any], pace: RateLimiter) -> None:
        """Make the stream.

        Args:
            tap: The tap.
            report: What the settings say of it.
            schema: Schema of its rows.
            pace: Holds its runs back.
        """
        super().__init__(tap, report.spec, report.spec, schema)
        self._report = report
        self._pace = pace
        self._missed: set[str] = set()
        self._undiscovered = reason_undiscovered(schema)

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
            self._read_whole()

    @override
    def _pages(self) -> Iterator[ListPage]:
        return self._run(utc_now().date() if self._report.date_range else None)

    def _read_whole(self) -> None:
        started = utc_now()
        version = milliseconds(started)
        if self._write_run(None, version) is not None:
            self._activate(version)
            self._save({"snapshot_at": utc_text(started)})

    def _read_days(self, days: DateRange) -> None:
        today = utc_now().date()
        # Not `stream_state`, which would add an empty bookmark.
        state = ReportState.parse(self.tap_state.get("bookmarks", {}).get(self.name, {}))
        for day in days_to_read(state, days, today):
            rows = self._write_run(day)
            if rows is None:
                return
            if not self._report.key:
                self._write_page(vanished(day, rows, state.rows.get(day, 0)))
            state = state.after(day, today, days, None if self._report.key else rows)
            self._save(state.dump())

    def _write_run(self, day: date | None, version: int | None = None) -> int | None:
        """Write the rows of one run, and return how many there are; None if some may have been missed."""
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
            answer = self._client.post(self._report.data_path, params, body, read_answer)
            self._report_missing(answer)
            page = page_of(self._report, answer, day, rows)
            rows += len(page.records)
            return page

        # The pages of a run belong together. Where the API counts each of them as a run, it asks for a pause itself.
        self._pace.wait()
        return read_list(fetch)

    def _report_missing(self, answer: RunAnswer) -> None:
        missing = set(missing_fields(self.schema, self._report, answer.names)) - self._missed
        self._missed |= missing
        for name in sorted(missing):
            self.logger.warning(
                "%s: the report does not have the field %s any more: discover it again", self.name, name
            )
