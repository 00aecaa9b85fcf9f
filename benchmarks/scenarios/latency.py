"""Targets in BigQuery's time: what a user waits for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks import machine
from benchmarks.cases import CASES
from benchmarks.company import STREAMS, rows_of
from benchmarks.scenario import Sample, Scenario, Section
from benchmarks.targets import OURS, PIPELINEWISE, Z3_LOADS, Target
from benchmarks.timed import SEED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Case
    from benchmarks.lab import Lab
    from benchmarks.timed import Timed

TEXT = f"""
BigQuery answers a call in some tenths of a second, a query in seconds, a load in 3 to 6 seconds. Here the local
BigQuery does, too: it draws the time of each call and job from bounds (`sandbox/README.md`, "Time"), the same ones for
all targets, and counts its limits by the real clock. What that leaves out: times in which BigQuery is busy, and the way
to it. So these are the seconds that a user waits for, as far as they can be known without a project.

- *STATE after s* is the time from the start to the STATE that covers all rows, *end after s* to the end. They are
  BigQuery's time: the local one is too slow for a hundred statements at once, and while it is late its clock stands
  still (*stood still s*). The target's own work in such a pause counts nothing, so add *CPU s* for an upper bound.
- *polls* are calls that wait for a job or fetch its result (`jobs.get`, `jobs.getQueryResults`), *calls* all others.
- *GB billed* is what BigQuery bills on demand: at least 10 MB for each table that a statement names.
- Streams have 20 columns and 1 to 100 rows each, {sum(map(rows_of, STREAMS)):,} in all, and end with
  ACTIVATE_VERSION. What is loaded before the measured run is loaded without latency. The seed of the times is {SEED}.
- Every table is counted at the end, and of our target also the rows that were written: exactly those that differ.
- z3-target-bigquery and pipelinewise-target-bigquery are set as in the comparison on the emulator alone, below.
"""

COLUMNS = (
    "streams",
    "STATE after s",
    "end after s",
    "stood still s",
    "calls",
    "polls",
    "GB billed",
    "CPU s",
    "peak MB",
)

DRAWN = ("first", "unchanged")
"""The cases whose calls and jobs are drawn."""

FEW = ("few-first", "few-unchanged")
"""The cases that other targets take part in: with 155 streams one of them would take an hour."""


def _measure(lab: Lab, case: Case, target: Target) -> Iterator[Sample]:
    run, written = case.measure(lab, target, SEED)
    if target is OURS:
        lab.recordings[case.name] = run.record(case.title, machine.commit())
    yield sample(run, case.streams, written)


def sample(run: Timed, streams: int, written: int) -> Sample:
    """Return the sample of a run.

    Args:
        run: The run.
        streams: The number of its streams.
        written: How many rows it wrote.
    """
    facts = {
        "STATE after s": run.state_seconds,
        "end after s": run.seconds,
        "stood still s": run.overrun_seconds,
        "calls": run.calls_besides_polls,
        "polls": run.polls,
        "GB billed": run.bytes_billed / 1e9,
        "rows written": written,
        "emulator CPU s": run.emulator_cpu_seconds,
    }
    measured = run.measured
    return Sample(measured.cpu_seconds, measured.wall_seconds, measured.peak_mb, streams, facts)


def _scenario(case: Case, target: Target, repeats: int) -> Scenario:
    return Scenario(f"{case.title}: {target.name}", partial(_measure, case=case, target=target), repeats)


SECTION = Section(
    "time",
    "In BigQuery's time: from the start to STATE",
    TEXT,
    (
        *(_scenario(case, OURS, repeats=3) for case in CASES),
        *(_scenario(case, target, 1) for case in CASES if case.name in FEW for target in (PIPELINEWISE, Z3_LOADS)),
    ),
    unit="streams",
    columns=COLUMNS,
)
