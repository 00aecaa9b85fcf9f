"""Results as Markdown. Pure."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.results import Row, SectionResult
    from benchmarks.scenario import Sample

HEAD = """# Results

Written by `make bench`; [README.md](README.md) says how. A cell is the median, with the smallest and the largest value
in parentheses. What a user waits for is in the first section, in BigQuery's time. The others measure on the emulator
alone, which answers at once: there CPU seconds (user and system) are the figure to compare, because they depend least
on what else the machine does. The raw results are in [results](results).
"""

SIGNIFICANT = 3
"""Digits of a figure that are shown."""


def report(sections: Iterable[SectionResult]) -> str:
    """Return the whole document."""
    return "\n".join([HEAD, *map(section_text, sections)])


def section_text(section: SectionResult) -> str:
    """Return a section: heading, table, machine."""
    columns = section.columns or _all_columns(section)
    head = ["what", *columns]
    table = [head, ["---", *["---:"] * (len(head) - 1)], *(_cells(section, row, columns) for row in section.rows)]
    lines = [f"| {' | '.join(cells)} |" for cells in table]
    machine = "; ".join(f"{name}: {value}" for name, value in section.machine.items())
    return "\n".join([f"## {section.title}", "", *_paragraph(section.text), *lines, "", f"<sub>{machine}</sub>", ""])


def _paragraph(text: str) -> list[str]:
    return [text.strip(), ""] if text.strip() else []


def _all_columns(section: SectionResult) -> list[str]:
    """Return all columns of a section: what is measured everywhere, then its facts."""
    facts = dict.fromkeys(name for row in section.rows for sample in row.samples for name in sample.facts)
    unit = section.unit
    return [unit, "CPU s", f"{unit} per CPU s", "wall s", "peak MB", *facts]


def _cells(section: SectionResult, row: Row, columns: Sequence[str]) -> list[str]:
    what = f"{row.title}, {row.step}" if row.step else row.title
    if row.error:
        return [what, f"no figure: {row.error}", *[""] * (len(columns) - 1)]
    values = [_values(section.unit, sample) for sample in row.samples]
    return [what, *(_spread([one[column] for one in values if column in one]) for column in columns)]


def _values(unit: str, sample: Sample) -> dict[str, float]:
    """Return all values of a sample by the names of their columns."""
    return {
        unit: sample.count,
        "CPU s": sample.cpu_seconds,
        f"{unit} per CPU s": sample.count / sample.cpu_seconds,
        "wall s": sample.wall_seconds,
        "peak MB": sample.peak_mb,
        **sample.facts,
    }


def _spread(values: Sequence[float]) -> str:
    """Return the median of values, with the smallest and the largest if they look different; nothing for no value."""
    if not values:
        return ""
    middle, low, high = map(number, (median(values), min(values), max(values)))
    return middle if low == high else f"{middle} ({low} to {high})"


def number(value: float) -> str:
    """Return a number as text: whole with separators, or with three significant digits."""
    if value == int(value) or abs(value) >= 10 ** (SIGNIFICANT - 1):
        return f"{round(value):,}"
    return f"{value:.{SIGNIFICANT}g}"
