"""The tables that commands print: companies, their issues, and forecasts of dry runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from servicetitan_fleet.formatting import format_age, format_duration, join_names
from servicetitan_fleet.health.freshness import Freshness
from servicetitan_fleet.plugin_runtime.printable import escape_controls

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Sequence

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

_COLUMNS = ("good run", "took", "fresh", "stale", "failed", "n/a", "read", "written", "deleted")
"""Columns of the table of companies. `n/a`: streams that are not available."""

_IN_WIDE_ONES = ("took", "read", "written")
"""Columns that a narrow terminal goes without. The report has them, too."""

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
    shown = [name for name in _COLUMNS if width >= WIDE or name not in _IN_WIDE_ONES]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("company", no_wrap=True)
    table.add_column("state")
    for name in shown:
        table.add_column(name, justify="right", no_wrap=name != "took")
    for status in statuses:
        numbers = dict(zip(_COLUMNS, _format_numbers(status, now), strict=True))
        table.add_row(status.company.company_id, _format_state(status), *(numbers[name] for name in shown))
    return table


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
    if width >= WIDE:
        table = Table("company", "streams", "state", "last success")
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
        yield company_id, "", status.freshness, format_age(status.last_good, now), status.reason
    for issue in status.issues:
        names, age = join_names(issue.streams, MOST_NAMES), format_age(issue.last_success, now)
        yield company_id, names, issue.freshness, age, issue.reason


def _colour(state: Freshness) -> Text:
    return Text(state, STYLES.get(state, "red"))


_FORECAST = ("read", "inserted", "updated", "deleted", "restored", "unchanged", "rejected")


def forecast_table(evidence: Iterable[Evidence]) -> Table:
    """Build a table of what a real run would do to each table, according to dry runs."""
    table = Table("company", "stream")
    for name in _FORECAST:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("what would go wrong", ratio=1)
    for found in evidence:
        company_id = found.company.company_id
        for run in found.runs:
            counts = (f"{getattr(run, f'rows_{name}'):,}" for name in _FORECAST)
            table.add_row(company_id, _printable(run.stream), *counts, _printable(run.error))
        if found.problem:
            table.add_row(company_id, *[""] * (len(_FORECAST) + 1), Text(found.problem))
    return table


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
