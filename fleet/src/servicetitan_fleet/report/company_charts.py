"""Builds the charts of a company: duration of its runs, what it went into, rows read, written and deleted. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from servicetitan_fleet.formatting import format_duration, join_names
from servicetitan_fleet.health.evidence import SUCCESS
from servicetitan_fleet.report.charts import BarData, Chart, Segment, make_chart
from servicetitan_fleet.state.company_record import RunStatus

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from servicetitan_fleet.health.evidence import StreamRun
    from servicetitan_fleet.health.freshness import CompanyStatus
    from servicetitan_fleet.state.company_record import RunRecord

LAST_RUNS = 28
"""Number of runs in a chart: a week at one run every six hours."""


def build_charts(company: CompanyStatus) -> list[Chart]:
    """Build the charts of a company; none if it has never been run."""
    runs = group_by_run([run for stream in company.streams for run in stream.runs])
    charts = [
        make_chart("duration", [_duration_bar(run) for run in company.runs[-LAST_RUNS:]], format_duration),
        make_chart("of that, in the target", [_time_bar(run) for run in runs if run[0].spent], format_duration),
        make_chart("rows read", [_read_bar(run) for run in runs], _format_count),
        make_chart("rows", [_change_bar(run) for run in runs], _format_count),
    ]
    return [chart for chart in charts if chart]


def group_by_run(rows: Sequence[StreamRun]) -> list[list[StreamRun]]:
    """Group rows of the audit log by run; return the last runs, oldest first."""
    runs: dict[str, list[StreamRun]] = defaultdict(list)
    for row in rows:
        runs[row.run_id].append(row)
    return sorted(runs.values(), key=_start_of)[-LAST_RUNS:]


def _start_of(run: Sequence[StreamRun]) -> float:
    return min(row.started for row in run).timestamp()


def _duration_bar(run: RunRecord) -> BarData:
    is_bad = run.status is not RunStatus.DONE
    title = f"{run.started:%Y-%m-%d %H:%M} UTC: {run.status} after {format_duration(run.seconds)}"
    segments = [Segment(value=run.seconds, kind="bad" if is_bad else "time")]
    return BarData(segments=segments, title=title, when=_format_time(run.started), is_bad=is_bad)


def _time_bar(run: Sequence[StreamRun]) -> BarData:
    started, spent = min(row.started for row in run), run[0].spent
    parts = ", ".join(f"{name} {format_duration(seconds)}" for name, seconds in spent.items())
    return BarData(
        segments=[Segment(value=seconds, kind=name) for name, seconds in spent.items()],
        title=f"{started:%Y-%m-%d %H:%M} UTC: {parts}",
        when=_format_time(started),
    )


def _read_bar(run: Sequence[StreamRun]) -> BarData:
    return _row_bar(run, {"read": sum(row.rows_read for row in run)})


def _change_bar(run: Sequence[StreamRun]) -> BarData:
    written, deleted = sum(row.rows_written for row in run), sum(row.rows_deleted for row in run)
    return _row_bar(run, {"written": written, "deleted": deleted})


def _row_bar(run: Sequence[StreamRun], counts: dict[str, int]) -> BarData:
    bad = {status: sorted(row.stream for row in run if row.status == status) for status in _bad_statuses(run)}
    counted = ", ".join(f"{_format_count(count)} {name}" for name, count in counts.items())
    named = "".join(f"; {status}: {join_names(streams)}" for status, streams in bad.items())
    started = min(row.started for row in run)
    return BarData(
        segments=[Segment(value=count, kind=name) for name, count in counts.items()],
        title=f"{started:%Y-%m-%d %H:%M} UTC: rows {counted}{named}",
        when=_format_time(started),
        is_bad=bool(bad),
    )


def _bad_statuses(run: Sequence[StreamRun]) -> list[str]:
    """Return the statuses of streams that did not end well. One that was never available is no trouble."""
    bad = (row.status for row in run if row.status != SUCCESS and not row.is_not_available)
    return sorted(set(bad))


def _format_time(time: dt.datetime) -> str:
    return f"{time:%b %d, %H:%M}"


def _format_count(value: float) -> str:
    return f"{value:,.0f}"
