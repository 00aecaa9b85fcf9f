"""Compares what a source says it has with what the tables have. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from servicetitan_fleet.health.evidence import SUCCESS
from servicetitan_fleet.plugin_runtime.plurals import pluralize

if TYPE_CHECKING:
    from collections.abc import Iterable

MARGIN = dt.timedelta(seconds=60)
"""How long before a run records must have been created to be compared: the run has read them for certain."""

LONGEST_AGE = dt.timedelta(days=7)
"""How much older than the newest run that of a stream may be: one that is read no more must not hold the rest back."""


class SourceCount(msgspec.Struct, kw_only=True, frozen=True):
    """How many records of a stream the source has: a line of the tap's `--count`."""

    stream: str
    count: int | None
    """None if that is not known."""
    created_before: dt.datetime | None
    """Only records that were created before this moment are counted. None: all of them."""
    is_snapshot: bool
    """Whether each run reads every record, so that the table has none that are gone."""
    uncounted: str
    """Why only a pass over all records would count them; empty if a request does."""
    problem: str
    """Why the request failed; empty if it did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTable:
    """The table of a stream, as its last run left it."""

    stream: str
    table_name: str
    status: str
    """How that run ended, as in the audit log."""
    started: dt.datetime
    """When that run began."""
    live_rows: int | None = None
    """How many rows it has that are not marked DELETE: of those created before the moment that the source was asked
    for, if it was. None if they were not counted."""


class Verdict(StrEnum):
    """What a comparison shows."""

    EQUAL = "equal"
    MISSING = "rows missing"
    GONE = "rows too many"
    NEWER = "more at the source"
    UNKNOWN = "not compared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A stream at the source and in its table."""

    stream: str
    verdict: Verdict
    at_source: int | None = None
    live_rows: int | None = None
    note: str = ""
    """What is to be known or done; empty if nothing is."""

    is_failure: bool = False
    """Whether what should have been compared could not be."""


def compared_until(tables: Iterable[WrittenTable]) -> dt.datetime | None:
    """Return the moment up to which all of the tables should have every record that was created; None without any."""
    started = [table.started for table in tables if table.status == SUCCESS]
    newest = max(started, default=None)
    if newest is None:
        return None
    # In whole seconds: the tap is told no others, and the tables must be asked for the same moment.
    return (min(moment for moment in started if newest - moment <= LONGEST_AGE) - MARGIN).replace(microsecond=0)


def compare(source: SourceCount, table: WrittenTable | None) -> Comparison:
    """Compare what the source has of a stream with its table.

    Only records from before the last run count where the source can tell: what came since is not expected in the table.

    Args:
        source: What the source says.
        table: The table. None if no run has written it.
    """
    if note := _why_unknown(source, table):
        return Comparison(
            stream=source.stream,
            verdict=Verdict.UNKNOWN,
            at_source=source.count,
            live_rows=table.live_rows if table else None,
            note=note,
            is_failure=bool(source.problem) or not source.uncounted,
        )
    at_source, live_rows = source.count or 0, (table and table.live_rows) or 0
    verdict, note = _judge(source, at_source - live_rows)
    return Comparison(stream=source.stream, verdict=verdict, at_source=at_source, live_rows=live_rows, note=note)


def _why_unknown(source: SourceCount, table: WrittenTable | None) -> str:
    if source.problem or source.uncounted:
        return source.problem or f"{source.uncounted}: `--full {source.stream}` reads and compares all of it"
    if table is None:
        return "no run has written it"
    if table.status != SUCCESS:
        return f"its last run did not read it to its end: {table.status}"
    return "" if table.live_rows is not None else "its table does not exist"


def _judge(source: SourceCount, difference: int) -> tuple[Verdict, str]:
    if difference == 0:
        return Verdict.EQUAL, ""
    if difference < 0:
        when = "the next run" if source.is_snapshot else "its next full pass"
        return Verdict.GONE, f"{_rows(-difference)} to be marked deleted by {when}, if they are gone"
    if source.created_before is None:
        return Verdict.NEWER, f"{_rows(difference)} more, perhaps since the last run: run it, and verify again at once"
    return Verdict.MISSING, f"{_rows(difference)} missing: `resync --stream {source.stream}` reads all of it again"


def _rows(count: int) -> str:
    return pluralize(count, "row")
