"""Declares what is measured: sections of scenarios, and the samples that they yield."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from benchmarks.lab import Lab
    from benchmarks.measure import Measured


@dataclass(frozen=True)
class Sample:
    """One measurement.

    Attributes:
        cpu_seconds: Processor time of the measured processes.
        wall_seconds: Wall clock time.
        peak_mb: Peak memory of the largest process.
        count: How many rows (or other units of the section) were processed.
        facts: Other measured values. Each becomes a column.
        step: Which of several measurements of one scenario it is, such as "first load".
    """

    cpu_seconds: float
    wall_seconds: float
    peak_mb: float
    count: int
    facts: Mapping[str, float] = field(default_factory=dict)
    step: str = ""

    @classmethod
    def of(cls, measured: Measured, count: int, step: str = "", **facts: float) -> Sample:
        """Return the sample of a measured pipeline. Underscores in the names of facts become spaces."""
        named = {name.replace("_", " "): value for name, value in facts.items()}
        return cls(measured.cpu_seconds, measured.wall_seconds, measured.peak_mb, count, named, step)


@dataclass(frozen=True)
class Scenario:
    """A program and its input, measured several times.

    Attributes:
        title: The text in the first column, and the scenario's name.
        run: Measures once: prepares, runs, checks that the result is right, and yields a sample for each step.
            Raises `BenchmarkError` when there is no figure.
        repeats: How often it is measured, at most.
    """

    title: str
    run: Callable[[Lab], Iterable[Sample]]
    repeats: int = 3


@dataclass(frozen=True)
class Section:
    """A table of the results.

    Attributes:
        name: Name on the command line, and of the file of raw results.
        title: Heading.
        text: Explanation for readers, in Markdown.
        scenarios: The rows.
        unit: What `Sample.count` counts.
        columns: The columns of the table, by the names of measures and facts. By default all of them.
    """

    name: str
    title: str
    text: str
    scenarios: tuple[Scenario, ...]
    unit: str = "rows"
    columns: tuple[str, ...] = ()
