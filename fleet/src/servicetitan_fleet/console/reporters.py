"""Reports progress as JSON lines for Cloud Logging, as plain lines, or as a live table in a terminal."""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from servicetitan_fleet.fleet.outcome import Ending, Result
from servicetitan_fleet.fleet.reporter import Reporter
from servicetitan_fleet.formatting import format_clock, format_duration, join_names
from servicetitan_fleet.plugin_runtime.compat import override
from servicetitan_fleet.plugin_runtime.printable import escape_controls

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TextIO

    from rich.console import RenderableType

    from servicetitan_fleet.fleet.outcome import Outcome
    from servicetitan_fleet.meltano.log_lines import LogLine
    from servicetitan_fleet.state.execution import Execution

STYLES = {
    Result.DONE: "green",
    Result.ALREADY_DONE: "green",
    Result.INCOMPLETE: "yellow",
    Result.BUSY: "yellow",
    Result.STOPPED: "yellow",
    Result.NOT_STARTED: "yellow",
}
"""Colours of results. All others are red."""


WIDTH_OF_LINES = 130
"""Width of the table of outcomes, in characters, if the output is not a terminal."""

_RESULTS, _PARTS = 32, 10
"""Characters that the columns with result and duration need, and each of those with where the time went."""


class JsonReporter(Reporter):
    """Writes one JSON object per line, with the fields that Cloud Logging knows.

    https://cloud.google.com/logging/docs/structured-logging
    """

    def __init__(self, execution: Execution, output: TextIO) -> None:
        """Name the execution, which is in every line, and the output."""
        self._constant = {"execution": execution.name, "task": execution.task}
        self._output = output
        self._lock = threading.Lock()

    @override
    def on_start(self, company_id: str) -> None:
        self._write("INFO", "started", company=company_id)

    @override
    def on_log_line(self, company_id: str, line: LogLine) -> None:
        more = {"plugin": line.plugin, "stream": line.stream, "run_id": line.run_id}
        self._write(line.severity, line.message, company=company_id, **{k: v for k, v in more.items() if v})

    @override
    def on_end(self, outcome: Outcome) -> None:
        severity = "INFO" if outcome.result.is_good else "ERROR"
        self._write(
            severity, _describe(outcome), company=outcome.company_id, **_to_fields(outcome), **_to_streams(outcome)
        )

    @override
    def on_notice(self, company_id: str, severity: str, message: str, fields: Mapping[str, object]) -> None:
        company = {"company": company_id} if company_id else {}
        self._write(severity, message, **company, **fields)

    @override
    def on_finish(self, outcomes: Sequence[Outcome], summary: str) -> None:
        severity = "INFO" if all(outcome.result.is_good for outcome in outcomes) else "ERROR"
        # Without the streams, whose reasons would make a line that is too long for Cloud Logging.
        companies = {outcome.company_id: _to_fields(outcome) for outcome in outcomes}
        self._write(severity, summary, companies=companies)

    def _write(self, severity: str, message: str, **fields: object) -> None:
        line = json.dumps({"severity": severity, "message": message, **fields, **self._constant}, ensure_ascii=False)
        with self._lock:
            print(line, file=self._output, flush=True)


class PlainReporter(Reporter):
    """Writes plain lines: time, company, message."""

    def __init__(self, output: TextIO) -> None:
        """Name the output."""
        self._output = output
        self._lock = threading.Lock()

    @override
    def on_start(self, company_id: str) -> None:
        self._write(company_id, "started")

    @override
    def on_log_line(self, company_id: str, line: LogLine) -> None:
        self._write(company_id, line.message if line.severity == "INFO" else f"{line.severity}: {line.message}")

    @override
    def on_end(self, outcome: Outcome) -> None:
        self._write(outcome.company_id, _describe(outcome))

    @override
    def on_notice(self, company_id: str, severity: str, message: str, fields: Mapping[str, object]) -> None:
        self._write(company_id or "fleet", f"{severity}: {message}")

    @override
    def on_finish(self, outcomes: Sequence[Outcome], summary: str) -> None:
        console = Console(file=self._output, width=None if self._output.isatty() else WIDTH_OF_LINES, highlight=False)
        with self._lock:
            console.print(outcome_table(outcomes, width=console.width))
            console.print(summary, markup=False)

    def _write(self, company_id: str, text: str) -> None:
        with self._lock:
            # A line break in a text would begin a line that looks like any other.
            line = f"{time.strftime('%H:%M:%S', time.gmtime())} {company_id:<24} {escape_controls(text)}"
            print(line, file=self._output, flush=True)


class LiveReporter(Reporter):
    """Shows a table in a terminal that is updated while companies run. Warnings and errors scroll above it."""

    def __init__(self, console: Console) -> None:
        """Start the live table on a console. `on_finish` ends it."""
        self._console = console
        self._lock = threading.Lock()
        self._running: dict[str, tuple[float, str]] = {}
        self._ended: list[Outcome] = []
        self._live = Live(console=console, get_renderable=self._table, refresh_per_second=4, transient=True)
        self._live.start()

    @override
    def on_start(self, company_id: str) -> None:
        with self._lock:
            self._running[company_id] = time.monotonic(), "starting"

    @override
    def on_log_line(self, company_id: str, line: LogLine) -> None:
        with self._lock:
            since, _ = self._running[company_id]
            self._running[company_id] = since, line.message
        if line.severity not in ("DEBUG", "INFO"):
            self._console.print(f"{company_id}: {line.severity}: {line.message}", markup=False)

    @override
    def on_end(self, outcome: Outcome) -> None:
        with self._lock:
            del self._running[outcome.company_id]
            self._ended.append(outcome)

    @override
    def on_notice(self, company_id: str, severity: str, message: str, fields: Mapping[str, object]) -> None:
        self._console.print(f"{company_id or 'fleet'}: {severity}: {escape_controls(message)}", markup=False)

    @override
    def on_finish(self, outcomes: Sequence[Outcome], summary: str) -> None:
        self._live.stop()
        self._console.print(outcome_table(outcomes, width=self._console.width))
        self._console.print(summary, markup=False)

    def _table(self) -> RenderableType:
        with self._lock:
            ended, running = list(self._ended), dict(self._running)
        now = time.monotonic()
        said = [(company_id, now - since, text) for company_id, (since, text) in running.items()]
        return outcome_table(ended, said, width=self._console.width)


def make_reporter(kind: str, execution: Execution, output: TextIO = sys.stdout) -> Reporter:
    """Make a reporter: `json`, `plain` or `live`."""
    if kind == "json":
        return JsonReporter(execution, output)
    return LiveReporter(Console(file=output)) if kind == "live" else PlainReporter(output)


def outcome_table(
    outcomes: Sequence[Outcome], running: Sequence[tuple[str, float, str]] = (), *, width: int
) -> RenderableType:
    """Return a table with the outcome of each company, where its time went, and below it what is to be said of each.

    Nothing in it is cut, however narrow the terminal is, but what running companies say.

    Args:
        outcomes: The outcomes.
        running: The companies that run now: their ids, seconds since they began, and what they say.
        width: Width of the terminal, in characters. A narrow one does without where the time went.
    """
    ids = [*(outcome.company_id for outcome in outcomes), *(company_id for company_id, _, _ in running)]
    parts = next((list(outcome.spent.parts) for outcome in outcomes if outcome.spent), [])
    if width < max(map(len, ids), default=0) + _RESULTS + _PARTS * len(parts):
        parts = []
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("company", "result", "took", *parts):
        table.add_column(name, no_wrap=True, justify="right" if name in parts else "left")
    for outcome in outcomes:
        result = f"[{STYLES.get(outcome.result, 'red')}]{outcome.result}[/]"
        spent = outcome.spent.parts if outcome.spent else {}
        clocks = (format_clock(spent[name]) if spent else "" for name in parts)
        table.add_row(outcome.company_id, result, format_duration(outcome.seconds), *clocks)
    for company_id, seconds, _ in running:
        table.add_row(company_id, "[cyan]running[/]", format_duration(seconds), *("" for _ in parts))
    said = _list_texts(outcomes, running)
    return Group(table, said) if said.rows else table


def _list_texts(outcomes: Sequence[Outcome], running: Sequence[tuple[str, float, str]]) -> Table:
    """Return the reasons of companies, whole, and what running ones say, in one line each."""
    texts = Table.grid(padding=(0, 2, 0, 0))
    texts.add_column(no_wrap=True)
    texts.add_column(ratio=1, overflow="fold")
    for outcome in outcomes:
        if why := _explain(outcome):
            texts.add_row(outcome.company_id, Text(escape_controls(why)))
    for company_id, _, text in running:
        texts.add_row(company_id, Text(escape_controls(text), no_wrap=True, overflow="ellipsis"))
    return texts


def _describe(outcome: Outcome) -> str:
    why = _explain(outcome)
    return f"{outcome.result} after {_format_time(outcome)}{f': {why}' if why else ''}"


def _format_time(outcome: Outcome) -> str:
    """Return how long a company took, and where that time went if it is known."""
    if outcome.spent is None:
        return format_duration(outcome.seconds)
    return f"{format_clock(outcome.seconds)} = {outcome.spent}"


def _explain(outcome: Outcome) -> str:
    """Return the reason of an outcome, and the streams that are not available. These need nobody."""
    absent = join_names(list(outcome.select(Ending.NOT_AVAILABLE)))
    return "; ".join(text for text in (outcome.reason, f"not available: {absent}" if absent else "") if text)


def _to_fields(outcome: Outcome) -> dict[str, object]:
    fields = {"result": outcome.result, "seconds": round(outcome.seconds, 1), "reason": outcome.reason}
    if outcome.spent:
        fields["spent"] = {name.lower(): round(seconds, 1) for name, seconds in outcome.spent.parts.items()}
    return fields


def _to_streams(outcome: Outcome) -> dict[str, object]:
    """Return the streams by how they ended, with the reasons. Those that were successful are only counted."""
    streams: dict[str, object] = {ending: named for ending in Ending if (named := outcome.select(ending))}
    if successes := outcome.select(Ending.SUCCESS):
        streams[Ending.SUCCESS] = len(successes)
    return {"streams": streams} if streams else {}
