"""The tables that `status` prints: a line for each company, and one for each trouble of streams."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from servicetitan_fleet.formatting import age, duration
from servicetitan_fleet.health.freshness import Freshness

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from servicetitan_fleet.health.evidence import Evidence
    from servicetitan_fleet.health.freshness import CompanyStatus

STYLES = {Freshness.FRESH: "green", Freshness.STALE: "yellow", Freshness.NOT_SELECTED: "dim"}
"""Colours; all others are red."""

WIDTH_OF_FILES = 180
"""Characters of a line, where the output is not a terminal."""

MOST_NAMES = 3
"""Streams that are named when many have the same trouble."""

_NUMBERS = ("good run", "took", "fresh", "stale", "failed", "read", "written", "deleted")


def table_console() -> Console:
    """Return the console that tables are printed on: as wide as the terminal, or as a file's line."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_OF_FILES)


def company_table(statuses: Iterable[CompanyStatus], now: dt.datetime) -> Table:
    """Return one line a company: age of the last good run, streams, and the rows of each stream's last run."""
    # As narrow as can be: a terminal of 100 characters is to show it whole.
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("company", no_wrap=True)
    table.add_column("state")
    for name in _NUMBERS:
        table.add_column(name, justify="right", no_wrap=name != "took")
    for one in statuses:
        table.add_row(one.company.company_id, _state(one), *_numbers(one, now))
    return table


def _state(one: CompanyStatus) -> Text:
    running = ", running now" if one.is_running else ""
    return Text(f"{one.freshness}{running}", STYLES.get(one.freshness, "red"))


def _numbers(one: CompanyStatus, now: dt.datetime) -> Sequence[str]:
    streams = [one.count(kind) for kind in (Freshness.FRESH, Freshness.STALE, Freshness.FAILED)]
    last = [stream.last for stream in one.streams]
    rows = [sum(getattr(run, name) for run in last) for name in ("rows_read", "rows_written", "rows_deleted")]
    took = duration(one.runs[-1].seconds) if one.runs else ""
    return age(one.last_good, now), took, *(f"{count:,}" for count in (*streams, *rows))


def trouble_table(statuses: Iterable[CompanyStatus], now: dt.datetime) -> Table | None:
    """Return what is wrong: of each company, and then of its streams, those with the same reason in one line.

    None when nothing is.
    """
    table = Table("company", "streams", "state", "last success")
    table.add_column("what is wrong", ratio=1, overflow="fold")
    for company in statuses:
        if not company.freshness.is_good:
            state = Text(company.freshness, STYLES.get(company.freshness, "red"))
            table.add_row(company.company.company_id, "", state, age(company.last_good, now), Text(company.reason))
        for one in company.troubles:
            state = Text(one.freshness, STYLES.get(one.freshness, "red"))
            last_success = age(one.last_success, now)
            table.add_row(company.company.company_id, _names(one.streams), state, last_success, Text(one.reason))
    return table if table.rows else None


def _names(streams: Sequence[str]) -> Text:
    more = f" and {len(streams) - MOST_NAMES} more" if len(streams) > MOST_NAMES else ""
    return Text(", ".join(streams[:MOST_NAMES]) + more)


_FORECAST = ("read", "inserted", "updated", "deleted", "restored", "unchanged", "rejected")


def forecast_table(evidence: Iterable[Evidence]) -> Table:
    """Return what dry runs said that a real run would do: a line for each table."""
    table = Table("company", "stream")
    for name in _FORECAST:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("what would go wrong", ratio=1)
    for one in evidence:
        for run in one.runs:
            counts = (f"{getattr(run, f'rows_{name}'):,}" for name in _FORECAST)
            table.add_row(one.company.company_id, run.stream, *counts, Text(run.error))
        if one.problem:
            table.add_row(one.company.company_id, *[""] * (len(_FORECAST) + 1), Text(one.problem))
    return table
