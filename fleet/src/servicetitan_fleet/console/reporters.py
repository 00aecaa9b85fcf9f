"""Tells what happens: JSON lines for Cloud Logging, plain lines for a file, a live table for a terminal."""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from servicetitan_fleet.fleet.outcome import Result
from servicetitan_fleet.fleet.reporter import Reporter
from servicetitan_fleet.formatting import duration
from servicetitan_fleet.plugin_runtime.compat import override

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from rich.console import RenderableType

    from servicetitan_fleet.fleet.outcome import Outcome
    from servicetitan_fleet.meltano.log_lines import LogLine
    from servicetitan_fleet.state.execution import Execution

STYLES = {
    Result.DONE: "green",
    Result.ALREADY_DONE: "green",
    Result.BUSY: "yellow",
    Result.STOPPED: "yellow",
    Result.NOT_STARTED: "yellow",
}
"""Colours of results; all others are red."""


class JsonReporter(Reporter):
    """One JSON object a line, with the fields that Cloud Logging knows.

    https://cloud.google.com/logging/docs/structured-logging
    """

    def __init__(self, execution: Execution, output: TextIO) -> None:
        """Take the execution, which every line names, and the output."""
        self._constant = {"execution": execution.name, "task": execution.task}
        self._output = output
        self._lock = threading.Lock()

    @override
    def started(self, company_id: str) -> None:
        self._write("INFO", "started", company=company_id)

    @override
    def said(self, company_id: str, line: LogLine) -> None:
        more = {"plugin": line.plugin, "stream": line.stream, "run_id": line.run_id}
        self._write(line.severity, line.message, company=company_id, **{k: v for k, v in more.items() if v})

    @override
    def ended(self, outcome: Outcome) -> None:
        severity = "INFO" if outcome.result.is_good else "ERROR"
        self._write(severity, _ended(outcome), company=outcome.company_id, **_facts(outcome))

    @override
    def finished(self, outcomes: Sequence[Outcome], summary: str) -> None:
        severity = "INFO" if all(one.result.is_good for one in outcomes) else "ERROR"
        companies = {one.company_id: _facts(one) for one in outcomes}
        self._write(severity, summary, companies=companies)

    def _write(self, severity: str, message: str, **fields: object) -> None:
        line = json.dumps({"severity": severity, "message": message, **fields, **self._constant}, ensure_ascii=False)
        with self._lock:
            print(line, file=self._output, flush=True)


class PlainReporter(Reporter):
    """One line each: time, company, what it says."""

    def __init__(self, output: TextIO) -> None:
        """Take the output."""
        self._output = output
        self._lock = threading.Lock()

    @override
    def started(self, company_id: str) -> None:
        self._write(company_id, "started")

    @override
    def said(self, company_id: str, line: LogLine) -> None:
        self._write(company_id, line.message if line.severity == "INFO" else f"{line.severity}: {line.message}")

    @override
    def ended(self, outcome: Outcome) -> None:
        self._write(outcome.company_id, _ended(outcome))

    @override
    def finished(self, outcomes: Sequence[Outcome], summary: str) -> None:
        console = Console(file=self._output, width=130, highlight=False)
        with self._lock:
            console.print(outcome_table(outcomes))
            console.print(summary, markup=False)

    def _write(self, company_id: str, text: str) -> None:
        with self._lock:
            print(f"{time.strftime('%H:%M:%S', time.gmtime())} {company_id:<24} {text}", file=self._output, flush=True)


class LiveReporter(Reporter):
    """A table on a terminal that changes while companies run. Warnings and errors scroll above it."""

    def __init__(self, console: Console) -> None:
        """Take the console."""
        self._console = console
        self._lock = threading.Lock()
        self._running: dict[str, tuple[float, str]] = {}
        self._ended: list[Outcome] = []
        self._live = Live(console=console, get_renderable=self._table, refresh_per_second=4, transient=True)
        self._live.start()

    @override
    def started(self, company_id: str) -> None:
        with self._lock:
            self._running[company_id] = time.monotonic(), "starting"

    @override
    def said(self, company_id: str, line: LogLine) -> None:
        with self._lock:
            since, _ = self._running[company_id]
            self._running[company_id] = since, line.message
        if line.severity not in ("DEBUG", "INFO"):
            self._console.print(f"{company_id}: {line.severity}: {line.message}", markup=False)

    @override
    def ended(self, outcome: Outcome) -> None:
        with self._lock:
            del self._running[outcome.company_id]
            self._ended.append(outcome)

    @override
    def finished(self, outcomes: Sequence[Outcome], summary: str) -> None:
        self._live.stop()
        self._console.print(outcome_table(outcomes))
        self._console.print(summary, markup=False)

    def _table(self) -> RenderableType:
        with self._lock:
            ended, running = list(self._ended), dict(self._running)
        table = outcome_table(ended)
        for company_id, (since, text) in running.items():
            table.add_row(company_id, "[cyan]running[/]", duration(time.monotonic() - since), escape(text))
        return table


def make_reporter(kind: str, execution: Execution, output: TextIO = sys.stdout) -> Reporter:
    """Return the reporter of a kind: `json`, `plain` or `live`."""
    if kind == "json":
        return JsonReporter(execution, output)
    return LiveReporter(Console(file=output)) if kind == "live" else PlainReporter(output)


def outcome_table(outcomes: Sequence[Outcome]) -> Table:
    """Return a table of what became of the companies."""
    table = Table("company", "result", "took", "why")
    for one in outcomes:
        result = f"[{STYLES.get(one.result, 'red')}]{one.result}[/]"
        table.add_row(one.company_id, result, duration(one.seconds), escape(one.reason))
    return table


def _ended(outcome: Outcome) -> str:
    why = f": {outcome.reason}" if outcome.reason else ""
    return f"{outcome.result} after {duration(outcome.seconds)}{why}"


def _facts(outcome: Outcome) -> dict[str, object]:
    return {"result": outcome.result, "seconds": round(outcome.seconds, 1), "reason": outcome.reason}
