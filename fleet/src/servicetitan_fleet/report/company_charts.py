"""Builds the charts of a company: where the time of its runs went, their rows, and what was billed. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicetitan_fleet.formatting import format_duration, join_names
from servicetitan_fleet.report.charts import BarData, Chart, Segment, make_chart
from servicetitan_fleet.report.cost import cost, format_cost
from servicetitan_fleet.state.company_record import RunStatus

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from servicetitan_fleet.report.runs import Run


def build_charts(runs: Sequence[Run], price_per_tib: float) -> list[Chart]:
    """Build the charts of a company's runs, with every run in each of them; none if it has never been run.

    Args:
        runs: Its runs, oldest first.
        price_per_tib: US dollars for a TiB of queries.
    """

    def make(title: str, segments: Callable[[Run], list[Segment]], text: Callable[[float], str]) -> Chart | None:
        return make_chart(title, [_make_bar(run, segments(run), text) for run in runs], text)

    charts = [
        make("duration", _time_segments, format_duration),
        make("rows read", lambda run: [Segment(value=run.rows_read, kind="read")], _format_count),
        make("rows", _row_segments, _format_count),
        make(
            "billed by BigQuery",
            lambda run: [Segment(value=cost(run.bytes_billed, price_per_tib), kind="billed")],
            format_cost,
        ),
    ]
    return [chart for chart in charts if chart]


def _make_bar(run: Run, segments: list[Segment], text: Callable[[float], str]) -> BarData:
    values = ", ".join(f"{segment.kind} {text(segment.value)}" for segment in segments)
    took = f" after {format_duration(run.seconds)}" if run.seconds is not None else ""
    named = "".join(f"; {status}: {join_names(list(streams))}" for status, streams in run.bad.items())
    return BarData(
        segments=segments,
        title=f"{run.started:%Y-%m-%d %H:%M} UTC: {run.status}{took}; {values}{named}",
        when=_format_time(run.started),
        is_bad=run.is_bad,
    )


def _time_segments(run: Run) -> list[Segment]:
    """Return where the time went. That of a run whose target has counted nothing is in one piece."""
    if run.spent:
        return [Segment(value=seconds, kind=name) for name, seconds in run.spent.items()]
    kind = "time" if run.status is RunStatus.DONE else "bad"
    return [Segment(value=run.seconds or 0.0, kind=kind)]


def _row_segments(run: Run) -> list[Segment]:
    return [Segment(value=run.rows_written, kind="written"), Segment(value=run.rows_deleted, kind="deleted")]


def _format_time(time: dt.datetime) -> str:
    return f"{time:%b %d, %H:%M}"


def _format_count(value: float) -> str:
    return f"{value:,.0f}"
