"""The matrix: companies by streams, each cell with a sign and an age, so that colour is never all there is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicetitan_fleet.formatting import age
from servicetitan_fleet.health.freshness import Freshness

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from servicetitan_fleet.health.freshness import CompanyStatus, StreamStatus

SIGNS = {
    Freshness.FRESH: "✓",
    Freshness.STALE: "!",
    Freshness.FAILED: "✗",
    Freshness.UNREADABLE: "?",
    Freshness.NOT_SELECTED: "-",
}

WORST_FIRST = (
    Freshness.FAILED,
    Freshness.UNREADABLE,
    Freshness.STALE,
    Freshness.FRESH,
    Freshness.NOT_SELECTED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One stream of one company; or the company itself."""

    kind: str
    """How it is, as a class for the page's style; empty where the company does not have the stream."""

    sign: str = ""
    text: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One company."""

    company_id: str
    cells: Sequence[Cell]
    """The company itself, then its streams."""

    is_good: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """All companies by all streams."""

    streams: Sequence[str]
    rows: Sequence[Row]


NOTHING = Cell(kind="")


def kind_of(freshness: Freshness) -> str:
    """Return the class for the page's style."""
    return freshness.replace(" ", "-")


def worst_first(statuses: Sequence[CompanyStatus]) -> list[CompanyStatus]:
    """Return the companies in the order in which an operator looks at them."""
    return sorted(statuses, key=lambda one: (WORST_FIRST.index(one.freshness), one.company.company_id))


def matrix(statuses: Sequence[CompanyStatus], now: dt.datetime) -> Matrix:
    """Return the matrix, in the order of the companies."""
    streams = sorted({stream.stream for one in statuses for stream in one.streams})
    return Matrix(streams=streams, rows=[_row(one, streams, now) for one in statuses])


def _row(company: CompanyStatus, streams: Sequence[str], now: dt.datetime) -> Row:
    own = {one.stream: _cell(one, now) for one in company.streams}
    state = Cell(
        kind=kind_of(company.freshness),
        sign=SIGNS[company.freshness],
        text=age(company.last_good, now),
        title=company.reason or str(company.freshness),
    )
    cells = [state, *(own.get(stream, NOTHING) for stream in streams)]
    return Row(company_id=company.company.company_id, cells=cells, is_good=company.freshness.is_good)


def _cell(stream: StreamStatus, now: dt.datetime) -> Cell:
    last = stream.last
    counts = f"{last.rows_read:,} read, {last.rows_written:,} written, {last.rows_deleted:,} deleted"
    reason = f": {stream.reason}" if stream.reason else ""
    return Cell(
        kind=kind_of(stream.freshness),
        sign=SIGNS[stream.freshness],
        text=age(last.last_success, now),
        title=f"{stream.stream}: {stream.freshness}{reason}. Last run {last.ended:%Y-%m-%d %H:%M} UTC: {counts}",
    )
