"""Builds the matrix of companies and streams. Each cell has a sign and an age, so nothing depends on colour. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from servicetitan_fleet.formatting import format_age
from servicetitan_fleet.health.evidence import INCOMPLETE, SKIPPED
from servicetitan_fleet.health.freshness import Freshness

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from servicetitan_fleet.health.freshness import CompanyStatus, StreamStatus
    from servicetitan_fleet.report.summary import Summary

T = TypeVar("T", "CompanyStatus", "Summary")

SIGNS = {
    Freshness.FRESH: "✓",
    Freshness.STALE: "!",
    Freshness.FAILED: "✗",
    Freshness.UNREADABLE: "?",
    Freshness.NOT_AVAILABLE: "○",
    Freshness.NOT_SELECTED: "-",
}

UNREAD_SIGNS = {SKIPPED: "⊘", INCOMPLETE: "◐"}
"""Signs of streams that are stale because their last run did not read them to their end."""

WORST_FIRST = (
    Freshness.FAILED,
    Freshness.UNREADABLE,
    Freshness.STALE,
    Freshness.FRESH,
    Freshness.NOT_AVAILABLE,
    Freshness.NOT_SELECTED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The state of one stream of one company, or of the company as a whole."""

    kind: str
    """CSS class of its state; empty if the company does not have the stream."""

    sign: str = ""
    text: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What a sign in the matrix means."""

    kind: str
    """CSS class."""

    sign: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The row of one company."""

    company_id: str
    cells: Sequence[Cell]
    """The company as a whole, then its streams."""

    is_good: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """A table of all companies and all streams."""

    streams: Sequence[str]
    rows: Sequence[Row]


NO_STREAM = Cell(kind="")


def build_legend() -> list[Key]:
    """Build the legend of all signs in the matrix."""
    states = [Key(kind=css_class(state), sign=sign, meaning=str(state)) for state, sign in SIGNS.items()]
    stale = css_class(Freshness.STALE)
    unread = [
        Key(kind=stale, sign=sign, meaning=f"{status} in the last run, so stale")
        for status, sign in UNREAD_SIGNS.items()
    ]
    return [*states, *unread]


def css_class(freshness: Freshness) -> str:
    """Return the CSS class of a state."""
    return freshness.replace(" ", "-")


def sort_worst_first(statuses: Sequence[T]) -> list[T]:
    """Sort companies by how urgently they need attention, then by id."""
    return sorted(statuses, key=lambda status: (WORST_FIRST.index(status.freshness), status.company.company_id))


def build_matrix(statuses: Sequence[CompanyStatus], now: dt.datetime) -> Matrix:
    """Build the matrix, with the companies in the given order."""
    streams = sorted({stream.stream for status in statuses for stream in status.streams})
    return Matrix(streams=streams, rows=[_build_row(status, streams, now) for status in statuses])


def _build_row(company: CompanyStatus, streams: Sequence[str], now: dt.datetime) -> Row:
    own = {stream.stream: _build_cell(stream, now) for stream in company.streams}
    state = Cell(
        kind=css_class(company.freshness),
        sign=SIGNS[company.freshness],
        text=format_age(company.last_good, now),
        title=company.reason or str(company.freshness),
    )
    cells = [state, *(own.get(stream, NO_STREAM) for stream in streams)]
    return Row(company_id=company.company.company_id, cells=cells, is_good=company.freshness.is_good)


def _build_cell(stream: StreamStatus, now: dt.datetime) -> Cell:
    last = stream.last
    counts = f"{last.rows_read:,} read, {last.rows_written:,} written, {last.rows_deleted:,} deleted"
    reason = f": {stream.reason}" if stream.reason else ""
    sign = SIGNS[stream.freshness]
    if stream.freshness is Freshness.STALE:
        sign = UNREAD_SIGNS.get(last.status, sign)
    return Cell(
        kind=css_class(stream.freshness),
        sign=sign,
        text="" if stream.freshness is Freshness.NOT_AVAILABLE else format_age(last.last_success, now),
        title=f"{stream.stream}: {stream.freshness}{reason}. Last run {last.ended:%Y-%m-%d %H:%M} UTC: {counts}",
    )
