"""The target with many streams that have one row or none."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.measure import BenchmarkError
from benchmarks.scenario import Scenario, Section
from benchmarks.shapes import FLAT, NARROW
from benchmarks.targets import OURS, Z3_LOADS, Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.lab import Lab
    from benchmarks.scenario import Sample
    from benchmarks.shapes import Shape

FEW, ALL = 10, 120
STREAMS = tuple(f"stream_{number}" for number in range(ALL))

TEXT = """
On the emulator alone. A first run into an empty project, and the same input once more. A record has the 5 columns of
*narrow*, or the 30 of *flat*. A stream *without rows* has a SCHEMA message alone, as an incremental stream in which
nothing changed. Beside the start, most of the wall clock is the local BigQuery's, which shares the processors with the
target: the column of its time says how much it had to do.
"""


def _of_one_row(lab: Lab, target: Target, shape: Shape, count: int) -> Iterator[Sample]:
    source = lab.write_singer_file(shape, 1, STREAMS[:count])
    with lab.create_project() as project:
        yield target.run(lab, project, source, "first run")
        yield target.run(lab, project, source, "again")


def _without_rows(lab: Lab, count: int) -> Iterator[Sample]:
    source = lab.write_singer_file(FLAT, 0, STREAMS[:count])
    with lab.create_project() as project:
        for number, step in enumerate(("first run", "again"), 1):
            yield replace(OURS.run(lab, project, source, step), count=count)
            (log,) = project.query(f"SELECT count(*) AS entries FROM `{project.name}.management.etl_logs`")  # noqa: S608 - our own names
            if log["entries"] != number * count or project.tables(OURS.dataset):
                raise BenchmarkError(f"{log['entries']} entries are in the audit log, and there should be no table")


def _one_row(count: int, shape: Shape, target: Target, repeats: int) -> Scenario:
    title = f"{count} streams of one {shape.name} row: {target.name}"
    return Scenario(title, partial(_of_one_row, target=target, shape=shape, count=count), repeats)


def _ours(count: int, repeats: int) -> tuple[Scenario, ...]:
    nothing = Scenario(f"{count} streams without rows: {OURS.name}", partial(_without_rows, count=count), repeats)
    return (_one_row(count, NARROW, OURS, repeats), _one_row(count, FLAT, OURS, repeats), nothing)


SECTION = Section(
    "streams",
    "Target on the emulator alone: many small streams",
    TEXT,
    (
        *_ours(FEW, repeats=3),
        _one_row(FEW, NARROW, Z3_LOADS, repeats=1),
        *_ours(ALL, repeats=2),
    ),
    unit="streams",
)
