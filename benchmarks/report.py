"""Results as Markdown. Pure."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from benchmarks.results import Row, SectionResult
    from benchmarks.scenario import Sample

HEAD = """# Results

Written by `make bench`; [README.md](README.md) says how. A cell is the median, with the smallest and the largest value
in parentheses. CPU seconds (user and system) are the figure to compare: they depend least on what else the machine
does. The raw results are in [results](results).
"""

SIGNIFICANT = 3
"""Digits of a figure that are shown."""


def report(sections: Iterable[SectionResult]) -> str:
    """Return the whole document."""
    return "\n".join([HEAD, *map(section_text, sections)])


def section_text(section: SectionResult) -> str:
    """Return a section: heading, table, machine."""
    facts = list(dict.fromkeys(name for row in section.rows for sample in row.samples for name in sample.facts))
    unit = section.unit
    head = ["what", unit, "CPU s", f"{unit} per CPU s", "wall s", "peak MB", *facts]
    table = [head, ["---", *["---:"] * (len(head) - 1)], *(_cells(row, facts) for row in section.rows)]
    lines = [f"| {' | '.join(cells)} |" for cells in table]
    machine = "; ".join(f"{name}: {value}" for name, value in section.machine.items())
    return "\n".join([f"## {section.title}", "", *_paragraph(section.text), *lines, "", f"<sub>{machine}</sub>", ""])


def _paragraph(text: str) -> list[str]:
    return [text.strip(), ""] if text.strip() else []


def _cells(row: Row, facts: Sequence[str]) -> list[str]:
    what = f"{row.title}, {row.step}" if row.step else row.title
    if row.error:
        return [what, f"no figure: {row.error}", *[""] * (len(facts) + 4)]
    return [what, *(_spread(values) for values in _measures(row.samples)), *_facts(row.samples, facts)]


def _measures(samples: Sequence[Sample]) -> Iterator[list[float]]:
    yield [sample.count for sample in samples]
    yield [sample.cpu_seconds for sample in samples]
    yield [sample.count / sample.cpu_seconds for sample in samples]
    yield [sample.wall_seconds for sample in samples]
    yield [sample.peak_mb for sample in samples]


def _facts(samples: Sequence[Sample], names: Sequence[str]) -> Iterator[str]:
    for name in names:
        values = [sample.facts[name] for sample in samples if name in sample.facts]
        yield _spread(values) if values else ""


def _spread(values: Sequence[float]) -> str:
    """Return the median of values, with the smallest and the largest if they look different."""
    middle, low, high = map(number, (median(values), min(values), max(values)))
    return middle if low == high else f"{middle} ({low} to {high})"


def number(value: float) -> str:
    """Return a number as text: whole with separators, or with three significant digits."""
    if value == int(value) or abs(value) >= 10 ** (SIGNIFICANT - 1):
        return f"{round(value):,}"
    return f"{value:.{SIGNIFICANT}g}"
