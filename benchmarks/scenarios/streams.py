"""The target with many streams that have little or nothing to say."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.measure import BenchmarkError
from benchmarks.scenario import Scenario, Section
from benchmarks.shapes import FLAT
from benchmarks.targets import OURS, Z3_LOADS, Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.lab import Lab
    from benchmarks.scenario import Sample

FEW, ALL = 10, 120
STREAMS = tuple(f"stream_{number}" for number in range(ALL))

TEXT = """
A first run into an empty project, and the same input once more. A record has the 30 columns of *flat*. A stream
*without rows* has a SCHEMA message alone, as an incremental stream in which nothing changed. Nearly all of the wall
clock is the local BigQuery's, which shares the processors with the target: the column of its time says how much it had
to do.
"""


def _of_one_row(lab: Lab, target: Target, count: int) -> Iterator[Sample]:
    source = lab.singer_file(FLAT, 1, STREAMS[:count])
    with lab.project() as project:
        yield target.run(lab, project, source, "first run")
        yield target.run(lab, project, source, "again")


def _without_rows(lab: Lab, count: int) -> Iterator[Sample]:
    source = lab.singer_file(FLAT, 0, STREAMS[:count])
    with lab.project() as project:
        for number, step in enumerate(("first run", "again"), 1):
            yield replace(OURS.run(lab, project, source, step), count=count)
            (log,) = project.query(f"SELECT count(*) AS entries FROM `{project.name}.management.etl_logs`")  # noqa: S608 - our own names
            if log["entries"] != number * count or project.tables(OURS.dataset):
                raise BenchmarkError(f"{log['entries']} entries are in the audit log, and there should be no table")


def _ours(count: int, repeats: int) -> tuple[Scenario, ...]:
    return (
        Scenario(f"{count} streams of one row: {OURS.name}", partial(_of_one_row, target=OURS, count=count), repeats),
        Scenario(f"{count} streams without rows: {OURS.name}", partial(_without_rows, count=count), repeats),
    )


SECTION = Section(
    "streams",
    "Target: many small streams",
    TEXT,
    (
        *_ours(FEW, repeats=3),
        Scenario(
            f"{FEW} streams of one row: {Z3_LOADS.name}", partial(_of_one_row, target=Z3_LOADS, count=FEW), repeats=1
        ),
        *_ours(ALL, repeats=1),
    ),
    unit="streams",
)
