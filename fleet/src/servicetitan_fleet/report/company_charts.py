"""What the charts of a company show: how long its runs took, and what became of rows. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from servicetitan_fleet.formatting import duration
from servicetitan_fleet.health.evidence import SUCCESS
from servicetitan_fleet.report.charts import Chart, Column, Part, chart
from servicetitan_fleet.state.company_record import Ending

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from servicetitan_fleet.health.evidence import StreamRun
    from servicetitan_fleet.health.freshness import CompanyStatus
    from servicetitan_fleet.state.company_record import RunRecord

LAST_RUNS = 28
"""Runs that are shown: a week of one every six hours."""


def charts_of(company: CompanyStatus) -> list[Chart]:
    """Return the charts of a company; none when it has not been run."""
    runs = by_run([run for stream in company.streams for run in stream.runs])
    charts = [
        chart("duration", [_duration(run) for run in company.runs[-LAST_RUNS:]], duration),
        chart("rows read", [_read(run) for run in runs], _count),
        chart("rows", [_changed(run) for run in runs], _count),
    ]
    return [one for one in charts if one]


def by_run(rows: Sequence[StreamRun]) -> list[list[StreamRun]]:
    """Return the rows of each of the last runs, the oldest run first."""
    runs: dict[str, list[StreamRun]] = defaultdict(list)
    for row in rows:
        runs[row.run_id].append(row)
    return sorted(runs.values(), key=_began)[-LAST_RUNS:]


def _began(run: Sequence[StreamRun]) -> float:
    return min(row.started for row in run).timestamp()


def _duration(run: RunRecord) -> Column:
    is_bad = run.ending is not Ending.DONE
    title = f"{run.started:%Y-%m-%d %H:%M} UTC: {run.ending} after {duration(run.seconds)}"
    parts = [Part(value=run.seconds, kind="bad" if is_bad else "time")]
    return Column(parts=parts, title=title, when=_day(run.started), is_bad=is_bad)


def _read(run: Sequence[StreamRun]) -> Column:
    return _rows_of(run, {"read": sum(row.rows_read for row in run)})


def _changed(run: Sequence[StreamRun]) -> Column:
    written, deleted = sum(row.rows_written for row in run), sum(row.rows_deleted for row in run)
    return _rows_of(run, {"written": written, "deleted": deleted})


def _rows_of(run: Sequence[StreamRun], counts: dict[str, int]) -> Column:
    failed = [row.stream for row in run if row.status != SUCCESS]
    counted = ", ".join(f"{_count(count)} {name}" for name, count in counts.items())
    trouble = f"; failed: {', '.join(sorted(failed))}" if failed else ""
    started = min(row.started for row in run)
    return Column(
        parts=[Part(value=count, kind=name) for name, count in counts.items()],
        title=f"{started:%Y-%m-%d %H:%M} UTC: rows {counted}{trouble}",
        when=_day(started),
        is_bad=bool(failed),
    )


def _day(time: dt.datetime) -> str:
    return f"{time:%b %d, %H:%M}"


def _count(value: float) -> str:
    return f"{value:,.0f}"
