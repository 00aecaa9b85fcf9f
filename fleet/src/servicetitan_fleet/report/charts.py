"""Bar charts: where each bar stands and how high it is. The page draws them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH, HEIGHT = 320.0, 64.0
"""Of the area of the bars, in the units of the drawing."""

FEWEST_PLACES = 10
"""A chart of few runs has room for this many, so that one run is not one wide block."""

_GAP = 0.2
_LOWEST = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a bar."""

    value: float
    kind: str
    """What it is, as a class for the page's style."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What a bar shows: its parts, from the bottom up, and what is said of it."""

    parts: Sequence[Part]
    title: str
    when: str
    """When it was, in few words."""

    is_bad: bool = False

    @property
    def value(self) -> float:
        """The height of all parts."""
        return sum(part.value for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle of the drawing."""

    x: float
    y: float
    width: float
    height: float
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A drawn bar."""

    boxes: Sequence[Box]
    title: str
    is_bad: bool
    middle: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawn chart."""

    title: str
    bars: Sequence[Bar]
    most: str
    """The highest value, in words."""

    last: str
    """The newest value, in words."""

    since: str
    until: str
    kinds: Sequence[str]
    """The kinds of parts, where a bar has several."""


def chart(title: str, columns: Sequence[Column], words: Callable[[float], str]) -> Chart | None:
    """Return a chart with a bar for each column, the newest at the right end; None where there are no columns.

    Args:
        title: What it shows.
        columns: What the bars show, the oldest first.
        words: Says a value in words.
    """
    if not columns:
        return None
    most = max(column.value for column in columns)
    places = max(len(columns), FEWEST_PLACES)
    step = WIDTH / places
    first = places - len(columns)
    bars = [_bar(column, (first + number) * step, step, most) for number, column in enumerate(columns)]
    kinds = [part.kind for part in columns[-1].parts]
    return Chart(
        title=title,
        bars=bars,
        most=words(most),
        last=words(columns[-1].value),
        since=columns[0].when,
        until=columns[-1].when,
        kinds=kinds if len(kinds) > 1 else (),
    )


def _bar(column: Column, left: float, step: float, most: float) -> Bar:
    boxes = []
    top = HEIGHT
    for part in column.parts:
        if part.value <= 0:
            continue
        # What is there is seen, however small it is beside the rest.
        height = max(_LOWEST, part.value / most * HEIGHT)
        top = max(0.0, top - height)
        boxes.append(Box(x=left + step * _GAP / 2, y=top, width=step * (1 - _GAP), height=height, kind=part.kind))
    return Bar(boxes=boxes, title=column.title, is_bad=column.is_bad, middle=left + step / 2)
