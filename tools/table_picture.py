"""Draws which tables refer to which, as an SVG: a pure function of what is drawn, so the same bytes each time.

The tables stand in one column, and the lines run beside it, so that a picture is narrow enough for a phone and has no
end of room for tables. All lines that lead to one table share a vertical one, as the wires of a plan do: a dot joins
them, and where there is none, they cross. A layered layout, as a library would give it, is as wide as its widest layer.
The colours follow the reader's scheme, light or dark.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Reference:
    """A row of a table's box: columns that refer to the same tables.

    Attributes:
        columns: Their names, in words.
        targets: The tables. Of several, each value is of one.
    """

    columns: str
    targets: Sequence[str]


@dataclass(frozen=True, slots=True)
class Box:
    """A table in a picture.

    Attributes:
        name: Its name.
        note: What stands beside the name, such as the page that it is on. Empty for a table of this page.
        references: What it refers to.
    """

    name: str
    note: str = ""
    references: Sequence[Reference] = ()


LEFT, WIDTH, RIGHT = 8, 344, 352
"""Where boxes begin, how wide they are, and where they end, in pixels."""

TOP, HEAD, ROW, FOOT, GAP = 8, 22, 17, 5, 10
"""Space above all, the heights of a box's name, of a row, of its lower edge, and the space between two boxes."""

FIRST_TRACK, TRACK, LAST = 16, 8, 10
"""From the boxes to the first vertical line, from one to the next, and behind the last one."""

SMALL, LARGE = 11.5, 13
"""Sizes of letters. One of the small ones is at most `LETTER` wide."""
LETTER = 6.95

ROOM = int((WIDTH - 24) / LETTER)
"""How many letters a row has."""

COLOURS = (
    ("#0b5cad", "#7db8f7"),
    ("#a33f00", "#f4a26b"),
    ("#00695c", "#5fd0bd"),
    ("#8e1b6b", "#f08cc9"),
    ("#5a4b00", "#d9c04a"),
    ("#5b3bb5", "#b9a3f5"),
    ("#9b1c1c", "#f59a9a"),
    ("#33691e", "#a5d26a"),
)
"""Of the lines, in light and in dark: each has a contrast of at least 4.5 to the ground."""

STYLE = """\
text {{ font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }}
.ground {{ fill: #ffffff }} .box {{ fill: #f6f8fa; stroke: #8c959f }} .other {{ fill: #ffffff; stroke: #8c959f }}
.name {{ fill: #1f2328; font-weight: 600 }} .column {{ fill: #1f2328 }} .note {{ fill: #57606a }}
path {{ fill: none; stroke-width: 1.4 }} .several {{ stroke-dasharray: 3.5 2.5 }}
{light}
@media (prefers-color-scheme: dark) {{
.ground {{ fill: #1b1f27 }} .box {{ fill: #262c36; stroke: #7d8590 }} .other {{ fill: #1b1f27; stroke: #7d8590 }}
.name, .column {{ fill: #e6edf3 }} .note {{ fill: #a5afba }}
{dark}
}}"""


@dataclass
class _Wire:
    """The lines that lead to one table.

    Attributes:
        target: The table.
        end: The height at which they end.
        starts: The heights at which they begin, each with whether it leads to one of several tables.
        track: The number of the vertical line, from the boxes on.
        colour: The number of its colour.
    """

    target: str
    end: float
    starts: list[tuple[float, bool]] = field(default_factory=list)
    track: int = 0
    colour: int = 0

    @property
    def span(self) -> tuple[float, float]:
        heights = [self.end, *(height for height, _ in self.starts)]
        return min(heights), max(heights)

    @property
    def x(self) -> float:
        return RIGHT + FIRST_TRACK + self.track * TRACK


def draw(title: str, boxes: Sequence[Box]) -> str:
    """Return an SVG.

    Args:
        title: What it shows, for those who do not see it.
        boxes: The tables, from top to bottom. Each target of a reference is one of them.
    """
    tops = dict(zip((box.name for box in boxes), _tops(boxes), strict=True))
    wires = _route(boxes, tops)
    height = tops[boxes[-1].name] + _height(boxes[-1]) + TOP
    width = RIGHT + (FIRST_TRACK + max(wire.track for wire in wires) * TRACK + LAST if wires else LEFT)
    size, label = f'width="{width}" height="{height}"', quoteattr(title)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width} {height}" role="img" aria-label={label}>',
        f"<title>{escape(title)}</title>",
        f"<style>\n{_style()}\n</style>",
        f'<rect class="ground" width="{width}" height="{height}" rx="6"/>',
        *(line for wire in wires for line in _wire_lines(wire)),
        *(line for box in boxes for line in _box_lines(box, tops[box.name])),
        "</svg>",
    ]
    return "\n".join([*parts, ""])


def _tops(boxes: Iterable[Box]) -> Iterator[int]:
    top = TOP
    for box in boxes:
        yield top
        top += _height(box) + GAP


def _height(box: Box) -> int:
    return HEAD + len(box.references) * ROW + (FOOT if box.references else 0)


def _route(boxes: Sequence[Box], tops: Mapping[str, int]) -> list[_Wire]:
    """Return the lines to each table. The shortest are next to the boxes; those that do not meet share a track."""
    wires: dict[str, _Wire] = {}
    for box in boxes:
        for number, reference in enumerate(box.references):
            height = tops[box.name] + HEAD + (number + 0.5) * ROW
            for target in reference.targets:
                wire = wires.setdefault(target, _Wire(target, tops[target] + HEAD / 2))
                wire.starts.append((height, len(reference.targets) > 1))
    _place(wires.values())
    drawn = sorted(wires.values(), key=lambda wire: (wire.track, wire.end))
    for number, wire in enumerate(drawn):
        wire.colour = number % len(COLOURS)
    return drawn


def _place(wires: Iterable[_Wire]) -> None:
    """Give each line a track on which it meets no other, the shortest first."""
    tracks: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for wire in sorted(wires, key=lambda wire: (wire.span[1] - wire.span[0], wire.target)):
        first, last = wire.span
        wire.track = next(
            track
            for track in count()
            if all(last + ROW < low or high + ROW < first for low, high in tracks.get(track, ()))
        )
        tracks[wire.track].append(wire.span)


def _wire_lines(wire: _Wire) -> Iterator[str]:
    colour, x, (first, last) = f"c{wire.colour}", wire.x, wire.span
    yield f'<path class="{colour}" d="M{x:g} {first:g}V{last:g}M{x:g} {wire.end:g}H{RIGHT + 5}"/>'
    yield f'<path class="f{wire.colour}" d="M{RIGHT + 1} {wire.end:g}l7 -4v8z"/>'
    for height, is_one_of_several in wire.starts:
        several = " several" if is_one_of_several else ""
        yield f'<path class="{colour}{several}" d="M{RIGHT} {height:g}H{x:g}"/>'
        yield f'<circle class="f{wire.colour}" cx="{x:g}" cy="{height:g}" r="2.6"/>'


def _box_lines(box: Box, top: int) -> Iterator[str]:
    kind = "other" if box.note else "box"
    yield f'<rect class="{kind}" x="{LEFT}" y="{top}" width="{WIDTH}" height="{_height(box)}" rx="4"/>'
    yield f'<text class="name" x="{LEFT + 8}" y="{top + 15.5:g}" font-size="{LARGE}">{escape(box.name)}</text>'
    if box.note:
        yield _right(box.note, top + 15.5)
    for number, reference in enumerate(box.references):
        base = top + HEAD + number * ROW + 12
        columns, targets = _fit(reference.columns, f"→ {' or '.join(reference.targets)}")
        yield f'<text class="column" x="{LEFT + 14}" y="{base}" font-size="{SMALL}">{escape(columns)}</text>'
        yield _right(targets, base)


def _right(text: str, base: float) -> str:
    at = f'x="{RIGHT - 8}" y="{base:g}" text-anchor="end"'
    return f'<text class="note" {at} font-size="{SMALL}">{escape(text)}</text>'


def _fit(columns: str, targets: str) -> tuple[str, str]:
    """Return both texts of a row, cut where there is no room: the lines say the targets, too."""
    targets = _cut(targets, max(ROOM - len(columns) - 1, ROOM // 2))
    return _cut(columns, ROOM - len(targets) - 1), targets


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _style() -> str:
    light, dark = (
        "\n".join(f".c{number} {{ stroke: {pair[at]} }} .f{number} {{ fill: {pair[at]} }}" for number, pair in named)
        for at, named in enumerate([list(enumerate(COLOURS))] * 2)
    )
    return STYLE.format(light=light, dark=dark)
