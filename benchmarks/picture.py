"""Draws how time and memory grow with the number of rows, as an SVG. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.results import Row, SectionResult
    from benchmarks.scenario import Sample

ROWS_TITLE = "rows of 1 KB"
"""The end of the titles of the scenarios that are drawn."""

WIDTH, HEIGHT = 300, 160
"""Size of the area of a curve."""

MARGIN = 60

HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11"'
    ' fill="#555"><rect width="100%" height="100%" fill="#fff"/>'
)


@dataclass(frozen=True)
class Curve:
    """A curve: its title and its points."""

    title: str
    points: Sequence[tuple[float, float]]


def growth_picture(growth: SectionResult) -> str:
    """Return the SVG of a section whose scenarios have increasing numbers of rows."""
    rows = sorted(
        (row for row in growth.rows if row.title.endswith(ROWS_TITLE) and row.samples),
        key=lambda row: row.samples[0].count,
    )
    curves = (
        Curve("CPU seconds", _points(rows, lambda sample: sample.cpu_seconds)),
        Curve("peak memory, MB", _points(rows, lambda sample: sample.peak_mb)),
    )
    width, height = len(curves) * (WIDTH + MARGIN) + MARGIN, HEIGHT + 2 * MARGIN
    panels = (part for place, curve in enumerate(curves) for part in _panel(curve, MARGIN + place * (WIDTH + MARGIN)))
    return "\n".join([HEAD.format(width=width, height=height), *panels, "</svg>", ""])


def _points(rows: Sequence[Row], value: Callable[[Sample], float]) -> list[tuple[float, float]]:
    return [(row.samples[0].count, median(map(value, row.samples))) for row in rows]


def _panel(curve: Curve, left: float) -> Iterator[str]:
    """Yield the parts of one curve's drawing. Both axes begin at zero."""
    most_x = max(x for x, _ in curve.points)
    most_y = max(y for _, y in curve.points)
    bottom = MARGIN + HEIGHT
    places = [(left + WIDTH * x / most_x, bottom - HEIGHT * y / most_y) for x, y in curve.points]
    yield f'<text x="{left}" y="{MARGIN - 24}" font-size="13" fill="#222">{curve.title}</text>'
    yield f'<path d="M{left} {MARGIN}V{bottom}H{left + WIDTH}" fill="none" stroke="#bbb"/>'
    yield f'<polyline points="{_format_points(places)}" fill="none" stroke="#1a73e8" stroke-width="2"/>'
    for (x, y), (count, value) in zip(places, curve.points, strict=True):
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#1a73e8"><title>{count:,.0f} rows</title></circle>'
        yield f'<text x="{x:.1f}" y="{y - 8:.1f}" text-anchor="middle">{value:,.0f}</text>'
    for x, (count, _) in zip((x for x, _ in places), curve.points, strict=True):
        if count * 10 >= most_x:  # the other labels would overlap
            yield f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{count:,.0f}</text>'
    yield f'<text x="{left + WIDTH / 2}" y="{bottom + 34}" text-anchor="middle">{ROWS_TITLE}</text>'


def _format_points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
