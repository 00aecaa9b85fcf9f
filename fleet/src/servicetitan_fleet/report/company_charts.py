"""Builds the charts of a company: duration of its runs, what it went into, rows read, written and deleted. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicetitan_fleet.formatting import format_duration, join_names
from servicetitan_fleet.report.charts import BarData, Chart, Segment, make_chart
from servicetitan_fleet.state.company_record import RunStatus

if TYPE_CHECKING:
    import datetime as dt

    from servicetitan_fleet.health.evidence import RunSum
    from servicetitan_fleet.health.freshness import CompanyStatus
    from servicetitan_fleet.state.company_record import RunRecord

LAST_RUNS = 28
"""Number of runs in a chart: a week at one run every six hours."""


def build_charts(company: CompanyStatus) -> list[Chart]:
    """Build the charts of a company; none if it has never been run."""
    runs = company.history[-LAST_RUNS:]
    charts = [
        make_chart("duration", [_duration_bar(run) for run in company.runs[-LAST_RUNS:]], format_duration),
        make_chart("of that, in the target", [_time_bar(run) for run in runs if run.spent], format_duration),
        make_chart("rows read", [_row_bar(run, {"read": run.rows_read}) for run in runs], _format_count),
        make_chart(
            "rows",
            [_row_bar(run, {"written": run.rows_written, "deleted": run.rows_deleted}) for run in runs],
            _format_count,
        ),
    ]
    return [chart for chart in charts if chart]


def _duration_bar(run: RunRecord) -> BarData:
    is_bad = run.status is not RunStatus.DONE
    title = f"{run.started:%Y-%m-%d %H:%M} UTC: {run.status} after {format_duration(run.seconds)}"
    segments = [Segment(value=run.seconds, kind="bad" if is_bad else "time")]
    return BarData(segments=segments, title=title, when=_format_time(run.started), is_bad=is_bad)


def _time_bar(run: RunSum) -> BarData:
    parts = ", ".join(f"{name} {format_duration(seconds)}" for name, seconds in run.spent.items())
    return BarData(
        segments=[Segment(value=seconds, kind=name) for name, seconds in run.spent.items()],
        title=f"{run.started:%Y-%m-%d %H:%M} UTC: {parts}",
        when=_format_time(run.started),
    )


def _row_bar(run: RunSum, counts: dict[str, int]) -> BarData:
    counted = ", ".join(f"{_format_count(count)} {name}" for name, count in counts.items())
    named = "".join(f"; {status}: {join_names(list(streams))}" for status, streams in run.bad.items())
    return BarData(
        segments=[Segment(value=count, kind=name) for name, count in counts.items()],
        title=f"{run.started:%Y-%m-%d %H:%M} UTC: rows {counted}{named}",
        when=_format_time(run.started),
        is_bad=bool(run.bad),
    )


def _format_time(time: dt.datetime) -> str:
    return f"{time:%b %d, %H:%M}"


def _format_count(value: float) -> str:
    return f"{value:,.0f}"
