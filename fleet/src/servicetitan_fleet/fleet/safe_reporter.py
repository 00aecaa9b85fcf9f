"""A reporter whose errors stop no company: a terminal that was closed, a pipe that nobody reads, an odd encoding."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import TYPE_CHECKING

from servicetitan_fleet.fleet.reporter import Reporter
from servicetitan_fleet.plugin_runtime.compat import override
from servicetitan_fleet.plugin_runtime.redaction import to_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from servicetitan_fleet.fleet.outcome import Outcome
    from servicetitan_fleet.meltano.log_lines import LogLine


class SafeReporter(Reporter):
    """Passes everything on to another reporter, goes on after its errors, and says at the end that there were some."""

    def __init__(self, reporter: Reporter) -> None:
        """Name the reporter that may fail."""
        self._reporter = reporter
        self._lock = threading.Lock()
        self._first: BaseException | None = None

    @override
    def on_start(self, company_id: str) -> None:
        self._try(lambda: self._reporter.on_start(company_id))

    @override
    def on_log_line(self, company_id: str, line: LogLine) -> None:
        self._try(lambda: self._reporter.on_log_line(company_id, line))

    @override
    def on_end(self, outcome: Outcome) -> None:
        self._try(lambda: self._reporter.on_end(outcome))

    @override
    def on_notice(self, company_id: str, severity: str, message: str, fields: Mapping[str, object]) -> None:
        self._try(lambda: self._reporter.on_notice(company_id, severity, message, fields))

    @override
    def on_finish(self, outcomes: Sequence[Outcome], summary: str) -> None:
        self._try(lambda: self._reporter.on_finish(outcomes, summary))
        if self._first is None:
            return
        problem = to_line(f"{type(self._first).__name__}: {self._first}")
        with contextlib.suppress(Exception):  # the same terminal, perhaps
            sys.stderr.write(
                f"some of the progress could not be shown ({problem}). No run was affected, and the records are "
                "complete: see `orchestrate-etl status`\n"
            )
            sys.stderr.flush()

    def _try(self, report: Callable[[], None]) -> None:
        try:
            report()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the companies' runs are worth more
            # rich raises SystemExit when nobody reads its output any more.
            with self._lock:
                self._first = self._first or error
