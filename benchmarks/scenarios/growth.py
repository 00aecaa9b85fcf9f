"""The target with growing input: more rows, more streams, more columns, longer rows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.scenario import Scenario, Section
from benchmarks.shapes import ROWS, THOUSAND_COLUMNS, Shape, huge
from benchmarks.targets import OURS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.lab import Lab
    from benchmarks.scenario import Sample

SIZES = (10_000, 100_000, 1_000_000, 3_000_000)
MANY = 1_000_000
STREAMS = tuple(f"stream_{number}" for number in range(500))
ROWS_PER_STREAM = 20
HUGE_MB = 10

TEXT = """
The target alone, into an empty project. With *rows*, of 1 KB, time should grow as their number does, and memory should
not. The streams take turns, a record each, so that all of them are open at the same time.
"""


def _load(lab: Lab, shape: Shape, count: int, streams: Sequence[str] = ("rows",)) -> Iterator[Sample]:
    source = lab.write_singer_file(shape, count, streams)
    with lab.create_project() as project:
        yield OURS.run(lab, project, source)


def _rows(count: int) -> Scenario:
    repeats = 2 if count >= MANY else 3
    return Scenario(f"{count:,} rows of 1 KB", partial(_load, shape=ROWS, count=count), repeats)


SECTION = Section(
    "growth",
    "Target on the emulator alone: ever more of it",
    TEXT,
    (
        *map(_rows, SIZES),
        Scenario(
            f"{len(STREAMS)} streams of {ROWS_PER_STREAM} rows",
            partial(_load, shape=ROWS, count=ROWS_PER_STREAM, streams=STREAMS),
            repeats=2,
        ),
        Scenario("1,000 columns, 5,000 rows of 23 KB", partial(_load, shape=THOUSAND_COLUMNS, count=5_000)),
        Scenario(f"one row of {HUGE_MB} MB", partial(_load, shape=huge(HUGE_MB), count=1)),
    ),
)
