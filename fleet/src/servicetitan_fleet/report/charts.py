"""Computes the bars of bar charts. The page's template draws them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH, HEIGHT = 320.0, 64.0
"""Size of the area of the bars, in SVG units."""

FEWEST_PLACES = 10
"""Minimum number of places for bars, so that a single run is not drawn as one wide block."""

_GAP = 0.2
_LOWEST = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A segment of a stacked bar."""

    value: float
    kind: str
    """Its meaning, as a CSS class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BarData:
    """The data of a bar: its segments, from the bottom up, and its labels."""

    segments: Sequence[Segment]
    title: str
    when: str
    """Label of its time."""

    is_bad: bool = False

    @property
    def value(self) -> float:
        """The sum of all segments."""
        return sum(segment.value for segment in self.segments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle in SVG units."""

    x: float
    y: float
    width: float
    height: float
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bar, ready to be drawn."""

    boxes: Sequence[Box]
    title: str
    is_bad: bool
    middle: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart, ready to be drawn."""

    title: str
    bars: Sequence[Bar]
    most: str
    """The highest value, formatted."""

    last: str
    """The newest value, formatted."""

    since: str
    until: str
    kinds: Sequence[str]
    """Kinds of segments, if bars have more than one."""


def make_chart(title: str, data: Sequence[BarData], format_value: Callable[[float], str]) -> Chart | None:
    """Make a chart with the newest bar on the right; return None if there is no data.

    Args:
        title: Title of the chart.
        data: Data of the bars, oldest first.
        format_value: Formats a value for people.
    """
    if not data:
        return None
    most = max(bar.value for bar in data)
    places = max(len(data), FEWEST_PLACES)
    step = WIDTH / places
    first = places - len(data)
    bars = [_make_bar(bar, (first + number) * step, step, most) for number, bar in enumerate(data)]
    kinds = [segment.kind for segment in max(data, key=lambda bar: len(bar.segments)).segments]
    return Chart(
        title=title,
        bars=bars,
        most=format_value(most),
        last=format_value(data[-1].value),
        since=data[0].when,
        until=data[-1].when,
        kinds=kinds if len(kinds) > 1 else (),
    )


def _make_bar(data: BarData, left: float, step: float, most: float) -> Bar:
    boxes = []
    top = HEIGHT
    for segment in data.segments:
        if segment.value <= 0:
            continue
        # A value above zero is always visible, however small it is compared with the rest.
        height = max(_LOWEST, segment.value / most * HEIGHT)
        top = max(0.0, top - height)
        boxes.append(Box(x=left + step * _GAP / 2, y=top, width=step * (1 - _GAP), height=height, kind=segment.kind))
    return Bar(boxes=boxes, title=data.title, is_bad=data.is_bad, middle=left + step / 2)
