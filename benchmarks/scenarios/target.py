"""The target: a first load, and the same input once more."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.scenario import Scenario, Section
from benchmarks.shapes import ROWS, Shape
from benchmarks.targets import OURS, Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.lab import Lab
    from benchmarks.scenario import Sample


def _twice(lab: Lab, target: Target, shape: Shape, count: int) -> Iterator[Sample]:
    source = lab.singer_file(shape, count)
    with lab.project() as project:
        yield target.run(lab, project, source, "first load")
        yield target.run(lab, project, source, "the same again")


SECTION = Section(
    "target",
    "Target: rows of 1 KB, and other shapes",
    "",
    (Scenario("target-bigquery-softdelete, rows", partial(_twice, target=OURS, shape=ROWS, count=200_000)),),
)
