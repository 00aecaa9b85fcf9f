"""Measures a run of a target against a local BigQuery whose calls and jobs take as long as BigQuery's."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from benchmarks.measure import BenchmarkError, cpu_seconds_of, measure
from benchmarks.timelines import Recording, Span
from servicetitan_sandbox.client import bigquery_control as control
from servicetitan_sandbox.client.processes import PACE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from benchmarks.lab import Lab
    from benchmarks.measure import Measured
    from benchmarks.targets import Target
    from servicetitan_sandbox.client.bigquery_project import Project

Timeline = list[dict[str, Any]]
"""Calls and jobs, as `bigquery_control.read_timeline` returns them."""

_DECIMALS = 3
"""Of the seconds in a recording."""

SEED = 1
"""What the times of calls and jobs are drawn by."""

LIMIT_SECONDS = 10
"""BigQuery counts updates of a table in so many seconds. Between two runs of a company are hours."""

POLLS = ("jobs.get", "jobs.getQueryResults")
"""Calls that only wait for a job or fetch its result."""


@dataclass(frozen=True)
class Timed:
    """A measured run.

    Attributes:
        measured: Its cost, as everywhere.
        seconds: From its start to its end.
        state_seconds: From its start to its last STATE.
        overrun_seconds: For how long the local BigQuery was late and its clock stood still. All seconds are without it.
        calls: The calls by method.
        jobs: The jobs by kind.
        bytes_billed: What BigQuery would bill for its queries.
        emulator_cpu_seconds: What the local BigQuery worked.
        timeline: Its calls and jobs, in seconds since its start.
    """

    measured: Measured
    seconds: float
    state_seconds: float
    overrun_seconds: float
    calls: Mapping[str, int]
    jobs: Mapping[str, int]
    bytes_billed: int
    emulator_cpu_seconds: float
    timeline: Timeline

    @property
    def polls(self) -> int:
        """How many calls only waited for a job."""
        return sum(self.calls.get(kind, 0) for kind in POLLS)

    @property
    def calls_besides_polls(self) -> int:
        """How many calls did something else than wait for a job."""
        return sum(self.calls.values()) - self.polls

    def record(self, title: str, version: str) -> Recording:
        """Return it as a recording, so that it can be drawn.

        Args:
            title: What ran.
            version: The code that ran.
        """
        state, wall = (round(value, _DECIMALS) for value in (self.state_seconds, self.seconds))
        return Recording(title, version, state, wall, [_shorten(span) for span in self.timeline])


@dataclass(frozen=True)
class Table:
    """What is to be in a table after a run.

    Attributes:
        rows: Number of rows.
        written: How many of them a target writes that leaves those alone that have not changed.
    """

    rows: int
    written: int


def prepare(lab: Lab, project: Project, target: Target, source: Path) -> None:
    """Run a target without latency, and wait until BigQuery's limits have forgotten it."""
    control.set_conditions(project.api_endpoint, project.name, pace=PACE)
    with lab.create_folder() as folder:
        measure(target.command(lab, project, folder), folder=folder, source=source)
    time.sleep(LIMIT_SECONDS)


def run_in_bigquery_time(lab: Lab, project: Project, target: Target, source: Path, seed: int = SEED) -> Timed:
    """Run a target with the latency and the limits of BigQuery.

    Raises:
        BenchmarkError: If it fails.
    """
    api = project.api_endpoint
    control.set_conditions(api, project.name, pace=1)
    emulator_before = cpu_seconds_of(lab.start_bigquery().pid)
    started = datetime.now(UTC)
    with lab.create_folder() as folder:
        with latency(api, seed):
            begun = time.time()
            measured = measure(target.command(lab, project, folder), folder=folder, source=source)
            stats, timeline = control.read_stats(api), control.read_timeline(api)
        # The last that a target writes is a STATE.
        state_at = (folder / "output").stat().st_mtime
        if b'"' not in (folder / "output").read_bytes():
            raise BenchmarkError("it ended with 0 and wrote no STATE")
    control.set_conditions(api, project.name, pace=PACE)
    pauses = stats["pauses"]
    return Timed(
        measured,
        seconds_between(begun, begun + measured.wall_seconds, pauses),
        seconds_between(begun, state_at, pauses),
        stats["overrun_seconds"],
        stats["calls"],
        stats["jobs"],
        _bytes_billed(project, started),
        cpu_seconds_of(lab.start_bigquery().pid) - emulator_before,
        timeline,
    )


def seconds_between(start: float, end: float, pauses: Sequence[tuple[float, float]]) -> float:
    """Return the seconds between two moments, without those in which the clock stood still."""
    return end - start - sum(max(0.0, min(end, last) - max(start, first)) for first, last in pauses)


def _shorten(span: Mapping[str, Any]) -> Span:
    start, end = (round(span[name], _DECIMALS) for name in ("start", "end"))
    return Span(start, end, span["kind"])


@contextmanager
def latency(api: str, seed: int) -> Iterator[None]:
    """Let a local BigQuery take its time within the block, and count anew."""
    control.set_latency(api, 1.0, seed)
    control.reset_stats(api)
    try:
        yield
    finally:
        control.set_latency(api, 0.0)


def _bytes_billed(project: Project, since: datetime) -> int:
    jobs = project.client.list_jobs(min_creation_time=since)
    return sum(getattr(job, "total_bytes_billed", 0) or 0 for job in jobs)


def check_tables(project: Project, target: Target, tables: Mapping[str, Table], since: datetime) -> int:
    """Check the rows of tables, and return how many of them were written since a time.

    Raises:
        BenchmarkError: If a table has other rows than it should.
    """
    found = _count_rows(project, target, tuple(tables), since)
    for name, table in tables.items():
        rows, written = found[name]
        if rows != table.rows:
            raise BenchmarkError(f"it ended with 0, but {rows:,} of {table.rows:,} rows are in {name}")
        if target.spares_unchanged and written != table.written:
            raise BenchmarkError(f"it wrote {written:,} rows of {name} instead of {table.written:,}")
    return sum(written for _, written in found.values())


def _count_rows(project: Project, target: Target, names: Sequence[str], since: datetime) -> dict[str, tuple[int, int]]:
    is_new = f"{target.written_at} >= TIMESTAMP '{since:%Y-%m-%d %H:%M:%S.%f}'"
    parts = (
        f"SELECT '{name}' AS name, COUNT(*) AS loaded, COUNTIF({is_new}) AS written"  # noqa: S608 - our own names
        f" FROM `{project.name}.{target.dataset}.{name}`"
        for name in names
    )
    return {row["name"]: (row["loaded"], row["written"]) for row in project.query(" UNION ALL ".join(parts))}
