"""Draws the calls and jobs of a run over time, as an SVG: one panel for each of several recordings. Pure."""

from __future__ import annotations

import heapq
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.timelines import Recording, Span

WIDTH = 760
"""Width of the longest run."""

LEFT, RIGHT, TOP = 190, 60, 30
LANE = 3
"""Height of a bar, with the space below it."""

MOST_HEIGHT = 110
"""Of a group. Where more bars lie above each other, they are thinner."""

TICKS = (1, 2, 5, 10, 20, 30, 60, 120, 300)
MOST_TICKS = 11


@dataclass(frozen=True)
class Group:
    """Kinds of calls or jobs that are drawn together."""

    title: str
    kinds: frozenset[str]
    colour: str


GROUPS = (
    Group("load and copy jobs", frozenset({"job LOAD", "job COPY"}), "#e8710a"),
    Group("queries", frozenset({"job SELECT"}), "#1a73e8"),
    Group("INSERT, MERGE and the like", frozenset({"job DML", "job SCRIPT"}), "#188038"),
    Group("CREATE, ALTER, DROP", frozenset({"job DDL"}), "#9334e6"),
    Group("calls that begin a job", frozenset({"jobs.insert", "jobs.query", "upload"}), "#555"),
    Group("calls that wait for one", frozenset({"jobs.get", "jobs.getQueryResults"}), "#b0b6bd"),
)
OTHERS = Group("calls about tables", frozenset(), "#d01884")

HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11"'
    ' fill="#555"><rect width="100%" height="100%" fill="#fff"/>'
)


def waterfall(recordings: Mapping[str, Recording]) -> str:
    """Return the SVG of recordings, each with its name: bars on one scale, then a panel for each on its own scale."""
    longest = max(recording.seconds for recording in recordings.values())
    parts: list[str] = []
    y: float = TOP
    for name, recording in recordings.items():
        parts += _comparison(name, recording, longest, y)
        y += 20
    for name, recording in recordings.items():
        y += TOP
        panel = _Panel(recording, y)
        parts += [
            _text(20, y, f"{name} ({recording.version}): {recording.title}", font_size=13, fill="#222"),
            *panel.parts(),
        ]
        y = panel.bottom
    head = HEAD.format(width=LEFT + WIDTH + RIGHT, height=y + TOP)
    return "\n".join([head, *parts, "</svg>", ""])


def _comparison(name: str, recording: Recording, longest: float, y: float) -> Iterator[str]:
    end = LEFT + WIDTH * recording.seconds / longest
    yield _text(20, y, name, fill="#222")
    yield f'<rect x="{LEFT}" y="{y - 9}" width="{end - LEFT:.1f}" height="11" fill="#8ab4f8"/>'
    yield _text(end + 5, y, f"{recording.seconds:.0f} s", fill="#222")


class _Panel:
    """A recording from a place on downwards."""

    def __init__(self, recording: Recording, top: float) -> None:
        self._recording = recording
        self._scale = WIDTH / recording.seconds
        self._top = top + 12
        self._parts: list[str] = []
        self.bottom = self._top
        """Where it ends. It is complete when it has been created."""
        for group, spans in _grouped(recording.spans):
            self._draw_group(group, spans)
        self._draw_axis()

    def parts(self) -> list[str]:
        """Return what is drawn."""
        return self._parts

    def _x(self, seconds: float) -> float:
        return LEFT + self._scale * seconds

    def _draw_group(self, group: Group, spans: Sequence[Span]) -> None:
        lanes = _lanes(spans)
        height = min(LANE, MOST_HEIGHT / len(lanes))
        first = self.bottom + height / 2
        stroke = f'fill="none" stroke-width="{height * 0.8:.2f}"'
        path = "".join(self._bars(lanes, first, height))
        self._parts.append(f'<path d="{path}" {stroke} stroke="{group.colour}"/>')
        seconds = sum(span.end - span.start for span in spans)
        label = f"{len(spans):,}, {seconds:,.0f} s in all"
        middle = self.bottom + max(height * len(lanes), 22) / 2
        self._parts += [
            _text(LEFT - 8, middle - 2, group.title, text_anchor="end", fill=group.colour),
            _text(LEFT - 8, middle + 10, label, text_anchor="end", font_size=9),
        ]
        self.bottom += max(height * len(lanes), 22) + 8

    def _bars(self, lanes: Sequence[Sequence[Span]], first: float, height: float) -> Iterator[str]:
        for number, lane in enumerate(lanes):
            for span in lane:
                width = max(0.4, self._scale * (span.end - span.start))
                yield f"M{self._x(span.start):.1f} {first + number * height:.1f}h{width:.1f}"

    def _draw_axis(self) -> None:
        recording = self._recording
        step = next(tick for tick in TICKS if recording.seconds / tick <= MOST_TICKS or tick == TICKS[-1])
        for number in range(int(recording.seconds // step) + 1):
            x = self._x(number * step)
            self._parts.insert(0, f'<path d="M{x:.1f} {self._top}V{self.bottom}" stroke="#eee"/>')
            self._parts.append(_text(x, self.bottom + 12, f"{number * step} s", text_anchor="middle", font_size=9))
        x = self._x(recording.state_seconds)
        self._parts.append(f'<path d="M{x:.1f} {self._top}V{self.bottom}" stroke="#c5221f" stroke-dasharray="3 2"/>')
        style: dict[str, str | int] = {"text_anchor": "end", "font_size": 9, "fill": "#c5221f"}
        self._parts.append(_text(x, self._top - 3, f"STATE, {recording.state_seconds:.1f} s", **style))
        self.bottom += 16


def _grouped(spans: Sequence[Span]) -> Iterator[tuple[Group, list[Span]]]:
    """Yield the groups that have spans, each with them."""
    found: defaultdict[Group, list[Span]] = defaultdict(list)
    by_kind = {kind: group for group in GROUPS for kind in group.kinds}
    for span in spans:
        found[by_kind.get(span.kind, OTHERS)].append(span)
    yield from ((group, found[group]) for group in (*GROUPS, OTHERS) if found[group])


def _lanes(spans: Sequence[Span]) -> list[list[Span]]:
    """Return spans in as few lanes as they need to not overlap, the earliest first."""
    lanes: list[list[Span]] = []
    free: list[tuple[float, int]] = []
    for span in sorted(spans):
        if free and free[0][0] <= span.start:
            _, number = heapq.heappop(free)
        else:
            number = len(lanes)
            lanes.append([])
        lanes[number].append(span)
        heapq.heappush(free, (span.end, number))
    return lanes


def _text(x: float, y: float, text: str, **style: str | int) -> str:
    """Return a text at a place. Underscores in the names of its attributes become hyphens."""
    attributes = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in style.items())
    return f'<text x="{x:.1f}" y="{y:.1f}"{attributes}>{text}</text>'
