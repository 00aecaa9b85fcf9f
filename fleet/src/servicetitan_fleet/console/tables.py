"""The tables that commands print: companies, their issues, and forecasts of dry runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from servicetitan_fleet.formatting import format_age, format_ago, format_duration, join_names
from servicetitan_fleet.health.freshness import Freshness
from servicetitan_fleet.plugin_runtime.printable import escape_controls

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from servicetitan_fleet.health.evidence import Evidence
    from servicetitan_fleet.health.freshness import CompanyStatus
    from servicetitan_fleet.health.verification import Comparison

STYLES = {
    Freshness.FRESH: "green",
    Freshness.STALE: "yellow",
    Freshness.NOT_AVAILABLE: "dim",
    Freshness.NOT_SELECTED: "dim",
}
"""Colours of states. All others are red."""

WIDTH_OF_FILES = 180
"""Width of a line, in characters, if the output is not a terminal."""

MOST_NAMES = 3
"""Number of streams that an issue names."""

WIDE = 110
"""Characters from which a terminal has room for all columns. A narrower one gets fewer, so that nothing is cut."""

LONG_ID = 20
"""Characters of a company's id from which a table of issues needs more room than `WIDE`."""

_COLUMNS = ("good run", "took", "fresh", "stale", "failed", "n/a", "read", "written", "deleted")
"""Columns of the table of companies. `n/a`: streams that are not available."""

_DISPENSABLE = ("read", "written", "took", "n/a", "deleted", "stale", "fresh", "failed", "good run")
"""Columns that a narrow terminal goes without, from the first on, until the others fit. The report has them, too."""

_PLAN = ("task", "company", "tenant", "project", "expected")

_PADDING = 2
"""Blanks that a table adds to a column."""

_COUNTED = (Freshness.FRESH, Freshness.STALE, Freshness.FAILED, Freshness.NOT_AVAILABLE)


def make_console() -> Console:
    """Make the console for tables: as wide as the terminal, or `WIDTH_OF_FILES`."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_OF_FILES)


def company_table(statuses: Iterable[CompanyStatus], now: dt.datetime, width: int) -> Table:
    """Build a table of companies: age of the last good run, stream counts, and rows of each stream's last run.

    Args:
        statuses: The companies.
        now: The present.
        width: Width of the terminal, in characters.
    """
    rows = [(status, dict(zip(_COLUMNS, _format_numbers(status, now), strict=True))) for status in statuses]
    shown = _choose_columns(rows, width)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("company", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for name in shown:
        table.add_column(name, justify="right", no_wrap=True)
    cells = [
        (Text(status.company.company_id), _format_state(status), *(Text(numbers[name]) for name in shown))
        for status, numbers in rows
    ]
    _add_lines(table, cells)
    return table


def plan_table(rows: Sequence[Sequence[str]], width: int) -> Table:
    """Build a table of a plan: task, company, tenant, project, and how long the run is expected to take.

    Args:
        rows: The cells of each company.
        width: Width of the terminal, in characters.
    """
    columns = list(zip(_PLAN, *rows, strict=True))
    # Each column has a border and two blanks, and the table one border more.
    is_wide = sum(max(map(len, cells)) + 3 for cells in columns) + 1 <= width
    table = Table()
    for name in _PLAN:
        table.add_column(name, no_wrap=is_wide)
    if is_wide:
        _add_lines(table, [[Text(cell) for cell in row] for row in rows])
    else:
        for row in rows:
            table.add_row(*map(Text, row))
    return table


def _add_lines(table: Table, lines: Sequence[Sequence[Text]]) -> None:
    """Add rows of one line each, for all of which the columns have room.

    One row of long cells looks the same as a thousand rows, and is printed in a third of the time.
    """
    if lines:
        table.add_row(*map(Text("\n").join, zip(*lines, strict=True)))


def _choose_columns(rows: Sequence[tuple[CompanyStatus, Mapping[str, str]]], width: int) -> list[str]:
    """Return the columns that a terminal has room for beside whole ids and states."""
    ids = max((len(status.company.company_id) for status, _ in rows), default=0)
    states = max((len(_format_state(status)) for status, _ in rows), default=0)
    room = width - ids - states - 3 * _PADDING
    needed = {name: max([len(name), *(len(numbers[name]) for _, numbers in rows)]) + _PADDING for name in _COLUMNS}
    for name in _DISPENSABLE:
        if sum(needed.values()) > room:
            del needed[name]
    return list(needed)


def _format_state(status: CompanyStatus) -> Text:
    return _colour(status.freshness).append(", running now" if status.is_running else "")


def _format_numbers(status: CompanyStatus, now: dt.datetime) -> Sequence[str]:
    streams = [status.count(state) for state in _COUNTED]
    last = [stream.last for stream in status.streams]
    rows = [sum(getattr(run, name) for run in last) for name in ("rows_read", "rows_written", "rows_deleted")]
    return format_age(status.last_good, now), _format_time(status), *(f"{count:,}" for count in (*streams, *rows))


def _format_time(status: CompanyStatus) -> str:
    """Return how long the last run took, and what most of that went into, if its rows say so."""
    if not status.runs:
        return ""
    newest = max((stream.last for stream in status.streams), key=lambda run: run.ended, default=None)
    spent = newest.spent if newest else {}
    mostly = f", mostly {max(spent, key=lambda name: spent[name])}" if spent else ""
    return format_duration(status.runs[-1].seconds) + mostly


def issue_table(statuses: Iterable[CompanyStatus], now: dt.datetime, width: int) -> Table | None:
    """Build a table of issues: one row per company that needs attention, and one per issue of its streams.

    Args:
        statuses: The companies.
        now: The present.
        width: Width of the terminal, in characters.

    Returns:
        The table, or None if there are no issues.
    """
    found = [issue for status in statuses for issue in _issues(status, now)]
    if not found:
        return None
    if width >= WIDE + max(0, max(len(company_id) for company_id, *_ in found) - LONG_ID):
        table = Table()
        for name in ("company", "streams", "state", "last success"):
            table.add_column(name, no_wrap=name != "streams", overflow="fold")
        table.add_column("what is wrong", ratio=1, overflow="fold")
        for company_id, streams, state, last_success, reason in found:
            table.add_row(company_id, Text(streams), _colour(state), last_success, _printable(reason))
        return table
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    for company_id, streams, state, last_success, reason in found:
        subject = f"{streams}: " if streams else ""
        said = Text.assemble(subject, _colour(state), f", last success: {last_success}: ", _printable(reason))
        table.add_row(company_id, said)
    return table


def _issues(status: CompanyStatus, now: dt.datetime) -> Iterator[tuple[str, str, Freshness, str, str]]:
    """Yield company, streams, state, age of the last success, and the reason."""
    company_id = status.company.company_id
    if not status.freshness.is_good:
        yield company_id, "", status.freshness, format_ago(status.last_good, now), status.reason
    for issue in status.issues:
        names, age = join_names(issue.streams, MOST_NAMES), format_ago(issue.last_success, now)
        yield company_id, names, issue.freshness, age, issue.reason


def _colour(state: Freshness) -> Text:
    return Text(state, STYLES.get(state, "red"))


_FORECAST = ("read", "inserted", "updated", "deleted", "restored", "unchanged", "rejected")


def forecast_table(evidence: Iterable[Evidence], width: int) -> Table:
    """Build a table of what a real run would do to each table, according to dry runs.

    Args:
        evidence: The companies.
        width: Width of the terminal, in characters.
    """
    rows = [row for found in evidence for row in _forecasts(found)]
    if width >= WIDE + max([0, *(len(company_id) - LONG_ID for company_id, *_ in rows)]):
        table = Table("company", "stream")
        for name in _FORECAST:
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("what would go wrong", ratio=1, overflow="fold")
        for company_id, stream, counts, problem in rows:
            numbers = [f"{counts[name]:,}" if counts else "" for name in _FORECAST]
            table.add_row(company_id, _printable(stream), *numbers, _printable(problem))
        return table
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    for company_id, stream, counts, problem in rows:
        named = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "nothing"
        said = [f"{stream}: {named}" if stream else "", problem]
        table.add_row(company_id, _printable("; ".join(text for text in said if text)))
    return table


def _forecasts(found: Evidence) -> Iterator[tuple[str, str, Mapping[str, int], str]]:
    """Yield company, stream, rows by what a run would do with them, and what would go wrong."""
    for run in found.runs:
        yield (
            found.company.company_id,
            run.stream,
            {name: getattr(run, f"rows_{name}") for name in _FORECAST},
            run.error,
        )
    if found.problem:
        yield found.company.company_id, "", {}, found.problem


def _printable(text: str) -> Text:
    """Return a text from elsewhere without markup and control characters."""
    return Text(escape_controls(text, keep="\n"))


def comparison_table(comparisons: Iterable[Comparison]) -> Table:
    """Build a table of streams whose tables are not known to be equal to their sources."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("stream", no_wrap=True)
    table.add_column("source", justify="right", no_wrap=True)
    table.add_column("table", justify="right", no_wrap=True)
    table.add_column("result")
    for each in comparisons:
        numbers = ("" if count is None else f"{count:,}" for count in (each.at_source, each.live_rows))
        table.add_row(each.stream, *numbers, Text(f"{each.verdict}: {escape_controls(each.note)}"))
    return table
